//! Shows the service at work: as its slave, as its clients, and as whoever ends it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use selsyn::SlaveHandle;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::{sleep, timeout};

use crate::Done;
use crate::client::{Answer, post};
use crate::service;
use crate::trainer::Trainer;

/// How long the whole of it may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Between two looks at what has no event.
const LOOK: Duration = Duration::from_millis(2);

pub(crate) async fn run() -> Done {
    timeout(PATIENCE, show()).await?
}

async fn show() -> Done {
    let pace = Arc::new(Semaphore::new(0));
    // One line for each training that is stopped.
    let (stopped, stops) = mpsc::unbounded_channel();
    let trainer = Trainer { pace: Arc::clone(&pace), stopped };
    let slave = trainer.slave().bind("127.0.0.1:0").await?.spawn();

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let (stop, told) = oneshot::channel();
    let told = async { told.await.unwrap_or_default() };
    let service = tokio::spawn(service::serve(listener, slave.addr().to_string(), told));

    a_request_is_a_task(address, &pace).await?;
    let first = a_full_slave(address, &pace).await?;
    a_client_that_goes_away(first, stops, &slave).await?;
    an_end_in_good_order(address, &pace, stop).await?;
    service.await??;
    println!("the service has ended");
    Ok(slave.shutdown().await?)
}

/// The answer is a stream of events, which ends with the task.
async fn a_request_is_a_task(address: SocketAddr, pace: &Semaphore) -> Done {
    println!("== a request is a task");
    let mut answer = begun(address, "/train/3").await?;
    pace.add_permits(3);
    print_events(&mut answer).await
}

/// One client occupies the slave; the next is told when to come again. Gives the first.
async fn a_full_slave(address: SocketAddr, pace: &Semaphore) -> Done<Answer> {
    println!("== the slave is full");
    let mut first = begun(address, "/train/1000").await?;
    pace.add_permits(1);
    print_event(&mut first).await?;
    let mut second = post(address, "/train/3").await?;
    println!("{}", second.status);
    println!("retry-after: {}", second.retry_after.as_deref().unwrap_or("not told"));
    println!("{}", second.line().await?.unwrap_or_default());
    Ok(first)
}

/// Nobody waits for its task any more: the slave is asked to stop it.
async fn a_client_that_goes_away(
    first: Answer,
    mut stops: mpsc::UnboundedReceiver<String>,
    slave: &SlaveHandle,
) -> Done {
    println!("== the first client goes away");
    drop(first);
    println!("slave: {}", stops.recv().await.ok_or("the slave says nothing")?);
    // It is told inside the function, a moment before the slot is free.
    while slave.running() > 0 {
        sleep(LOOK).await;
    }
    Ok(())
}

/// The service is told to end while it serves a client, which is served to the end.
async fn an_end_in_good_order(
    address: SocketAddr,
    pace: &Semaphore,
    stop: oneshot::Sender<()>,
) -> Done {
    println!("== the service is told to end while a client is served");
    let mut last = begun(address, "/train/2").await?;
    stop.send(()).map_err(|()| "the service has ended before")?;
    while TcpStream::connect(address).await.is_ok() {
        sleep(LOOK).await;
    }
    println!("new clients are refused");
    pace.add_permits(2);
    print_events(&mut last).await
}

/// Asks for a training, and waits until it runs.
async fn begun(address: SocketAddr, path: &str) -> Done<Answer> {
    let mut answer = post(address, path).await?;
    println!("{} -> {}", path, answer.status);
    print_event(&mut answer).await?;
    Ok(answer)
}

async fn print_events(answer: &mut Answer) -> Done {
    while print_event(answer).await? {}
    Ok(())
}

/// False at the end.
async fn print_event(answer: &mut Answer) -> Done<bool> {
    let Some((name, data)) = answer.event().await? else { return Ok(false) };
    println!("{name}: {data}");
    Ok(true)
}
