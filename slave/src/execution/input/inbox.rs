//! Where inputs wait, and who is given them; bounded.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use selsyn_common::Payload;
use tokio::sync::mpsc;

use super::handler::Handler;
use super::room::{Held, InputRoom, RunRoom};

/// Inputs that may wait for one who takes them: far more than a person sends, and few enough that
/// a function that takes none costs little.
pub(super) const MAX_INPUTS: usize = 1_024;

/// Inputs whose numbers are remembered: more than one caller has on their way.
const REMEMBERED: usize = 128;

/// The inputs of one run, and who takes them.
#[derive(Debug, Default)]
pub(in crate::execution) struct Inbox {
    state: Mutex<State>,
    room: RunRoom,
}

#[derive(Debug, Default)]
struct State {
    /// What came before anybody took any.
    waiting: VecDeque<Held>,
    takers: Vec<Taker>,
    missed: u64,
    is_over: bool,
    /// The numbers of those that came last.
    lately: VecDeque<u64>,
}

/// What became of an input.
pub(super) enum Put {
    /// It waits, or somebody has it; these must be told to go on.
    Kept(Vec<Arc<Handler>>),
    /// Nobody has room for it.
    Full,
    /// The run has ended.
    Over,
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

    /// Takes an input in, unless one of this number was; 0 is none.
    pub(super) fn put(&self, data: Payload, number: u64, all: &InputRoom) -> Put {
        let held = self.room.hold(data, all);
        let mut state = self.state();
        if state.is_over {
            return Put::Over;
        }
        if number != 0 && state.lately.contains(&number) {
            return Put::Kept(Vec::new());
        }
        let put = held.map_or(Put::Full, |held| state.put(held));
        match &put {
            Put::Kept(_) if number != 0 => state.remember(number),
            Put::Full => state.missed += 1,
            _ => {}
        }
        put
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
    fn put(&mut self, held: Held) -> Put {
        if self.takers.is_empty() {
            return self.park(held);
        }
        let (mut woken, mut taken, mut missed) = (Vec::new(), 0, 0);
        self.takers.retain(|taker| {
            match taker.offer(&held) {
                Offered::Gone => return false,
                Offered::Missed => missed += 1,
                Offered::Taken => taken += 1,
                Offered::Wake(handler) => {
                    taken += 1;
                    woken.push(handler);
                }
            }
            true
        });
        match (taken, missed) {
            // All have gone.
            (0, 0) => self.park(held),
            (0, _) => Put::Full,
            _ => {
                self.missed += u64::from(missed > 0);
                Put::Kept(woken)
            }
        }
    }

    /// Keeps it for the first one who takes any.
    fn park(&mut self, held: Held) -> Put {
        if self.waiting.len() >= MAX_INPUTS {
            return Put::Full;
        }
        self.waiting.push_back(held);
        Put::Kept(Vec::new())
    }

    fn remember(&mut self, number: u64) {
        if self.lately.len() == REMEMBERED {
            self.lately.pop_front();
        }
        self.lately.push_back(number);
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
