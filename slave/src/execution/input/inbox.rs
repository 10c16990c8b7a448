//! Where inputs wait, and who is given them; bounded.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use selsyn_common::Payload;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::handler::Handler;

/// Inputs that may wait for one who takes them: far more than a person sends, and few enough that
/// a function that takes none costs little.
pub(super) const MAX_INPUTS: usize = 1_024;

/// Bytes of inputs that may wait in one run: as much as the largest payload of a slave by default.
const MAX_BYTES: u32 = 64 << 20;

/// The inputs of one run, and who takes them.
#[derive(Debug, Default)]
pub(in crate::execution) struct Inbox {
    state: Mutex<State>,
    /// Bytes that may still come; made for the first input.
    room: OnceLock<Arc<Semaphore>>,
}

#[derive(Debug, Default)]
struct State {
    /// What came before anybody took any.
    waiting: VecDeque<Held>,
    takers: Vec<Taker>,
    missed: u64,
    is_over: bool,
}

/// An input that takes room until it is taken.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) data: Payload,
    _room: Arc<OwnedSemaphorePermit>,
}

/// One who takes inputs.
#[derive(Debug)]
pub(super) enum Taker {
    Stream(mpsc::Sender<Held>),
    Handler(Arc<Handler>),
}

/// What becomes of an input at one who takes it.
enum Offered {
    Taken,
    /// It must be told to go on.
    Wake(Arc<Handler>),
    Missed,
    /// It takes no more.
    Gone,
}

impl Inbox {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an input in; gives the handlers that must be told to go on.
    pub(super) fn put(&self, data: Payload) -> Vec<Arc<Handler>> {
        let bytes = u32::try_from(data.len()).unwrap_or(MAX_BYTES).min(MAX_BYTES);
        let room = self.room.get_or_init(|| Arc::new(Semaphore::new(MAX_BYTES as usize)));
        let room = Arc::clone(room).try_acquire_many_owned(bytes);
        let mut state = self.state();
        let Ok(room) = room else {
            state.missed += 1;
            return Vec::new();
        };
        state.put(Held { data, _room: Arc::new(room) })
    }

    /// Adds one who takes inputs, and first of all those that wait. Nothing comes after the end.
    pub(super) fn add(&self, make: impl FnOnce(VecDeque<Held>) -> Taker) {
        let mut state = self.state();
        if !state.is_over {
            let waiting = std::mem::take(&mut state.waiting);
            let taker = make(waiting);
            state.takers.push(taker);
        }
    }

    /// Inputs that were dropped, as too many waited.
    pub(super) fn missed(&self) -> u64 {
        self.state().missed
    }

    /// The run has ended: nobody takes inputs any more.
    pub(in crate::execution) fn close(&self) {
        let mut state = self.state();
        state.is_over = true;
        let (takers, waiting) =
            (std::mem::take(&mut state.takers), std::mem::take(&mut state.waiting));
        // What a handler holds is the user's: it is dropped when nothing is locked.
        drop(state);
        for taker in &takers {
            if let Taker::Handler(handler) = taker {
                handler.close();
            }
        }
        drop((takers, waiting));
    }
}

impl State {
    fn put(&mut self, held: Held) -> Vec<Arc<Handler>> {
        let (mut woken, mut missed) = (Vec::new(), false);
        self.takers.retain(|taker| {
            let offered = taker.offer(&held);
            missed |= matches!(offered, Offered::Missed);
            let stays = !matches!(offered, Offered::Gone);
            if let Offered::Wake(handler) = offered {
                woken.push(handler);
            }
            stays
        });
        if self.takers.is_empty() && !self.is_over {
            missed = self.waiting.len() >= MAX_INPUTS;
            if !missed {
                self.waiting.push_back(held);
            }
        }
        self.missed += u64::from(missed);
        woken
    }
}

impl Taker {
    fn offer(&self, held: &Held) -> Offered {
        match self {
            Self::Stream(sender) => match sender.try_send(held.clone()) {
                Ok(()) => Offered::Taken,
                Err(mpsc::error::TrySendError::Full(_)) => Offered::Missed,
                Err(mpsc::error::TrySendError::Closed(_)) => Offered::Gone,
            },
            Self::Handler(handler) => match handler.push(held.clone()) {
                None => Offered::Missed,
                Some(true) => Offered::Wake(Arc::clone(handler)),
                Some(false) => Offered::Taken,
            },
        }
    }
}
