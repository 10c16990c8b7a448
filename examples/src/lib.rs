//! The examples of Selsyn: one directory an example beside this one.
