//! FunctionGraph finds out when the slave starts; Rust before that.

fn main() {
    selsyn::Slave::builder().function("f", "not a function");
}
