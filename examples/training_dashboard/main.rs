//! One execution that trains and shows it, and two clients that see the same: the one that started
//! it, and one that comes late, looks, and aborts it.

#[path = "../train_iris/data.rs"]
mod data;
#[path = "../train_iris/model.rs"]
mod model;
mod owner;
mod screen;
mod training;
mod watcher;

use std::error::Error;

use owner::Owner;
use watcher::Watcher;

/// How every step of this program ends.
type Done<T = ()> = Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> Done {
    let slave = training::open().await?.spawn();

    println!("== the owner starts a training, and lets it go on once");
    let mut owner = Owner::start(slave.addr()).await?;
    owner.sees_a_lap().await?;
    owner.says_go_on()?;
    owner.sees_a_lap().await?;

    println!("== a watcher comes late, and is told everything from the first event on");
    let mut watcher = Watcher::find(slave.addr()).await?;
    watcher.catches_up().await?;
    println!("it sees what the owner sees: {}", owner.picture() == watcher.picture);
    screen::draw(&watcher.picture);

    println!("== both look on");
    owner.says_go_on()?;
    owner.sees_a_lap().await?;
    watcher.sees_a_lap().await?;
    println!("they see the same: {}", owner.picture() == watcher.picture);

    println!("== the watcher aborts it");
    watcher.stops().await?;
    watcher.sees_the_end().await?;
    owner.sees_the_end().await;
    println!("they see the same: {}", owner.picture() == watcher.picture);
    screen::draw(&watcher.picture);

    owner.leaves().await;
    slave.shutdown().await?;
    Ok(())
}
