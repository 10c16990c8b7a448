//! Shows every place where a program may have a say in the life of a task.

mod shop;

use std::error::Error;

use selsyn::{Connection, HookError, Master, OnStartError, Payload, Ran, StartError};

use shop::Order;

type Done = Result<(), Box<dyn Error>>;

#[tokio::main]
async fn main() -> Done {
    let shop = shop::open().await?.spawn();
    let master = Master::new()?;
    let connection = master.connect("shop", shop.addr().to_string()).await?;

    hooks_around_a_start(&connection).await?;
    logs_and_progress(&connection).await?;
    callbacks_of_a_value(&connection).await?;
    callbacks_of_a_failure(&connection).await?;
    a_refused_start(&connection).await?;

    master.close().await;
    shop.shutdown().await?;
    Ok(())
}

/// The data goes through before_start; after_start hears what the slave's own hook replied.
async fn hooks_around_a_start(connection: &Connection) -> Done {
    println!("== hooks around a start");
    let running = connection
        .new_task(Order::new("poem", 1))?
        .function("print")
        .before_start(two_copies)
        .after_start(|accepted| {
            let reply = accepted.reply.unwrap_or_else(Payload::null);
            println!("after_start: the slave replied {reply}");
        })
        .start()
        .await?;
    let copies: u32 = running.success().await?;
    println!("printed {copies} copies");
    Ok(())
}

/// A hook takes the data by value and gives back what is sent; an error would veto the start.
fn two_copies(data: Payload) -> Result<Payload, HookError> {
    let order: Order = data.to()?;
    let changed = Payload::encode(&Order { copies: 2, ..order })?;
    println!("before_start: {data} becomes {changed}");
    Ok(changed)
}

/// What the function shows arrives in the order in which it was shown, and before the end.
async fn logs_and_progress(connection: &Connection) -> Done {
    println!("== logs and progress");
    let running = connection
        .new_task(Order::new("poem", 2))?
        .function("print")
        .on_log(|line| println!("on_log: {} {}", line.level, line.content))
        .on_progress(|progress| println!("on_progress: {:.0} %", progress.value * 100.0))
        .on_complete(|data, value| println!("on_complete: {data} -> {value}"))
        .start()
        .await?;
    running.join().await;
    Ok(())
}

/// Callbacks run one after the other, as they were chained; one that panics stops no other.
async fn callbacks_of_a_value(connection: &Connection) -> Done {
    println!("== callbacks of a value");
    let same = connection.clone();
    let running = connection
        .new_task(Order::new("poem", 3))?
        .function("print")
        .on_complete(|_, value| println!("first: {value} copies are ready"))
        .on_complete(|_, _| panic!("the stapler jams"))
        .on_fail(|_, failure| println!("never printed: {failure}"))
        .on_complete_async(|_, value| async move {
            match bind(&same, value).await {
                Ok(booklet) => println!("third: {booklet}"),
                Err(error) => println!("third: it was not bound: {error}"),
            }
        })
        .on_complete(|_, _| println!("fourth: after the booklet"))
        .start()
        .await?;
    let outcome = running.join().await;
    println!("panics: {:?}", outcome.callback_panics);
    Ok(())
}

/// Starts another task on the same connection and waits for it, as async callbacks may.
async fn bind(
    connection: &Connection,
    pages: Payload,
) -> Result<String, Box<dyn Error + Send + Sync>> {
    let running = connection.new_task(pages)?.function("bind").start().await?;
    Ok(running.success().await?)
}

/// Fail callbacks are given the failure: message, data, and whether the function ran.
async fn callbacks_of_a_failure(connection: &Connection) -> Done {
    println!("== callbacks of a failure");
    let running = connection
        .new_task(Order::new("", 1))?
        .function("print")
        .on_complete(|_, value| println!("never printed: {value}"))
        .on_fail(|data, failure| println!("first: {data} failed: {failure}"))
        .on_fail(|_, failure| println!("second: {}, data {}", failure.ran, text(&failure.data)))
        .start()
        .await?;
    println!("status: {}", running.join().await.status);
    Ok(())
}

/// A start that is refused is told to on_start_error, which decides what `start()` returns.
async fn a_refused_start(connection: &Connection) -> Done {
    println!("== a refused start");
    let running = connection
        .new_task(Order::new("poem", 100))?
        .function("print")
        .on_start_error(|data, error| {
            println!("on_start_error: {data}: {error}");
            tell_refusal(error);
            OnStartError::Swallow
        })
        .start()
        .await?;
    println!("status: {}", running.status());
    let outcome = running.join().await;
    let ran = outcome.failure().map(|failure| failure.ran);
    println!("sending it again is safe: {}", ran == Some(Ran::No));
    Ok(())
}

fn tell_refusal(error: &StartError) {
    if let Some(refusal) = error.refusal() {
        println!("code {}, data {}", refusal.code, text(&refusal.data));
    }
}

fn text(data: &Option<Payload>) -> String {
    data.as_ref().map_or_else(String::new, Payload::to_string)
}
