//! One side's end of a session: what leaves, what has arrived, and what leaves again after a break.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;

use super::assembly::{Assemblies, Held, PartError, sizes};
use super::batch::{Batch, MAX_BATCH_FRAMES};
use super::bulk::Bulk;
use super::frames::detach;
use super::lanes::{Lanes, Leaving, Others};
use super::numbering::{Arrival, Arrivals, Departures, NumberingError};
use super::{Frame, Lane, PART_BYTES, spare};

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
    /// What waits to leave or to be acknowledged, in bytes; without parts, which have a credit.
    bytes: usize,
    /// The last frame was no part: a status frame lets the next part pass.
    parts_turn: bool,
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

/// What leaves next.
enum Next<F> {
    /// The first of those that are numbered.
    Numbered,
    /// A frame without a number: it is not kept.
    Unnumbered(F),
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
            bytes: 0,
            parts_turn: true,
        }
    }

    /// Puts a frame in line.
    ///
    /// # Errors
    ///
    /// [`LineFull`] when the other side does not read: end the session, nothing may be dropped.
    // Inlined, as what it calls is: so a frame is moved once, and not at each step.
    #[inline(always)]
    pub fn send(&mut self, mut frame: F, clock: Clock) -> Result<(), LineFull> {
        let payloads = detach(&mut frame, PART_BYTES);
        let (lane, bytes) = (frame.lane(), frame.bytes());
        if lane != Lane::Status {
            let waiting = self.lanes.waiting() + self.departures.unacked();
            if waiting >= self.max_control || self.bytes + bytes > MAX_BYTES {
                return Err(LineFull { waiting });
            }
            self.bytes += bytes;
        }
        if !self.lanes.is_overtaken_by(lane) || !frame.is_numbered() {
            self.lanes.push(Leaving { frame, payloads, bytes });
        } else if !self.absorb(&mut frame, bytes) {
            self.depart(frame, payloads, bytes, clock);
        }
        Ok(())
    }

    /// Lets the frame that waits last take in what this one says.
    fn absorb(&mut self, frame: &mut F, bytes: usize) -> bool {
        let Some((last, all)) = self.departures.back_mut() else { return false };
        let absorbs = last.absorb(frame);
        *all += if absorbs { bytes } else { 0 };
        absorbs
    }

    /// Numbers a frame: what is numbered leaves next.
    #[inline(always)]
    fn depart(&mut self, frame: F, payloads: Vec<Bytes>, bytes: usize, clock: Clock) {
        let has_age = frame.has_deadline() || frame.as_part().is_some();
        let execution = if payloads.is_empty() { None } else { frame.execution() };
        let number = self.departures.push(frame, has_age.then(clock), bytes);
        if !payloads.is_empty() {
            self.bulk.add(number, execution, payloads);
        }
    }

    /// The frames that leave next, together; `None` when none may.
    pub fn next_batch(&mut self, clock: Clock) -> Option<Batch<F>> {
        let mut batch = Batch::with_room(self.departures.to_leave() + self.lanes.waiting());
        for _ in 0..MAX_BATCH_FRAMES {
            if self.leave(clock, |frame| batch.add(frame)).is_none() || batch.is_full() {
                break;
            }
        }
        (!batch.is_empty()).then_some(batch)
    }

    /// Lets the frame leave that is next, numbered and with the newest ack; shows it.
    pub fn leave<T>(&mut self, clock: Clock, see: impl FnOnce(&F) -> T) -> Option<T> {
        let ack = self.arrivals.ack();
        let stamped = |number, frame: &mut F| {
            frame.stamp(number, ack);
            see(frame)
        };
        let next = if self.departures.to_leave() > 0 { Next::Numbered } else { self.next(clock)? };
        let seen = match next {
            Next::Numbered => self.departures.leave(clock, stamped)?,
            Next::Unnumbered(mut frame) => stamped(0, &mut frame),
        };
        self.arrivals.acknowledged();
        Some(seen)
    }

    /// What is next in the lanes, or the next part; a number is given now.
    fn next(&mut self, clock: Clock) -> Option<Next<F>> {
        let others = match (self.bulk.is_empty(), self.bulk.is_ready() && self.parts_turn) {
            (true, _) => Others::None,
            (false, true) => Others::Ready,
            (false, false) => Others::Waiting,
        };
        self.parts_turn = true;
        if let Some(Leaving { frame, payloads, bytes }) = self.lanes.pop(others) {
            if frame.is_numbered() {
                self.depart(frame, payloads, bytes, clock);
                return Some(Next::Numbered);
            }
            self.bytes -= if frame.lane() == Lane::Status { 0 } else { bytes };
            return Some(Next::Unnumbered(frame));
        }
        if let Some(part) = self.bulk.next_part() {
            self.parts_turn = false;
            self.depart(F::part(part), Vec::new(), 0, clock);
            return Some(Next::Numbered);
        }
        self.arrivals.owes().then(|| Next::Unnumbered(F::beat()))
    }

    /// Takes a frame that arrived; it becomes another one when it brings the last part of that.
    ///
    /// # Errors
    ///
    /// [`LineError`] when it breaks a rule of the stream: end the session.
    pub fn arrived(&mut self, frame: &mut F::Peer, clock: Clock) -> Result<Arrived, LineError> {
        let (seq, ack) = frame.stamps();
        self.acked(ack, clock)?;
        let bytes = frame.as_part().map_or(0, |part| part.data.len());
        if self.arrivals.receive(seq, frame.is_numbered(), bytes)? == Arrival::Again {
            return Ok(Arrived::Nothing);
        }
        if let Some(part) = frame.as_part() {
            let Some(whole) = self.assemblies.add(part, clock())? else {
                return Ok(Arrived::Nothing);
            };
            *frame = whole;
            return Ok(Arrived::Whole);
        }
        if !frame.is_numbered() {
            spare::age(clock);
        }
        let sizes = sizes(frame)?;
        if sizes.is_empty() { Ok(Arrived::Whole) } else { Ok(Arrived::Announced(sizes)) }
    }

    fn acked(&mut self, ack: u64, clock: Clock) -> Result<(), NumberingError> {
        let (bulk, bytes) = (&mut self.bulk, &mut self.bytes);
        self.departures.acked(ack, |departed| {
            *bytes -= departed.bytes;
            if let (Some(part), Some(at)) = (departed.frame.as_part(), departed.at) {
                bulk.acked(part.data.len(), clock().saturating_duration_since(at));
            }
        })
    }

    /// Waits for the payloads of an announced frame; `held` is dropped when the wait ends.
    pub fn expect(&mut self, frame: F::Peer, sizes: VecDeque<usize>, held: Held, now: Instant) {
        self.assemblies.expect(frame, sizes, held, now);
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
        let waits = self.lanes.waiting() + self.departures.to_leave() > 0;
        waits || self.bulk.is_ready() || self.arrivals.owes()
    }

    /// Executions that are asked for and have not come to the other side never will: should their
    /// frames leave again, they forbid what they asked for. The numbers stay dense.
    pub fn withdraw(&mut self, is_meant: impl Fn(crate::ExecutionId) -> bool) {
        let is_meant = |frame: &F| frame.execution().filter(|id| is_meant(*id));
        for leaving in self.lanes.control_mut() {
            if is_meant(&leaving.frame).is_some() {
                leaving.payloads.clear();
                leaving.frame.withdraw();
            }
        }
        for frame in self.departures.unacked_mut() {
            if let Some(id) = is_meant(frame) {
                self.bulk.give_up(id);
                frame.withdraw();
            }
        }
    }

    /// Highest number received: what a resumption names.
    pub const fn received(&self) -> u64 {
        self.arrivals.ack()
    }

    /// A new stream takes the place of one that broke: what the other side has not received
    /// leaves again.
    ///
    /// # Errors
    ///
    /// [`NumberingError`] when the other side contradicts itself: the session cannot be resumed.
    pub fn resume(&mut self, received: u64, clock: Clock) -> Result<(), NumberingError> {
        let (bulk, bytes) = (&mut self.bulk, &mut self.bytes);
        self.departures.rewind(received, |departed| {
            *bytes -= departed.bytes;
            if let (Some(part), Some(at)) = (departed.frame.as_part(), departed.at) {
                bulk.acked(part.data.len(), clock().saturating_duration_since(at));
            }
        })
    }

    /// Whether everything has left.
    pub fn is_drained(&self) -> bool {
        self.lanes.is_empty() && self.bulk.is_empty() && self.departures.to_leave() == 0
    }

    /// Whether everything has left and was acknowledged.
    pub fn is_settled(&self) -> bool {
        self.is_drained() && self.departures.unacked() == 0
    }

    /// Status frames dropped so far because the other side was slow.
    pub const fn dropped(&self) -> u64 {
        self.lanes.dropped()
    }

    /// Forgets everything that waits: nobody will read it.
    pub fn clear(&mut self) {
        self.lanes.clear();
        self.bytes = 0;
        self.bulk.clear();
        self.departures.clear();
        self.assemblies.clear();
    }
}

#[cfg(test)]
#[path = "line_tests.rs"]
mod tests;
