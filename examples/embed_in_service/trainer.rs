//! The slave of the demonstration: one function, which trains as fast as it is let.

use std::sync::Arc;

use selsyn::{Failure, FunctionExecution, Slave, SlaveBuilder};
use tokio::sync::{Semaphore, mpsc};

/// What the demonstration shares with its slave.
#[derive(Clone)]
pub(crate) struct Trainer {
    /// One permit an epoch: the demonstration decides what happens when.
    pub(crate) pace: Arc<Semaphore>,
    /// Is told when a training was asked to stop.
    pub(crate) stopped: mpsc::UnboundedSender<String>,
}

impl Trainer {
    /// A slave that runs one training at a time and lets nobody wait.
    pub(crate) fn slave(self) -> SlaveBuilder {
        Slave::builder().slots(1).queue(0, 0).function("train", move |execution, epochs: u32| {
            let trainer = self.clone();
            async move { trainer.train(&execution, epochs).await }
        })
    }

    async fn train(&self, execution: &FunctionExecution, epochs: u32) -> Result<f64, Failure> {
        let mut loss = 1.0;
        for epoch in 1..=epochs {
            tokio::select! {
                permit = self.pace.acquire() => permit?.forget(),
                () = execution.cancelled() => return self.stop(epoch - 1, epochs),
            }
            loss *= 0.5;
            execution.info(format_args!("epoch {epoch}: loss {loss}"));
            execution.progress(f64::from(epoch) / f64::from(epochs))?;
        }
        Ok(loss)
    }

    fn stop(&self, done: u32, epochs: u32) -> Result<f64, Failure> {
        self.stopped.send(format!("asked to stop after {done} of {epochs} epochs"))?;
        Err(Failure::new("it was stopped before its end"))
    }
}
