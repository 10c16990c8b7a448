//! What a running function is handed by its master.

mod handler;
mod inbox;
mod room;

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use selsyn_common::link::batch::MAX_BATCH_BYTES;
use selsyn_common::wire::{self, WireError};
use selsyn_common::{ExecutionId, Payload, proto};
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tracing::debug;

use super::FunctionExecution;
use crate::core::Core;
use crate::records::RecordRef;
use crate::session::Session;
use handler::Handler;
use inbox::{MAX_INPUTS, Put, Taker};
use room::Held;

pub(super) use inbox::Inbox;
pub(crate) use room::InputRoom;

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
/// misses what goes beyond those bounds, or those of the slave: see
/// [`missed_inputs`](Self::missed_inputs).
impl FunctionExecution {
    /// What is sent by `RunningTask::send_input` or `Control::send_input`, from now on.
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
    /// this thread; what comes meanwhile is not. One that panics is called with the next one all the
    /// same. The run does not wait for it: it ends when the function does.
    pub fn on_input(&self, f: impl FnMut(Payload) + Send + 'static) {
        let handler = Arc::new(Handler::new(f));
        let taker = Taker::Handler(Arc::clone(&handler));
        handler.begin(self, || {
            let mut first = VecDeque::new();
            self.record.extras().inbox.add(|waiting| {
                first = waiting;
                taker
            });
            first
        });
    }

    /// Inputs that were dropped, or refused, as too many waited.
    pub fn missed_inputs(&self) -> u64 {
        self.record.asked_for().map_or(0, |extras| extras.inbox.missed())
    }
}

/// What became of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Handed {
    /// It waits, or somebody has it.
    Taken,
    /// As much waits as may.
    Full,
    /// User code has ended.
    Over,
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
    // The master hears of none that is lost: the function counts them.
    hand(core, &record, data, 0);
    Ok(())
}

/// Hands a running function something; the number tells it from others, 0 does not.
pub(crate) fn hand(core: &Core, record: &RecordRef, data: Payload, number: u64) -> Handed {
    if record.state().life.is_ended() {
        return Handed::Over;
    }
    match record.extras().inbox.put(alone(data), number, &core.inputs) {
        Put::Over => return Handed::Over,
        Put::Full => return Handed::Full,
        Put::Kept(handlers) => {
            for handler in handlers {
                let execution = FunctionExecution::new(RecordRef::clone(record));
                core.spawn_blocking_function(move || handler.work(&execution));
            }
        }
    }
    Handed::Taken
}

/// Copies data that came with other frames out of their buffer, which it would keep as it waits.
fn alone(data: Payload) -> Payload {
    if data.len() > MAX_BATCH_BYTES {
        return data;
    }
    Payload::from_parts(data.kind(), Bytes::copy_from_slice(data.as_bytes()))
}
