//! Keeps what a function shows, and why it was asked to stop.

use std::sync::Arc;

use selsyn_common::proto::{self, event::What};

use super::Logs;
use crate::records::{Record, State};

/// What is to be done after something was kept, when nothing is locked any more.
#[must_use = "all logs together may be too large"]
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::records) struct Aftermath {
    is_first: bool,
    is_too_much: bool,
}

impl State {
    /// Keeps one more event; gives it back.
    pub(in crate::records) fn keep_event(
        &mut self,
        logs: &Arc<Logs>,
        what: What,
    ) -> (What, Aftermath) {
        let log = self.log();
        let events = log.events(logs);
        let before = events.bytes();
        let event = proto::Event { seq: events.next(), at_micros: logs.now(), what: Some(what) };
        events.append(&event);
        let is_too_much = logs.changed(before, events.bytes());
        let is_first = !std::mem::replace(&mut log.is_in_line, true);
        log.ring();
        let what = event.what.expect("it was put in above");
        (what, Aftermath { is_first, is_too_much })
    }
}

impl Record {
    /// Does what is left to do after something was kept. Nothing may be locked.
    pub(in crate::records) fn after(&self, aftermath: Aftermath) {
        let logs = &self.origin.logs;
        if aftermath.is_first {
            logs.line_up(self.id);
        }
        if aftermath.is_too_much {
            logs.shed();
        }
    }

    /// Notes that user code was asked to stop, and why.
    pub(in crate::records) fn keep_stop(&self) {
        let mut state = self.state();
        let reason = state.life.stop_reason().filter(|_| !state.life.is_ended());
        let Some(reason) = reason else { return };
        let what = What::Stopping(proto::StoppingEvent { reason });
        let (_, aftermath) = state.keep_event(&self.origin.logs, what);
        drop(state);
        self.after(aftermath);
    }

    /// Drops the oldest events, so many bytes of them; true when none is left.
    pub(super) fn shed(&self, logs: &Logs, bytes: usize) -> bool {
        let mut state = self.state();
        let log = state.log();
        let Some(events) = &mut log.events else { return true };
        let before = events.bytes();
        events.shrink(before.saturating_sub(bytes));
        logs.changed(before, events.bytes());
        log.is_in_line = events.bytes() > 0;
        !log.is_in_line
    }
}
