//! Trains a classifier on three slave processes, each of which sees a third of the data only.
//!
//! One program in two roles: without arguments it is the master, which starts it again three
//! times as `train_iris slave NAME`.

mod data;
mod fleet;
mod master;
mod model;
mod screen;
mod slave;

use std::error::Error;
use std::process::ExitCode;

/// How every step of this program ends.
type Done<T = ()> = Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (who, ended) = match arguments[..] {
        [] => ("train_iris", master::run().await),
        ["slave", name] => (name, slave::run().await),
        _ => ("train_iris", Err("run it without arguments".into())),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{who}: {error}");
            ExitCode::FAILURE
        }
    }
}
