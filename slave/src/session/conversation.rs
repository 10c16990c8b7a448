//! The loop of an active session: every frame at once, awaiting nothing but the next.

#![deny(clippy::wildcard_enum_match_arm)]

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use selsyn_common::link::batch::Batch;
use selsyn_common::link::contact::{Contact, Silence};
use selsyn_common::link::line::LineError;
use selsyn_common::link::outbox::Whole;
use selsyn_common::link::quick::{CommonOfMaster, Series};
use selsyn_common::proto::{self, FromMaster, from_master};
use selsyn_common::seldom::Seldom;
use selsyn_common::wire::{self, WireError};
use selsyn_common::{ExecutionId, Refusal};
use tokio::task::yield_now;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tonic::Streaming;
use tracing::warn;

use super::tie::Stream;
use super::{Over, Session, goodbye, shortened};
use crate::core::Core;
use crate::execution;
use crate::executor::{self, Request, Round};
use crate::records::Spares;

/// Frames of one session that may make no sense: a newer master sends some, a broken one many.
const MAX_VIOLATIONS: u32 = 100;

/// What seldom happens beside frames.
enum Rare {
    /// The stream was stopped by this side.
    Stopped,
    /// It is time to say that the slave lives; it was meant to be then.
    Beat(Instant),
}

/// A batch takes long: what answers it so far leaves, and others have their turn.
async fn pause(session: &Session, round: &mut Round<'_>) {
    round.pause();
    session.outbox.wake();
    yield_now().await;
    round.go_on();
}

/// The loop of an attached session.
pub(super) struct Conversation<'a> {
    core: &'a Arc<Core>,
    session: &'a Arc<Session>,
    stream: Stream,
    contact: Contact,
    violations: u32,
    spares: Spares,
}

impl<'a> Conversation<'a> {
    pub(super) fn new(core: &'a Arc<Core>, session: &'a Arc<Session>, stream: Stream) -> Self {
        let tolerance = core.settings.heartbeat_tolerance;
        let contact = Contact::new(tolerance, tolerance, Instant::now().into_std());
        Self { core, session, stream, contact, violations: 0, spares: Spares::default() }
    }

    /// Reads until the stream is over; says why, and when the master was last heard.
    pub(super) async fn run(
        mut self,
        incoming: &mut Streaming<Batch<FromMaster>>,
    ) -> (Over, Instant) {
        // A master with less patience than usual gets more beats.
        let patience = self.session.heartbeat_tolerance / 3;
        let pause = self.core.settings.heartbeat_every.min(patience);
        // Welcome has just said that the slave is there.
        let mut beat = interval_at(Instant::now() + pause, pause);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let stop = self.stream.stop.clone();
        let stopped = stop.cancelled();
        tokio::pin!(stopped);
        // One for all beats: ten thousand idle masters have three thousand of them a second.
        let mut rare = Seldom::new(poll_fn(|context| match stopped.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Rare::Stopped),
            Poll::Pending => beat.poll_tick(context).map(Rare::Beat),
        }));
        loop {
            let over = tokio::select! {
                // First: after a stop nothing is begun, and a flood of frames must not shut out
                // the beat.
                biased;
                happened = &mut rare => match happened {
                    Rare::Stopped => Some(self.stopped()),
                    Rare::Beat(planned) => self.beat(planned),
                },
                read = incoming.message() => self.read(read).await,
            };
            // What answers a batch leaves together.
            self.session.outbox.wake();
            if let Some(over) = over {
                return (over, Instant::from_std(self.contact.last_heard()));
            }
        }
    }

    /// The stream was stopped by this side.
    fn stopped(&self) -> Over {
        if !self.session.tie.is_current(self.stream.number) {
            Over::Replaced
        } else if self.session.is_leaving() {
            Over::Goodbye
        } else if self.session.outbox.is_full() {
            Over::Full
        } else {
            Over::Closed
        }
    }

    fn beat(&mut self, planned: Instant) -> Option<Over> {
        let now = Instant::now().into_std();
        if self.contact.look(planned.into_std(), now) == Silence::Unreachable {
            return Some(Over::Lost("the master has been silent for too long".to_owned()));
        }
        self.session.outbox.beat();
        self.spares.clear();
        self.core.sweep();
        None
    }

    /// Deals with a batch, without a pause if that does not take long.
    async fn read(
        &mut self,
        read: Result<Option<Batch<FromMaster>>, tonic::Status>,
    ) -> Option<Over> {
        let batch = match read {
            Ok(Some(batch)) => batch,
            // A cancelled stream reads like a clean end: without a goodbye it is a loss.
            Ok(None) => return Some(self.ended("the stream ended without a goodbye")),
            Err(status) => return Some(self.ended(status.message())),
        };
        let now = Instant::now();
        self.contact.heard(now.into_std());
        let mut round = Round::new(self.core, self.session, now);
        let mut incoming = match batch.into_incoming() {
            Ok(incoming) => incoming,
            Err(error) => return Some(self.broke_rule(&error)),
        };
        round.bytes = incoming.bytes();
        loop {
            let mut whole = Whole::default();
            let announced = self.stream.end.arrived(&mut incoming, &mut whole);
            if let Some(over) = self.deal_with_all(whole, &mut round).await {
                return Some(over);
            }
            match announced {
                Ok(None) => return None,
                Ok(Some(announced)) => {
                    round.passes();
                    super::announced::deal_with(self.core, self.session, announced);
                }
                Err(error) => {
                    // Nobody reads on behind the word that ends the stream.
                    round.pause();
                    return Some(self.broke_rule(&error));
                }
            }
        }
    }

    fn broke_rule(&self, error: &LineError) -> Over {
        self.session.violation(error.to_string(), true);
        Over::Violated(error.to_string())
    }

    /// The stream ended from the master's side: in good order, if it has heard everything.
    fn ended(&self, why: &str) -> Over {
        let is_goodbye = self.session.is_leaving() && self.session.outbox.is_settled();
        if is_goodbye { Over::Goodbye } else { Over::Lost(why.to_owned()) }
    }

    /// Deals with frames in order.
    async fn deal_with_all(
        &mut self,
        whole: Whole<FromMaster>,
        round: &mut Round<'_>,
    ) -> Option<Over> {
        match whole {
            Whole::Series(mut series) => {
                while self.deal_with_series(&mut series, round) {
                    pause(self.session, round).await;
                }
            }
            Whole::Frames(frames) => {
                for frame in frames {
                    if let Some(over) = self.deal_with(frame.frame, round) {
                        return Some(over);
                    }
                    if round.is_long() {
                        pause(self.session, round).await;
                    }
                }
            }
        }
        None
    }

    /// Deals with common frames, which are read where they lie. None of them ends the stream. True
    /// when it takes long, and some may be left.
    fn deal_with_series(&mut self, series: &mut Series<FromMaster>, round: &mut Round<'_>) -> bool {
        for common in series {
            match common {
                CommonOfMaster::Start(start) => {
                    self.start(start.execution.into(), Request::of(start), round);
                }
                CommonOfMaster::Taken(taken) => {
                    round.passes();
                    self.results_taken(taken.executions());
                }
            }
            if round.is_long() {
                return true;
            }
        }
        false
    }

    /// Deals with one frame. A frame that makes no sense is answered, and the session goes on.
    fn deal_with(
        &mut self,
        frame: Option<from_master::Frame>,
        round: &mut Round<'_>,
    ) -> Option<Over> {
        use from_master::Frame as F;
        let (core, session) = (self.core, self.session);
        if !matches!(frame, Some(F::Start(_))) {
            round.passes();
        }
        let dealt = match frame {
            Some(F::Start(start)) => self.start_of(start, round),
            Some(F::Cancel(cancel)) => self.cancel(cancel),
            Some(F::ResultsTaken(taken)) => {
                self.results_taken(taken.executions.into_iter());
                Ok(())
            }
            Some(F::Goodbye(goodbye)) => goodbye::begin(core, session, goodbye),
            Some(F::Input(input)) => execution::deal_with_input(core, session, input),
            Some(F::Heartbeat(_)) => Ok(()),
            Some(F::Detach(_)) => return Some(Over::Left),
            Some(F::Part(_)) => {
                Err(WireError { frame: "Part", field: "frame", problem: "came by itself" })
            }
            Some(F::Hello(_)) => {
                Err(WireError { frame: "Hello", field: "frame", problem: "came a second time" })
            }
            Some(F::Violation(violation)) => {
                let message = shortened(&violation.message);
                warn!(connection = %session.peer.connection, "the master says that the slave broke a rule: {message:?}");
                return violation.ends_stream.then_some(Over::Lost(message));
            }
            // A newer master may send frames that this version does not know.
            None => Err(WireError::unknown("FromMaster", "frame")),
        };
        dealt.err().and_then(|error| self.answer_violation(&error))
    }

    /// Answers a frame that makes no sense, but not without end.
    fn answer_violation(&mut self, error: &WireError) -> Option<Over> {
        self.violations += 1;
        let is_last = self.violations >= MAX_VIOLATIONS;
        self.session.violation(error.to_string(), is_last);
        is_last.then(|| Over::Violated("the master broke too many rules".to_owned()))
    }

    /// Deals with a start that was read as a frame.
    fn start_of(&mut self, start: proto::Start, round: &mut Round<'_>) -> Result<(), WireError> {
        let id = wire::execution_id("Start", start.execution)?;
        self.start(id, Request::read(id, start), round);
        Ok(())
    }

    #[inline(always)]
    fn start(&mut self, id: ExecutionId, read: Result<Request, Refusal>, round: &mut Round<'_>) {
        match read {
            Ok(request) => executor::start(round, &mut self.spares, id, request),
            Err(refusal) => self.session.refuse(id, refusal),
        }
    }

    /// Stops a run, or a start whose data is still on its way.
    fn cancel(&self, cancel: proto::Cancel) -> Result<(), WireError> {
        let id: ExecutionId = wire::execution_id("Cancel", cancel.execution)?;
        self.session.outbox.give_up_waiting(|frame| {
            matches!(&frame.frame, Some(from_master::Frame::Start(start))
                if start.execution.map(ExecutionId::from) == Some(id))
        });
        executor::cancel(self.core, self.session, id, cancel.reason)
    }

    /// The callbacks of these tasks have returned: their records may go.
    fn results_taken(&mut self, taken: impl Iterator<Item = proto::ExecutionId>) {
        self.core.taken(taken.map(ExecutionId::from), self.session, &mut self.spares);
    }
}
