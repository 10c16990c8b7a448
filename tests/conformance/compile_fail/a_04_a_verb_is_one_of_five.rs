//! a misspelt verb does not compile.

use selsyn::{Plot, Verb};

fn main() {
    let _ = Plot::new().verb(Verb::Repalce);
}
