//! A web service that holds a master: a task for each request, its progress to the client.
//!
//! `embed_in_service serve SLAVE [LISTEN]` serves until Ctrl-C or SIGTERM. Without arguments it
//! shows itself: with a slave and clients of its own, and an end.

mod client;
mod demo;
mod service;
mod trainer;

use std::error::Error;

use tokio::net::TcpListener;

/// How every step of this program ends.
type Done<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

/// Where it listens unless told otherwise.
const LISTEN: &str = "127.0.0.1:8080";

#[tokio::main]
async fn main() -> Done {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [] => demo::run().await,
        ["serve", slave] => serve(slave, LISTEN).await,
        ["serve", slave, listen] => serve(slave, listen).await,
        _ => Err("run it without arguments, or with: serve SLAVE [LISTEN]".into()),
    }
}

async fn serve(slave: &str, listen: &str) -> Done {
    let listener = TcpListener::bind(listen).await?;
    service::serve(listener, slave.to_owned(), service::shutdown_signal()).await
}
