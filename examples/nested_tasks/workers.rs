//! The four slaves at the bottom of the tree.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use selsyn::{Failure, FunctionExecution, Slave, SlaveHandle};
use serde::Serialize;
use tokio::sync::watch;

/// How many there are.
const COUNT: usize = 4;

/// Four slaves, and what they have seen.
pub(crate) struct Workers {
    pub(crate) slaves: Vec<SlaveHandle>,
    watching: watch::Receiver<usize>,
    told: Arc<AtomicUsize>,
}

/// The number that was too large to add.
#[derive(Serialize)]
struct TooLarge {
    number: i64,
}

async fn sum(_: FunctionExecution, numbers: Vec<i64>) -> Result<i64, Failure> {
    let mut sum = 0_i64;
    for number in numbers {
        let too_large = || Failure::new("the sum is too large").with_data(&TooLarge { number });
        sum = sum.checked_add(number).ok_or_else(too_large)?;
    }
    Ok(sum)
}

impl Workers {
    pub(crate) async fn start() -> Result<Self, Box<dyn Error>> {
        let (begun, watching) = watch::channel(0);
        let (begun, told) = (Arc::new(begun), Arc::new(AtomicUsize::new(0)));
        let mut slaves = Vec::new();
        for _ in 0..COUNT {
            let (begun, told) = (Arc::clone(&begun), Arc::clone(&told));
            // Watches until it is told to stop.
            let watch = move |execution: FunctionExecution, (): ()| {
                let (begun, told) = (Arc::clone(&begun), Arc::clone(&told));
                async move {
                    begun.send_modify(|count| *count += 1);
                    execution.cancelled().await;
                    told.fetch_add(1, Ordering::SeqCst);
                    Ok::<_, Failure>(())
                }
            };
            let slave = Slave::builder().function("sum", sum).function("watch", watch);
            slaves.push(slave.bind("127.0.0.1:0").await?.spawn());
        }
        Ok(Self { slaves, watching, told })
    }

    /// Waits until all of them watch.
    pub(crate) async fn all_watch(&self) {
        // It cannot fail: the slaves hold the sender.
        let _ = self.watching.clone().wait_for(|count| *count == COUNT).await;
    }

    /// How many were told to stop.
    pub(crate) fn told(&self) -> usize {
        self.told.load(Ordering::SeqCst)
    }

    pub(crate) async fn stop(self) -> Result<(), Box<dyn Error>> {
        for slave in self.slaves {
            slave.shutdown().await?;
        }
        Ok(())
    }
}
