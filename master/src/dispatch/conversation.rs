//! Reads one session: every frame at once, awaiting nothing but the next.

#![deny(clippy::wildcard_enum_match_arm)]

mod ends;

use std::sync::Arc;
use std::time::Duration;

use selsyn_common::link::batch::Batch;
use selsyn_common::link::contact::{Contact, Silence};
use selsyn_common::link::line::{Announced, LineError};
use selsyn_common::link::outbox::Whole;
use selsyn_common::proto::{self, FromSlave, from_master, from_slave};
use selsyn_common::seldom::Seldom;
use selsyn_common::wire::{self, WireError};
use selsyn_common::{Backoff, ErrorCode, ExecutionId, Payload, Refusal};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until, timeout};
use tonic::{Status, Streaming};
use tracing::{debug, warn};

use super::greeting::{Opened, Welcomed};
use super::{Catalogue, log_panic};
use crate::cell::{Aftermath, Answer, Cell};
use crate::connection::ConnectionChange as Change;
use crate::connection::ConnectionState;
use crate::connection::link::{Link, StreamEnd};
use crate::error::ConnectError;
use crate::hooks::{self, Connected};
use ends::Ends;

/// Time for the slave to hear that the master leaves.
const DETACH_PATIENCE: Duration = Duration::from_secs(1);

/// The master answers every third beat: the slave's own patience is at least four.
const BEATS_PER_ANSWER: u32 = 3;

/// Longer than any silence is waited for.
const NEVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// How a stream ended.
pub(super) enum Over {
    /// By goodbye, or because the connection shall end.
    Closed,
    /// The slave does not want this master any more.
    Refused(ConnectError),
    /// Otherwise: dial again.
    Broken { why: String, last_heard: Instant },
}

/// One stream of a session.
pub(super) struct Conversation<'a> {
    link: &'a Arc<Link>,
    incoming: Streaming<Batch<FromSlave>>,
    end: StreamEnd,
    contact: Contact,
    beats: u32,
    ends: Ends,
    after: Aftermath,
    /// When something was read last.
    read_at: Option<Instant>,
    /// The slave is not told yet which results were taken.
    has_more_to_say: bool,
    /// What was heard last moves the next look at the slave's silence.
    moves_look: bool,
}

impl<'a> Conversation<'a> {
    pub(super) fn new(link: &'a Arc<Link>, opened: Opened) -> Self {
        let Opened { incoming, end, welcomed } = opened;
        let settings = &link.settings;
        let now = Instant::now().into_std();
        let contact = Contact::new(settings.suspect_after, settings.heartbeat_tolerance, now);
        tell_connected(link, &welcomed);
        link.opened(welcomed);
        let (ends, after) = (Ends::default(), Aftermath::default());
        let (beats, read_at, has_more_to_say, moves_look) = (0, None, false, false);
        Self {
            link,
            incoming,
            end,
            contact,
            beats,
            ends,
            after,
            read_at,
            has_more_to_say,
            moves_look,
        }
    }

    /// Reads until the stream is over. Real contact makes the back-off begin anew: a frame after
    /// Welcome.
    pub(super) async fn run(mut self, backoff: &mut Backoff) -> Over {
        let link = self.link;
        let rare = Seldom::new(rare(link));
        tokio::pin!(rare);
        // A beat sets it anew, so that it rings when they stay away, and so does what ends a suspicion;
        // no other frame does, as it costs more than they do.
        let look = Seldom::new(sleep_until(self.next_look()));
        tokio::pin!(look);
        loop {
            let over = tokio::select! {
                biased;
                // A flood of frames must not shut it out.
                happened = &mut rare => match happened {
                    Rare::Stopped => {
                        self.leave(from_master::Frame::Detach(proto::Detach {}));
                        return Over::Closed;
                    }
                    Rare::Due => {
                        link.end_due(Instant::now());
                        rare.set(Seldom::new(self::rare(link)));
                        None
                    }
                },
                // Before the clock: what has arrived was heard, however late it is looked at.
                read = self.incoming.message() => {
                    if let Ok(Some(_)) = &read {
                        backoff.reset();
                    }
                    let over = self.read(read);
                    if std::mem::take(&mut self.moves_look) {
                        look.as_mut().future().reset(self.next_look());
                    }
                    over
                }
                () = &mut look => {
                    let planned = look.as_mut().future().deadline();
                    let over = self.look(planned);
                    look.as_mut().future().reset(self.next_look());
                    over
                }
            };
            if std::mem::take(&mut self.has_more_to_say) {
                // Whoever was woken may start the next task at once: what is said of the last one
                // then leaves along with it, in one write instead of two.
                yield_now().await;
                link.turn_ends();
            }
            if let Some(over) = over {
                if matches!(over, Over::Closed) {
                    // Its ack says that the answer to the goodbye was heard.
                    self.leave(from_master::Frame::Heartbeat(proto::Heartbeat {}));
                }
                return over;
            }
        }
    }

    fn next_look(&self) -> Instant {
        let now = Instant::now();
        self.contact.next_look(now.into_std()).map_or_else(|| now + NEVER, Instant::from_std)
    }

    fn broken(&self, why: impl Into<String>) -> Option<Over> {
        let last_heard = Instant::from_std(self.contact.last_heard());
        Some(Over::Broken { why: why.into(), last_heard })
    }

    /// A rule was broken: the session is of no use any more.
    fn spoilt(&self, why: impl Into<String>) -> Option<Over> {
        self.link.spoil();
        self.broken(why)
    }

    /// Has a last word, and stays until the slave has heard it, but not for long.
    fn leave(self, last: from_master::Frame) {
        self.link.send(last);
        let (link, mut incoming) = (Arc::clone(self.link), self.incoming);
        self.link.spawn(async move {
            let heard = async { while let Ok(Some(_)) = incoming.message().await {} };
            let _ = timeout(DETACH_PATIENCE, heard).await;
            link.abandon();
        });
    }

    /// Looks how long the slave has been silent; `planned` is when this was meant to happen.
    fn look(&mut self, planned: Instant) -> Option<Over> {
        self.link.master.read_clock();
        match self.contact.look(planned.into_std(), Instant::now().into_std()) {
            Silence::None => None,
            Silence::Suspect => {
                self.moves_look = true;
                self.link.change(Change::Silent);
                None
            }
            Silence::Unreachable => self.broken("the slave has been silent for too long"),
        }
    }

    fn read(&mut self, read: Result<Option<Batch<FromSlave>>, Status>) -> Option<Over> {
        let batch = match read {
            Ok(Some(batch)) => batch,
            Ok(None) if self.link.state() == ConnectionState::Draining => {
                self.link.drained();
                return self.broken("the slave was drained");
            }
            Ok(None) => return self.broken("the slave ended the stream"),
            Err(status) => return self.broken(status.message()),
        };
        let now = Instant::now();
        self.read_at = Some(now);
        self.contact.heard(now.into_std());
        self.link.change(Change::Heard);
        let mut incoming = match batch.into_incoming() {
            Ok(incoming) => incoming,
            Err(error) => return self.broke_rule(&error),
        };
        loop {
            let mut whole = Whole::default();
            let announced = self.end.arrived(&mut incoming, &mut whole);
            if let Some(over) = self.deal_with_all(whole) {
                return Some(over);
            }
            match announced {
                Ok(None) => return None,
                Ok(Some(announced)) => match self.announced(announced) {
                    None => {}
                    over => return over,
                },
                Err(error) => return self.broke_rule(&error),
            }
        }
    }

    fn broke_rule(&mut self, error: &LineError) -> Option<Over> {
        self.violation(error.to_string(), true);
        self.spoilt(error.to_string())
    }

    /// Waits for payloads that follow in parts, unless they are too large or for nobody.
    fn announced(&mut self, announced: Announced<FromSlave>) -> Option<Over> {
        let limit = self.link.settings.max_payload_bytes;
        if let Some(bytes) = announced.sizes.iter().find(|bytes| **bytes > limit) {
            let message = format!("a payload of {bytes} bytes came; this master takes {limit}");
            self.violation(message.clone(), true);
            return self.spoilt(message);
        }
        if let Some(from_slave::Frame::Finished(finished)) = &announced.frame.frame {
            let id = finished.execution.map(ExecutionId::from);
            if !id.is_some_and(|id| self.link.is_wanted(id)) {
                return self.deal_with(announced.frame.frame);
            }
        }
        self.end.expect(announced);
        None
    }

    /// Deals with frames in order; with common verdicts that come together, together.
    fn deal_with_all(&mut self, whole: Whole<FromSlave>) -> Option<Over> {
        let over = match whole {
            Whole::Series(verdicts) => {
                self.ends.deal_with_all(self.link, verdicts, &mut self.after);
                None
            }
            Whole::Frames(frames) => {
                frames.into_iter().find_map(|frame| self.deal_with(frame.frame))
            }
        };
        self.finish();
        over
    }

    /// Deals with what is left to do when frames were dealt with.
    fn finish(&mut self) {
        self.has_more_to_say |= self.after.tell(self.link, self.read_at);
        for error in self.ends.take_broken() {
            self.violation(error.to_string(), false);
        }
    }

    /// Deals with one frame. A frame that makes no sense is answered, and the session goes on.
    fn deal_with(&mut self, frame: Option<from_slave::Frame>) -> Option<Over> {
        use from_slave::Frame as F;
        let dealt = match frame {
            Some(F::Accepted(frame)) => self.accepted(frame),
            Some(F::Refused(frame)) => self.refused(frame),
            Some(F::Running(frame)) => self.running(frame),
            Some(F::Output(frame)) => self.output(frame),
            Some(F::Finished(frame)) => ends::deal_with(self.link, frame, &mut self.after),
            Some(F::Forbidden(frame)) => self.forbidden(frame),
            Some(F::FunctionsChanged(frame)) => {
                self.link.functions_changed(Catalogue::new(frame.functions));
                Ok(())
            }
            Some(F::Draining(_)) => {
                self.link.change(Change::Draining);
                Ok(())
            }
            Some(F::Heartbeat(_)) => {
                self.answer_beat();
                Ok(())
            }
            Some(F::GoodbyeAccepted(frame)) => {
                self.link.goodbye_answered(Ok(Payload::optional(frame.reply)));
                return Some(Over::Closed);
            }
            Some(F::GoodbyeRefused(frame)) => self.goodbye_refused(frame),
            Some(F::Violation(frame)) => {
                let message: String = frame.message.chars().take(256).collect();
                warn!(connection = %self.link.name, "the slave says that the master broke a rule: {message:?}");
                return if frame.ends_stream { self.spoilt(message) } else { None };
            }
            Some(F::Adopted(frame)) => {
                let ids = frame.executions.into_iter().map(ExecutionId::from);
                self.link.adopted(ids, frame.last);
                Ok(())
            }
            Some(F::Fenced(_)) => return Some(Over::Refused(self.fenced())),
            Some(F::Part(_)) => {
                Err(WireError { frame: "Part", field: "frame", problem: "came by itself" })
            }
            Some(F::Welcome(_)) => Err(second("Welcome")),
            Some(F::Rejected(_)) => Err(second("Rejected")),
            // A newer slave may send frames that this version does not know.
            None => Err(WireError::unknown("FromSlave", "frame")),
        };
        if let Err(error) = dealt {
            self.violation(error.to_string(), false);
        }
        None
    }

    fn accepted(&mut self, frame: proto::Accepted) -> Result<(), WireError> {
        let id = wire::execution_id("Accepted", frame.execution)?;
        match self.link.accepted(id) {
            Some(cell) => cell.accepted(Payload::optional(frame.reply), &mut self.after),
            None => debug!(task.id = %id, "Accepted for a task that is not in flight; ignored"),
        }
        Ok(())
    }

    fn refused(&self, frame: proto::Refused) -> Result<(), WireError> {
        let id = wire::execution_id("Refused", frame.execution)?;
        let refusal = frame.refusal.unwrap_or_default().into();
        self.link.give_up_sending(id);
        self.link.never_ran(id, Answer::Refused(Box::new(refusal)));
        Ok(())
    }

    fn running(&self, frame: proto::Running) -> Result<(), WireError> {
        let id = wire::execution_id("Running", frame.execution)?;
        if let Some(cell) = self.link.find(id) {
            cell.running();
        }
        Ok(())
    }

    fn output(&self, frame: proto::ExecutionOutput) -> Result<(), WireError> {
        let id = wire::execution_id("ExecutionOutput", frame.execution)?;
        let output = frame.output.ok_or(WireError::missing("ExecutionOutput", "output"))?;
        if let Some(cell) = self.link.find(id) {
            Cell::shows(&cell, output);
        }
        Ok(())
    }

    fn fenced(&self) -> ConnectError {
        let message = format!("a newer life of master {} is connected", self.link.master.id);
        let refusal = Box::new(Refusal::because(ErrorCode::Fenced, message));
        let (name, address) = (self.link.name.clone(), self.link.address.clone());
        ConnectError::Refused { name, address, refusal }
    }

    fn forbidden(&self, frame: proto::Forbidden) -> Result<(), WireError> {
        let id = wire::execution_id("Forbidden", frame.execution)?;
        self.link.give_up_sending(id);
        self.link.never_ran(id, Answer::Forbidden);
        Ok(())
    }

    fn goodbye_refused(&self, frame: proto::GoodbyeRefused) -> Result<(), WireError> {
        self.link.goodbye_answered(Err(frame.refusal.unwrap_or_default().into()));
        Ok(())
    }

    fn answer_beat(&mut self) {
        // What waited for something else to be said has waited long enough.
        self.link.wake();
        self.link.master.read_clock();
        self.moves_look = true;
        self.beats += 1;
        if self.beats.is_multiple_of(BEATS_PER_ANSWER) {
            self.link.beat();
        }
    }

    fn violation(&self, message: String, ends_stream: bool) {
        warn!(connection = %self.link.name, "the slave broke a rule: {message}");
        self.link.send(from_master::Frame::Violation(proto::Violation { message, ends_stream }));
    }
}

/// What seldom happens beside frames.
enum Rare {
    /// The connection shall end without a goodbye.
    Stopped,
    /// Something is over.
    Due,
}

async fn rare(link: &Link) -> Rare {
    tokio::select! {
        biased;
        () = link.stop.cancelled() => Rare::Stopped,
        () = link.due() => Rare::Due,
    }
}

fn second(frame: &'static str) -> WireError {
    WireError { frame, field: "frame", problem: "came a second time" }
}

/// Tells the after_connect hook, away from the loop.
fn tell_connected(link: &Arc<Link>, welcomed: &Welcomed) {
    if link.hooks.after_connect.is_none() {
        return;
    }
    let link = Arc::clone(link);
    let told = Connected {
        connection: link.name.clone(),
        slave: welcomed.slave_id,
        reply: welcomed.reply.clone(),
        resumed: welcomed.resumed,
    };
    link.clone().spawn(async move {
        let panic = hooks::tell(link.hooks.after_connect.as_ref(), told).await;
        log_panic(&link, "after_connect", panic);
    });
}
