//! Tells the events of an execution from a number on.

use futures_util::stream::unfold;
use selsyn_common::proto::{self, event::What};
use tokio::sync::futures::OwnedNotified;
use tokio_stream::Stream;

use super::{EventBytes, FIRST, Logs};
use crate::records::{Record, RecordRef, State};

/// Bytes after which a reply takes no more events: large enough to share its cost, small enough
/// that a slow reader holds little.
const REPLY: usize = 64 * 1024;

/// What a read came to.
#[derive(Debug)]
pub(crate) enum Reading {
    /// Some events, and the number of the one after them.
    Events(EventBytes, u64),
    /// Nothing yet; this is told when there is something.
    Nothing(OwnedNotified),
    /// The execution has ended, and there is nothing from here on.
    Over,
}

impl Record {
    /// Reads the events from this number on. Takes from nobody: any number may read at any pace.
    pub(crate) fn read(&self, from: u64) -> Reading {
        let logs = &self.origin.logs;
        let mut state = self.state();
        let mut story = Story { logs, at: from.max(1), told: EventBytes::default() };
        story.tell(&state);
        if !story.told.is_empty() {
            return Reading::Events(story.told, story.at);
        }
        // One that its hook refused was never here, and has no end to tell of.
        if state.result_bytes().is_some() || state.is_left {
            return Reading::Over;
        }
        // Before the lock is released: what comes after it is heard.
        Reading::Nothing(self.await_event(&mut state).notified_owned())
    }

    /// The number that the next event will have.
    pub(crate) fn next_seq(state: &State) -> u64 {
        let before_end = match (state.accepted, state.began()) {
            (_, Some(_)) => state.log_ref().map_or(FIRST, super::Log::next),
            (true, None) => 2,
            (false, None) => 1,
        };
        before_end + u64::from(state.result_bytes().is_some())
    }
}

/// A story that is being told.
struct Story<'a> {
    logs: &'a Logs,
    at: u64,
    told: EventBytes,
}

impl Story<'_> {
    /// Tells what there is from here on, as far as a reply goes.
    fn tell(&mut self, state: &State) {
        let accepted = What::Accepted(proto::AcceptedEvent {});
        if self.at == 1 && state.accepted {
            self.event(state.came(), accepted);
        }
        if self.at == 2
            && let Some(began) = state.began()
        {
            self.event(began, What::Running(proto::RunningEvent {}));
        }
        if self.at >= FIRST {
            self.kept(state);
        }
        self.end(state);
    }

    fn event(&mut self, time: u64, what: What) {
        let at_micros = self.logs.label(time);
        self.told.push(&proto::Event { seq: self.at, at_micros, what: Some(what) });
        self.at += 1;
    }

    /// Tells what the log keeps, and how much it does not.
    fn kept(&mut self, state: &State) {
        let Some(log) = state.log_ref().and_then(|log| log.events.as_deref()) else { return };
        if let Some(count) = log.first().checked_sub(self.at).filter(|count| *count > 0) {
            let gap = What::Gap(proto::GapEvent { count });
            let at_micros = self.logs.now();
            self.told.push(&proto::Event { seq: self.at, at_micros, what: Some(gap) });
            self.at = log.first();
        }
        if self.at < log.next() {
            self.at = log.read(self.at, REPLY, &mut self.told);
        }
    }

    /// Tells the verdict, if everything before it was told.
    fn end(&mut self, state: &State) {
        let Some((outcome, ended)) = state.outcome() else { return };
        if self.at.checked_add(1) == Some(Record::next_seq(state)) {
            self.event(ended, What::Ended(Box::new(outcome)));
        }
    }
}

impl Reading {
    /// The events of an execution from a number on, as a stream of replies until it has ended.
    pub(crate) fn all(record: RecordRef, from: u64) -> impl Stream<Item = EventBytes> {
        unfold((record, from), |(record, from)| async move {
            loop {
                match record.read(from) {
                    Self::Events(events, next) => return Some((events, (record, next))),
                    Self::Nothing(bell) => bell.await,
                    Self::Over => return None,
                }
            }
        })
    }
}
