//! Tasks in bursts: a thousand are started, then all of them joined, by one tokio task.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use selsyn::{RunningTask, StartError};

use super::Small;
use crate::Result;

impl Small {
    /// Runs so many tasks in bursts of at most `burst`.
    pub(crate) async fn bursts(&self, tasks: usize, burst: usize) -> Result<()> {
        let mut left = tasks;
        // The futures' places are used again: a burst is not a measure of the allocator.
        let mut starts: Vec<_> = (0..burst.min(tasks)).map(|_| Box::pin(self.start())).collect();
        loop {
            left -= starts.len();
            self.join_all(&mut starts).await?;
            if left == 0 {
                return Ok(());
            }
            starts.truncate(left);
            starts.iter_mut().for_each(|start| start.set(self.start()));
        }
    }

    async fn join_all<F>(&self, starts: &mut [Pin<Box<F>>]) -> Result<()>
    where
        F: Future<Output = std::result::Result<RunningTask, StartError>>,
    {
        let begun = std::future::poll_fn(|cx| Poll::Ready(begin(starts, cx))).await?;
        let mut running = Vec::with_capacity(starts.len());
        for (start, begun) in starts.iter_mut().zip(begun) {
            running.push(match begun {
                Some(running) => running,
                None => start.await?,
            });
        }
        for task in running {
            self.check(&task.join().await)?;
        }
        Ok(())
    }
}

/// The first poll of each sends it; the acceptances that it does not bring are awaited afterwards.
fn begin<T, F>(starts: &mut [Pin<Box<F>>], cx: &mut Context<'_>) -> Result<Vec<Option<T>>>
where
    F: Future<Output = std::result::Result<T, StartError>>,
{
    let poll = |start: &mut Pin<Box<F>>| match start.as_mut().poll(cx) {
        Poll::Ready(begun) => Ok(Some(begun?)),
        Poll::Pending => Ok(None),
    };
    starts.iter_mut().map(poll).collect()
}
