//! A client that knows nothing but the slave's address: it could run anywhere else.

use std::net::SocketAddr;

use selsyn::{
    Control, ExecutionEvent, ExecutionId, Happened, Master, OutputContent, Phase, Picture, Watch,
};

use crate::Done;

pub(crate) struct Watcher {
    control: Control,
    id: ExecutionId,
    /// The number that the next event had when it came.
    next_seq: u64,
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
        let (id, next_seq) = (training.id, training.next_seq);
        let events = control.watch(id, 1);
        Ok(Self { control, id, next_seq, events, picture: Picture::new() })
    }

    /// Reads what happened before it came.
    pub(crate) async fn catches_up(&mut self) -> Done {
        while self.next().await?.next_seq() < self.next_seq {}
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
        self.control.stop(self.id, "good enough").await?;
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
