//! What all connections of a proxy share: the faults in force, those to come, and the counts.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::fault::{Applied, Direction, Ending, Fault, FaultKind};
use super::flow::{Cut, stops};
use crate::{Random, Timeline};

/// Shared by the proxy and its connections. Whoever changes it wakes who waits.
#[derive(Debug)]
pub(super) struct Board {
    state: Mutex<State>,
    changed: watch::Sender<()>,
    name: String,
    timeline: Timeline,
    seed: u64,
}

#[derive(Debug, Default)]
struct State {
    lasting: Vec<Lasting>,
    /// Cuts and duplicates that wait for a connection. One each time a test injects one.
    cuts: VecDeque<Cut>,
    duplicates: VecDeque<usize>,
    open: BTreeSet<u64>,
    next: u64,
    /// Connections below this number are to be reset.
    reset_below: u64,
    applied: Applied,
}

#[derive(Debug)]
struct Lasting {
    fault: Fault,
    counted: bool,
}

impl Board {
    pub(super) fn new(name: String, seed: u64, timeline: Timeline) -> Self {
        let (state, changed) = (Mutex::default(), watch::Sender::new(()));
        Self { state, changed, name, timeline, seed }
    }

    pub(super) fn inject(&self, fault: Fault) {
        self.note(format_args!("{fault:?} begins"));
        let mut state = self.state();
        match fault {
            Fault::Reset => state.reset_all(),
            Fault::HalfClose(direction) if !state.open.is_empty() => {
                let (kind, ending) = (FaultKind::HalfClose, Ending::HalfClose);
                state.cuts.push_back(Cut { kind, direction, bytes: 0, ending });
            }
            Fault::HalfClose(_) => {}
            Fault::CutAfter { direction, bytes, ending } => {
                state.cuts.push_back(Cut { kind: FaultKind::Cut, direction, bytes, ending });
            }
            Fault::DuplicateConnect { bytes } => state.duplicates.push_back(bytes),
            Fault::Delay { .. }
            | Fault::Slow { .. }
            | Fault::Slice
            | Fault::Stall(_)
            | Fault::BlackHole => state.lasting.push(Lasting { fault, counted: false }),
        }
        drop(state);
        self.changed.send_replace(());
    }

    /// Ends what lasts, and forgets what has not happened yet.
    pub(super) fn heal(&self) {
        let mut state = self.state();
        let was_whole = state.is_whole();
        state.lasting.clear();
        state.cuts.clear();
        state.duplicates.clear();
        drop(state);
        if !was_whole {
            self.note(format_args!("healed"));
        }
        self.changed.send_replace(());
    }

    pub(super) fn applied(&self) -> Applied {
        self.state().applied.clone()
    }

    pub(super) fn open_connections(&self) -> usize {
        self.state().open.len()
    }

    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Counts a fault that has had an effect: once for each time it was injected.
    pub(super) fn felt(&self, kinds: &[FaultKind]) {
        for kind in kinds {
            if self.state().count(*kind) {
                self.note(format_args!("{kind:?} has an effect"));
                self.changed.send_replace(());
            }
        }
    }

    pub(super) fn lasting(&self) -> Vec<Fault> {
        self.state().lasting.iter().map(|lasting| lasting.fault).collect()
    }

    /// Whether nothing passes this way now.
    pub(super) fn is_held(&self, direction: Direction) -> bool {
        self.state().lasting.iter().any(|lasting| stops(&lasting.fault, direction))
    }

    /// Registers a connection; gives its number.
    pub(super) fn open(&self) -> u64 {
        let mut state = self.state();
        let number = state.next;
        state.next += 1;
        state.open.insert(number);
        drop(state);
        self.note(format_args!("connection {number} opens"));
        self.changed.send_replace(());
        number
    }

    pub(super) fn close(&self, number: u64) {
        self.state().open.remove(&number);
        self.note(format_args!("connection {number} ends"));
        self.changed.send_replace(());
    }

    pub(super) fn must_reset(&self, number: u64) -> bool {
        number < self.state().reset_below
    }

    /// Gives the next cut of this direction to the newest connection, and to no other: an old one
    /// that nobody uses any more would make it without an effect.
    pub(super) fn take_cut(&self, number: u64, direction: Direction) -> Option<Cut> {
        let mut state = self.state();
        let next = state.cuts.front()?;
        let is_its = next.direction == direction && state.open.last() == Some(&number);
        if is_its { state.cuts.pop_front() } else { None }
    }

    /// Takes a cut back that its connection did not live to make.
    pub(super) fn give_back(&self, cut: Cut) {
        if cut.kind == FaultKind::Cut {
            self.state().cuts.push_front(cut);
            self.changed.send_replace(());
        }
    }

    pub(super) fn take_duplicate(&self) -> Option<usize> {
        self.state().duplicates.pop_front()
    }

    /// The numbers that one direction of one connection draws from.
    pub(super) fn random(&self, number: u64, direction: Direction) -> Random {
        let salt = number * 2 + u64::from(direction == Direction::ToMaster);
        Random::new(Random::new(self.seed ^ salt).next_u64())
    }

    pub(super) fn note(&self, what: fmt::Arguments<'_>) {
        self.timeline.note(format_args!("proxy {}: {what}", self.name));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_whole(&self) -> bool {
        self.lasting.is_empty() && self.cuts.is_empty() && self.duplicates.is_empty()
    }

    fn reset_all(&mut self) {
        if !self.open.is_empty() {
            self.reset_below = self.next;
            self.applied.count(FaultKind::Reset);
        }
    }

    fn count(&mut self, kind: FaultKind) -> bool {
        let is_new = match self.lasting.iter_mut().find(|lasting| lasting.fault.kind() == kind) {
            Some(lasting) => !std::mem::replace(&mut lasting.counted, true),
            // What happens once is told once.
            None => {
                matches!(kind, FaultKind::Cut | FaultKind::HalfClose | FaultKind::DuplicateConnect)
            }
        };
        if is_new {
            self.applied.count(kind);
        }
        is_new
    }
}
