//! One side's end of a session: what leaves, what has arrived, and what leaves again after a break.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;

use super::assembly::{Assemblies, Held, PartError, sizes};
use super::batch::{Batch, MAX_BATCH_BYTES, MAX_BATCH_FRAMES, write_frame};
use super::bulk::Bulk;
use super::departures::Departures;
use super::frames::detach;
use super::lanes::{Lanes, Leaving, Others};
use super::numbering::{Arrivals, NumberingError};
use super::quick::{Series, Short};
use super::verdicts::Verdicts;
use super::written::read;
use super::{Frame, Lane, PART_BYTES, spare};
use crate::proto::FromSlave;

/// Reads the monotonic clock; asked only for frames whose age matters.
pub type Clock = fn() -> Instant;

/// Bytes that may wait to leave or to be acknowledged: twice what results that nobody took may
/// take on a slave with the default limits.
const MAX_BYTES: usize = 512 * 1024 * 1024;

/// One side's end of a session. It outlives every stream.
#[derive(Debug)]
pub struct Line<F: Frame> {
    lanes: Lanes<F>,
    bulk: Bulk,
    departures: Departures<F>,
    arrivals: Arrivals,
    assemblies: Assemblies<F::Peer>,
    max_control: usize,
    /// The last frame was no part: a status frame lets the next part pass.
    parts_turn: bool,
    /// A beat leaves next. It is no frame that waits: most connections say nothing else, and keep
    /// no room for that.
    is_beat_due: bool,
}

/// Too many frames wait for the other side: it does not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the other side does not read: {waiting} frames wait for it")]
pub struct LineFull {
    /// How many frames wait to leave, or to be acknowledged.
    pub waiting: usize,
}

/// What a frame that arrived means.
#[derive(Debug, PartialEq, Eq)]
pub enum Arrived {
    /// Deal with it.
    Whole,
    /// Its payloads are empty and name these sizes: they follow in parts. Say that they are
    /// [expected](Line::expect), or deal with it now and never see them.
    Announced(VecDeque<usize>),
    /// Nothing to deal with.
    Nothing,
}

/// A frame whose payloads follow in parts.
#[derive(Debug, PartialEq)]
pub struct Announced<F> {
    /// The frame, its payloads empty.
    pub frame: F,
    /// Its number: what the parts name.
    pub number: u64,
    /// The sizes of its payloads, in the order of its fields.
    pub sizes: VecDeque<usize>,
}

/// The other side breaks a rule of the stream: end it, and the session with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// In the numbers.
    #[error(transparent)]
    Numbering(#[from] NumberingError),
    /// In the parts.
    #[error(transparent)]
    Part(#[from] PartError),
    /// In the batch.
    #[error("a batch holds more than {MAX_BATCH_FRAMES} frames")]
    Batch,
}

impl<F: Frame> Line<F> {
    /// Begins a session in which `max_control` frames may wait to leave or to be acknowledged.
    pub fn new(max_control: usize) -> Self {
        Self {
            lanes: Lanes::default(),
            bulk: Bulk::default(),
            departures: Departures::default(),
            arrivals: Arrivals::default(),
            assemblies: Assemblies::default(),
            max_control,
            parts_turn: true,
            is_beat_due: false,
        }
    }

    /// Puts a frame in line.
    ///
    /// # Errors
    ///
    /// [`LineFull`] when the other side does not read: end the session, nothing may be dropped.
    pub fn send(&mut self, mut frame: F, clock: Clock) -> Result<(), LineFull> {
        let payloads = detach(&mut frame, PART_BYTES);
        let lane = frame.lane();
        if lane != Lane::Status {
            self.check_room(1)?;
        }
        let since = frame.has_deadline().then(clock);
        if frame.is_numbered() && self.lanes.is_overtaken_by(lane) {
            self.depart(&frame, payloads, since);
        } else {
            self.lanes.push(Leaving::new(frame, payloads, since));
        }
        Ok(())
    }

    /// Whether so many more may wait.
    #[inline]
    fn check_room(&self, frames: usize) -> Result<(), LineFull> {
        let waiting = self.lanes.waiting() + self.departures.unacked();
        let bytes = self.lanes.bytes() + self.departures.bytes();
        let has_room = waiting + frames <= self.max_control && bytes <= MAX_BYTES;
        if has_room { Ok(()) } else { Err(LineFull { waiting }) }
    }

    /// As [`send`](Self::send) for a common frame, which is written where it stands if it may be.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    #[inline]
    pub fn send_short<S: Short<F>>(&mut self, short: &S, clock: Clock) -> Result<(), LineFull> {
        if !short.fits() || !self.lanes.is_overtaken_by(S::LANE) {
            return self.send(short.to_frame(), clock);
        }
        self.check_room(1)?;
        self.departures.push_short(short, short.has_deadline().then(clock));
        Ok(())
    }

    /// Numbers a frame: what is numbered leaves next.
    fn depart(&mut self, frame: &F, payloads: Vec<Bytes>, since: Option<Instant>) {
        let number = self.departures.push(frame, since);
        if !payloads.is_empty() {
            self.bulk.add(number, frame.execution(), payloads);
        }
    }

    /// Says that this side lives, before all else.
    pub const fn beat(&mut self) {
        self.is_beat_due = true;
    }

    /// The frames that leave next, together; `None` when none may.
    pub fn next_batch(&mut self, clock: Clock) -> Option<Batch<F>> {
        let batch = if std::mem::take(&mut self.is_beat_due) {
            Batch::of(F::beat())
        } else if let Some(batch) = self.departures.leave(clock) {
            batch
        } else if self.lanes.is_empty() && !self.owes_more() {
            // As most often: HTTP/2 asks again behind each batch.
            return None;
        } else {
            self.merge(clock)?
        };
        Some(batch.with_ack(self.arrivals.acknowledge()))
    }

    /// Merges the lanes into one batch; a part, or a beat, where they have nothing.
    fn merge(&mut self, clock: Clock) -> Option<Batch<F>> {
        let (first, mut bytes, mut frames) = (self.departures.next(), Vec::new(), 0);
        while frames < MAX_BATCH_FRAMES && bytes.len() < MAX_BATCH_BYTES {
            let Some(leaving) = self.pop() else { break };
            self.merge_in(leaving, &mut bytes, clock);
            frames += 1;
        }
        if frames == 0 {
            self.part_departs(clock);
            return self.departures.leave(clock).or_else(|| self.owed());
        }
        // What is numbered in it is kept apart from what is not; in two batches where it is longer
        // as it was said than as it leaves, with less time left.
        let mut is_numbered = false;
        while self.departures.leave(clock).is_some() {
            is_numbered = true;
        }
        Some(Batch::written(if is_numbered { first } else { 0 }, bytes.into()))
    }

    fn pop(&mut self) -> Option<Leaving<F>> {
        let others = match (self.bulk.is_empty(), self.bulk.is_ready() && self.parts_turn) {
            (true, _) => Others::None,
            (false, true) => Others::Ready,
            (false, false) => Others::Waiting,
        };
        let leaving = self.lanes.pop(others)?;
        self.parts_turn = true;
        Some(leaving)
    }

    fn merge_in(&mut self, leaving: Leaving<F>, bytes: &mut Vec<u8>, clock: Clock) {
        let Leaving { mut frame, payloads, since, .. } = leaving;
        if frame.is_numbered() {
            self.depart(&frame, payloads, since);
        }
        if let Some(since) = since {
            frame.age(clock().saturating_duration_since(since));
        }
        write_frame(&frame, bytes);
    }

    /// Numbers the next part, if one may leave.
    fn part_departs(&mut self, clock: Clock) {
        if let Some(part) = self.bulk.next_part() {
            self.parts_turn = false;
            self.departures.push_part(part, clock());
        }
    }

    /// A beat, for the acknowledgement that it carries.
    fn owed(&self) -> Option<Batch<F>> {
        self.arrivals.owes().then(|| Batch::of(F::beat()))
    }

    /// Takes what a batch acknowledges.
    ///
    /// # Errors
    ///
    /// [`NumberingError::AckAhead`] when it acknowledges what was never sent: end the session.
    pub fn acked(&mut self, ack: u64, clock: Clock) -> Result<(), NumberingError> {
        let bulk = &mut self.bulk;
        self.departures.acked(ack, clock, |part, took| bulk.acked(part.data.len(), took))
    }

    /// Takes frames that came together and are common; gives those to deal with.
    ///
    /// # Errors
    ///
    /// [`LineError`] when one is missing before them: end the session.
    pub fn arrived_together(
        &mut self,
        first: u64,
        mut series: Series<F::Peer>,
    ) -> Result<Series<F::Peer>, LineError> {
        let known = self.arrivals.receive(first, series.len(), 0)?;
        series.drop_first(known);
        Ok(series)
    }

    /// Takes a frame that arrived under this number, or without one; it becomes another one when
    /// it brings the last part of that.
    ///
    /// # Errors
    ///
    /// [`LineError`] when it breaks a rule of the stream: end the session.
    pub fn arrived(
        &mut self,
        number: u64,
        frame: &mut F::Peer,
        clock: Clock,
    ) -> Result<Arrived, LineError> {
        if !frame.is_numbered() {
            spare::age(clock);
            if frame.lane() == Lane::Control {
                // A beat: who says little keeps no room for much.
                self.departures.give_back();
            }
        } else if self.arrivals.receive(number, 1, part_bytes(frame))? == 1 {
            return Ok(Arrived::Nothing);
        }
        if let Some(part) = frame.as_part() {
            let Some(whole) = self.assemblies.add(part, clock())? else {
                return Ok(Arrived::Nothing);
            };
            *frame = whole;
            return Ok(Arrived::Whole);
        }
        let sizes = sizes(number, frame)?;
        if sizes.is_empty() { Ok(Arrived::Whole) } else { Ok(Arrived::Announced(sizes)) }
    }

    /// Waits for the payloads of an announced frame; `held` is dropped when the wait ends.
    pub fn expect(&mut self, announced: Announced<F::Peer>, held: Held, now: Instant) {
        self.assemblies.expect(announced, held, now);
    }

    /// Stops waiting for the payloads of the first frame that is meant; gives that frame.
    pub fn give_up_waiting(&mut self, is_meant: impl Fn(&F::Peer) -> bool) -> Option<F::Peer> {
        self.assemblies.give_up(is_meant)
    }

    /// Sends no more of the payloads of this execution: the other side has answered without them.
    pub fn give_up_sending(&mut self, execution: crate::ExecutionId) {
        self.bulk.give_up(execution);
    }

    /// Whether something may leave that could not before a frame arrived.
    pub fn is_urgent(&self) -> bool {
        self.lanes.waiting() > 0 || self.departures.is_waiting() || self.owes_more()
    }

    /// Whether a part may leave, or an acknowledgement must, where no frame does.
    fn owes_more(&self) -> bool {
        self.bulk.is_ready() || self.arrivals.owes()
    }

    /// Executions that are asked for and have not come to the other side never will: should their
    /// frames leave again, they forbid what they asked for. The numbers stay dense.
    pub fn withdraw(&mut self, is_meant: impl Fn(crate::ExecutionId) -> bool) {
        for leaving in self.lanes.control_mut() {
            if leaving.frame.execution().is_some_and(&is_meant) {
                leaving.payloads.clear();
                leaving.frame.withdraw();
            }
        }
        let bulk = &mut self.bulk;
        self.departures.withdraw(is_meant, |id| bulk.give_up(id));
    }

    /// Highest number received: what a resumption names.
    pub const fn received(&self) -> u64 {
        self.arrivals.received()
    }

    /// A new stream takes the place of one that broke: what the other side has not received
    /// leaves again.
    ///
    /// # Errors
    ///
    /// [`NumberingError`] when the other side contradicts itself: the session cannot be resumed.
    pub fn resume(&mut self, received: u64, clock: Clock) -> Result<(), NumberingError> {
        let bulk = &mut self.bulk;
        self.departures.rewind(received, clock, |part, took| bulk.acked(part.data.len(), took))
    }

    /// Whether everything has left.
    pub fn is_drained(&self) -> bool {
        !self.waits() && !self.is_beat_due
    }

    /// Whether frames wait, or parts.
    fn waits(&self) -> bool {
        !self.lanes.is_empty() || !self.bulk.is_empty() || self.departures.is_waiting()
    }

    /// Whether everything has left and was acknowledged, as a beat never is.
    pub fn is_settled(&self) -> bool {
        !self.waits() && self.departures.unacked() == 0
    }

    /// Status frames dropped so far because the other side was slow.
    pub const fn dropped(&self) -> u64 {
        self.lanes.dropped()
    }

    /// Forgets everything that waits: nobody will read it.
    pub fn clear(&mut self) {
        self.lanes.clear();
        self.bulk.clear();
        self.departures.clear();
        self.assemblies.clear();
        self.is_beat_due = false;
    }
}

impl Line<FromSlave> {
    /// As [`send`](Self::send) for verdicts that were written together; none is left.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_verdicts(&mut self, verdicts: &mut Verdicts, clock: Clock) -> Result<(), LineFull> {
        let sent = if self.lanes.is_overtaken_by(Lane::Verdict) {
            self.check_room(verdicts.len()).map(|()| {
                self.departures.push_written(verdicts.len(), verdicts.bytes());
            })
        } else {
            let frames = read(&Bytes::copy_from_slice(verdicts.bytes()));
            frames.into_iter().try_for_each(|frame| self.send(frame, clock))
        };
        verdicts.clear();
        sent
    }
}

fn part_bytes<F: Frame>(frame: &F) -> usize {
    frame.as_part().map_or(0, |part| part.data.len())
}

#[cfg(test)]
#[path = "line_tests.rs"]
mod tests;
