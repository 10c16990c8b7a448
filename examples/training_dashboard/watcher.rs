//! A client that knows nothing but the slave's address: it could run anywhere else.

use std::net::SocketAddr;

use selsyn::{Execution, ExecutionEvent, Happened, Master, OutputContent, Phase, Picture, Watch};

use crate::Done;

pub(crate) struct Watcher {
    training: Execution,
    events: Watch,
    /// What it has been told so far, folded.
    pub(crate) picture: Picture,
}

impl Watcher {
    /// Looks for the training that runs, whoever started it.
    pub(crate) async fn find(slave: SocketAddr) -> Done<Self> {
        let control = Master::new()?.control(slave)?;
        let found = control.list().function("train").status(Phase::Running).await?;
        let training = found.first().ok_or("no training runs")?;
        println!("watcher: found {}, started by \"{}\"", training.function, training.connection);
        let training = control.execution(training.id);
        let events = training.watch();
        Ok(Self { training, events, picture: Picture::new() })
    }

    /// Reads what happened before it came.
    pub(crate) async fn catches_up(&mut self) -> Done {
        while !self.events.caught_up() {
            self.next().await?;
        }
        println!("watcher: {} outputs", self.picture.seq());
        Ok(())
    }

    /// Reads until a lap has ended: its line is the last that it shows.
    pub(crate) async fn sees_a_lap(&mut self) -> Done {
        loop {
            if let Happened::Output(output) = self.next().await?.what
                && let OutputContent::Log(line) = output.content
            {
                println!("watcher: {}", line.content);
                return Ok(());
            }
        }
    }

    /// Whoever may look may also stop it.
    pub(crate) async fn stops(&self) -> Done {
        self.training.stop("good enough").await?;
        Ok(())
    }

    /// Reads to the verdict.
    pub(crate) async fn sees_the_end(&mut self) -> Done {
        loop {
            match self.next().await?.what {
                Happened::Stopping(why) => println!("watcher: stopping: {why}"),
                Happened::Ended(outcome) => {
                    println!("watcher: {}", outcome.status);
                    return Ok(());
                }
                _ => {}
            }
        }
    }

    async fn next(&mut self) -> Done<ExecutionEvent> {
        let event = self.events.next().await.ok_or("nothing comes after the verdict")??;
        if let Happened::Output(output) = &event.what {
            self.picture.apply(output.clone());
        }
        Ok(event)
    }
}
