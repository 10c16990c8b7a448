//! Tells the events of an execution, wherever they break off and however slowly they are read.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use selsyn_common::proto::{WatchReply, WatchRequest};
use selsyn_common::{ExecutionEvent, ExecutionId, Happened};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tonic::Streaming;

use super::{Control, ControlError};

/// Batches that wait for a slow reader: a mebibyte or so. Beyond it the stream is let go, as one
/// that is not read holds up its channel, and is taken up again where the reader is.
const BATCHES: usize = 16;

/// How often a stream that broke is taken up again without having brought anything.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(200);

/// The events of one execution, in order. A reader that is slow loses nothing that the slave
/// keeps; a stream that breaks is taken up where it broke.
#[derive(Debug)]
pub struct Watch {
    control: Control,
    id: ExecutionId,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Nobody has asked for an event; from here on.
    Idle(u64),
    Reading(Reading),
    Over,
}

/// A task of ours drains the stream, whatever the reader does.
#[derive(Debug)]
struct Reading {
    batches: Receiver<Batch>,
    ready: VecDeque<ExecutionEvent>,
    task: JoinHandle<()>,
    /// The number after the last event that was given.
    next: u64,
    goal: Goal,
}

/// Events that came together, or why none come any more.
type Batch = Result<Vec<ExecutionEvent>, ControlError>;

/// The number that the next event had when the watch began: known before its first event.
type Goal = Arc<OnceLock<u64>>;

impl Drop for Reading {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Watch {
    pub(super) const fn new(control: Control, id: ExecutionId, from: u64) -> Self {
        Self { control, id, state: State::Idle(from) }
    }

    /// Which execution.
    pub const fn id(&self) -> ExecutionId {
        self.id
    }

    /// Whether everything has been told that had happened when the watch began, which is when its
    /// first event was asked for; what comes from here on is new. False before that.
    pub fn caught_up(&self) -> bool {
        match &self.state {
            State::Idle(_) => false,
            State::Reading(reading) => reading.goal.get().is_some_and(|goal| reading.next >= *goal),
            State::Over => true,
        }
    }

    /// The next event; `None` after the verdict. Waits for as long as nothing happens.
    ///
    /// # Errors
    ///
    /// [`ControlError::NotFound`] and [`ControlError::Expired`] when there is no such execution;
    /// [`ControlError::Connect`] when the slave has gone and does not come back within seconds:
    /// watch again from the number after the last event. Nothing follows an error.
    ///
    /// # Cancel safety
    ///
    /// Safe to drop and to call again: no event is lost.
    pub async fn next(&mut self) -> Option<Result<ExecutionEvent, ControlError>> {
        if let State::Idle(from) = self.state {
            self.state = State::Reading(Reading::begin(self.control.clone(), self.id, from));
        }
        let State::Reading(reading) = &mut self.state else { return None };
        let next = reading.next().await;
        let is_last = match &next {
            Some(Ok(event)) => matches!(event.what, Happened::Ended(_)),
            Some(Err(_)) | None => true,
        };
        if is_last {
            self.state = State::Over;
        }
        next
    }
}

impl Reading {
    fn begin(control: Control, id: ExecutionId, next: u64) -> Self {
        let ((sender, batches), goal) = (mpsc::channel(BATCHES), Goal::default());
        let task = tokio::spawn(drain(control, id, next, sender, Arc::clone(&goal)));
        Self { batches, ready: VecDeque::new(), task, next, goal }
    }

    async fn next(&mut self) -> Option<Result<ExecutionEvent, ControlError>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                self.next = event.next_seq();
                return Some(Ok(event));
            }
            match self.batches.recv().await? {
                Ok(events) => self.ready = events.into(),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// Brings events until the verdict, over as many streams as it takes.
async fn drain(
    control: Control,
    id: ExecutionId,
    mut next: u64,
    batches: Sender<Batch>,
    goal: Goal,
) {
    let mut tries = 0;
    loop {
        let before = next;
        let left = match find_goal(&control, id, &goal).await {
            Ok(()) => follow(&control, id, &mut next, &batches).await,
            Err(error) => Err(error),
        };
        if next > before {
            tries = 0;
        }
        match left {
            Ok(Left::Over) => return,
            Ok(Left::Full) => {
                // Room is taken up anew by whoever reads on.
                if batches.reserve().await.is_err() {
                    return;
                }
            }
            Err(error) if error.is_broken_way() && tries < TRIES => {
                tries += 1;
                sleep(PAUSE * tries).await;
            }
            Err(error) => {
                // Who does not listen any more misses nothing.
                let _ = batches.send(Err(error)).await;
                return;
            }
        }
    }
}

/// Asks once how far the execution has come when it is first looked at.
async fn find_goal(control: &Control, id: ExecutionId, goal: &Goal) -> Result<(), ControlError> {
    if goal.get().is_none() {
        let next = control.get(id).await?.next_seq;
        goal.get_or_init(|| next);
    }
    Ok(())
}

/// Why a stream was left.
enum Left {
    /// Everything was told, or nobody listens any more.
    Over,
    /// The reader is slow.
    Full,
}

/// Reads one stream to its end, or for as long as there is room.
async fn follow(
    control: &Control,
    id: ExecutionId,
    next: &mut u64,
    batches: &Sender<Batch>,
) -> Result<Left, ControlError> {
    let (mut stream, dial) = open(control, id, *next).await?;
    loop {
        let reply = match stream.message().await {
            Ok(Some(reply)) => reply,
            // Who begins beyond the verdict is told nothing.
            Ok(None) => return Ok(Left::Over),
            Err(status) => {
                control.0.watches.broke(dial).await;
                return Err(ControlError::of(control.address(), Some(id), status));
            }
        };
        let events = read(control, reply)?;
        let Some(last) = events.last() else { continue };
        let (after, is_end) = (last.next_seq(), matches!(last.what, Happened::Ended(_)));
        match batches.try_send(Ok(events)) {
            Ok(()) => *next = after,
            Err(TrySendError::Full(_)) => return Ok(Left::Full),
            Err(TrySendError::Closed(_)) => return Ok(Left::Over),
        }
        if is_end {
            return Ok(Left::Over);
        }
    }
}

async fn open(
    control: &Control,
    id: ExecutionId,
    from_seq: u64,
) -> Result<(Streaming<WatchReply>, u64), ControlError> {
    let patience = control.0.patience;
    let opening = async {
        let (mut slave, dial) = control.0.watches.slave().await?;
        match slave.watch(WatchRequest { execution: Some(id.into()), from_seq }).await {
            Ok(stream) => Ok((stream.into_inner(), dial)),
            Err(status) => {
                let error = ControlError::of(control.address(), Some(id), status);
                if error.is_broken_way() {
                    control.0.watches.broke(dial).await;
                }
                Err(error)
            }
        }
    };
    let late = |_| {
        let address = control.address().to_owned();
        Err(ControlError::Timeout { address, patience })
    };
    timeout(patience, opening).await.unwrap_or_else(late)
}

fn read(control: &Control, reply: WatchReply) -> Result<Vec<ExecutionEvent>, ControlError> {
    reply.events.into_iter().map(|event| control.read(event)).collect()
}
