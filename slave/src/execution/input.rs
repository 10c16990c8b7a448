//! What a running function is handed by its master.

mod handler;
mod inbox;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use selsyn_common::wire::{self, WireError};
use selsyn_common::{ExecutionId, Payload, proto};
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tracing::debug;

use super::FunctionExecution;
use crate::core::Core;
use crate::session::Session;
use handler::Handler;
use inbox::{Held, MAX_INPUTS, Taker};

pub(super) use inbox::Inbox;

/// What a running function is handed, as a stream: it ends with the run.
#[derive(Debug)]
pub struct Inputs {
    receiver: mpsc::Receiver<Held>,
}

impl Inputs {
    /// Waits for the next input; `None` when the run has ended.
    ///
    /// # Cancel safety
    ///
    /// Safe to drop and to call again: no input is lost.
    pub async fn next(&mut self) -> Option<Payload> {
        self.receiver.recv().await.map(|held| held.data)
    }
}

impl Stream for Inputs {
    type Item = Payload;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Payload>> {
        self.receiver.poll_recv(cx).map(|held| held.map(|held| held.data))
    }
}

/// Inputs. What comes before anybody takes inputs waits for the first one who does: at most 1,024
/// of them and 64 MiB. Everyone who takes them from then on is given each. One that is too slow
/// misses what goes beyond those bounds: see [`missed_inputs`](Self::missed_inputs).
impl FunctionExecution {
    /// What the master sends by `RunningTask::send_input`, from now on.
    pub fn inputs(&self) -> Inputs {
        let (sender, receiver) = mpsc::channel(MAX_INPUTS);
        self.record.extras().inbox.add(move |waiting| {
            for held in waiting {
                // No more wait than a stream holds.
                let _ = sender.try_send(held);
            }
            Taker::Stream(sender)
        });
        Inputs { receiver }
    }

    /// Calls `f` with each input, in order, on a thread that may block, inside the run's
    /// [`scope`](Self::scope) (CloudPSS: `on_input`). What came before is handed over at once, on
    /// this thread. One that panics is called with the next one all the same. The run does not
    /// wait for it: it ends when the function does.
    pub fn on_input(&self, f: impl FnMut(Payload) + Send + 'static) {
        let handler = Arc::new(Handler::new(f));
        let added = Arc::clone(&handler);
        self.record.extras().inbox.add(move |waiting| {
            added.begin_with(waiting);
            Taker::Handler(added)
        });
        handler.work(self);
    }

    /// Inputs that were dropped, as too many waited.
    pub fn missed_inputs(&self) -> u64 {
        self.record.asked_for().map_or(0, |extras| extras.inbox.missed())
    }
}

/// Hands a running function what its master sends. An execution that has ended takes nothing.
pub(crate) fn deal_with(
    core: &Core,
    session: &Session,
    input: proto::Input,
) -> Result<(), WireError> {
    let id: ExecutionId = wire::execution_id("Input", input.execution)?;
    let data = Payload::required("Input", "data", input.data)?;
    let Some(record) = core.records.get(id) else {
        debug!(task.id = %id, "an input for a task that is not here; dropped");
        return Ok(());
    };
    if record.origin.peer.master != session.peer.master {
        let problem = "belongs to another master";
        return Err(WireError { frame: "Input", field: "execution", problem });
    }
    if record.state().life.is_ended() {
        return Ok(());
    }
    for handler in record.extras().inbox.put(data) {
        let execution = FunctionExecution::new(Arc::clone(&record));
        core.spawn_blocking_function(move || handler.work(&execution));
    }
    Ok(())
}
