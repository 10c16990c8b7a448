//! The client that started the training: it has a session, and is told everything as it happens.

use std::net::SocketAddr;

use selsyn::{Master, Picture, RunningTask};
use tokio::sync::mpsc::{self, UnboundedReceiver};

use crate::Done;
use crate::training::Plan;

pub(crate) struct Owner {
    master: Master,
    running: RunningTask,
    /// The lines of the log, in order.
    lines: UnboundedReceiver<String>,
}

impl Owner {
    /// Starts the training.
    pub(crate) async fn start(slave: SocketAddr) -> Done<Self> {
        let master = Master::new()?;
        let trainer = master.connect("trainer", slave).await?;
        let (said, lines) = mpsc::unbounded_channel();
        let running = trainer
            .new_task(Plan { laps: 5, epochs: 100 })?
            .function("train")
            .keep_picture()
            // Chained before the start, so that no line is missed.
            .on_log(move |line| drop(said.send(line.content.clone())))
            .start()
            .await?;
        Ok(Self { master, running, lines })
    }

    /// Waits for the end of a lap.
    pub(crate) async fn sees_a_lap(&mut self) -> Done {
        let line = self.lines.recv().await.ok_or("the training has ended")?;
        println!("owner: {line}");
        Ok(())
    }

    /// Input for the running function.
    pub(crate) fn says_go_on(&self) -> Done {
        Ok(self.running.send_input("go on")?)
    }

    /// Everything shown so far, folded.
    pub(crate) fn picture(&self) -> Picture {
        self.running.picture().unwrap_or_default()
    }

    /// Waits for the verdict: somebody else asked for it.
    pub(crate) async fn sees_the_end(&self) {
        let outcome = self.running.join().await;
        match outcome.result {
            Ok(accuracy) => println!("owner: {} with accuracy {accuracy}", outcome.status),
            Err(failure) => {
                println!("owner: {}: {failure}", outcome.status);
                let partial = failure.partial.map(|value| value.to_string());
                println!("owner: the accuracy so far: {}", partial.unwrap_or_default());
            }
        }
    }

    pub(crate) async fn leaves(self) {
        self.master.close().await;
    }
}
