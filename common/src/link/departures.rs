//! Which frames have left, and which must leave again.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::Frame;
use super::batch::{Batch, write_frame};
use super::numbering::NumberingError;
use super::quick::Short;
use super::room::{LARGEST, Rooms};
use super::written::Written;
use crate::ExecutionId;
use crate::proto::Part;

/// Least room that is made for a batch, in bytes; more where the ones before were longer, so that
/// what is written is not moved.
const ROOM: usize = 256;

/// Numbers what leaves, dense from 1, and keeps it until it is acknowledged.
#[derive(Debug)]
pub struct Departures<F> {
    /// What has left and is not acknowledged, in the order of its numbers.
    kept: VecDeque<Written<F>>,
    /// What leaves next; its numbers come after those.
    waiting: VecDeque<Written<F>>,
    /// The highest number that was given.
    last: u64,
    /// The highest number that has ever left: what comes after it cannot be acknowledged.
    left: u64,
    acked: u64,
    /// What is kept or waits, in bytes, without parts.
    bytes: usize,
    /// How long batches are, lately.
    room: usize,
    rooms: Rooms,
}

impl<F> Default for Departures<F> {
    fn default() -> Self {
        let (kept, waiting) = (VecDeque::new(), VecDeque::new());
        let (room, rooms) = (ROOM, Rooms::default());
        Self { kept, waiting, last: 0, left: 0, acked: 0, bytes: 0, room, rooms }
    }
}

impl<F: Frame> Departures<F> {
    /// Numbers a frame and keeps it; it leaves when those before it have. `since` is given for one
    /// that names a time that is left.
    pub fn push(&mut self, frame: &F, since: Option<Instant>) -> u64 {
        self.push_with(since, |out| write_frame(frame, out))
    }

    /// As [`push`](Self::push) for a frame that is written where it stands.
    #[inline]
    pub fn push_short(&mut self, short: &impl Short<F>, since: Option<Instant>) {
        self.push_with(since, |out| short.write(out));
    }

    #[inline(always)]
    fn push_with(&mut self, since: Option<Instant>, write: impl FnOnce(&mut Vec<u8>)) -> u64 {
        self.last += 1;
        if !self.waiting.back().is_some_and(Written::takes_more) {
            self.waiting.push_back(Written::new(self.last, self.rooms.take(self.room)));
        }
        if let Some(open) = self.waiting.back_mut() {
            self.bytes += open.add(since, write);
        }
        self.last
    }

    /// As [`push`](Self::push) for frames that were written together and name no time that is left.
    pub fn push_written(&mut self, frames: usize, written: &[u8]) {
        let first = self.next();
        self.last += frames as u64;
        self.bytes += written.len();
        if !self.waiting.back().is_some_and(|open| open.takes(frames, written.len())) {
            self.waiting.push_back(Written::new(first, self.rooms.take(self.room)));
        }
        if let Some(open) = self.waiting.back_mut() {
            open.add_written(frames, written);
        }
    }

    /// Numbers a piece of a large payload, as [`push`](Self::push) does a frame.
    pub fn push_part(&mut self, part: Part, now: Instant) {
        self.last += 1;
        self.waiting.push_back(Written::part(self.last, part, now));
    }

    /// The frames that leave next, together.
    pub fn leave(&mut self, now: impl FnOnce() -> Instant) -> Option<Batch<F>> {
        let mut written = self.waiting.pop_front()?;
        let batch = written.leaves(now, &mut self.rooms);
        let longest = written.bytes().max(self.room - self.room / 32);
        self.room = longest.clamp(ROOM, LARGEST);
        self.left = self.left.max(written.last());
        self.kept.push_back(written);
        Some(batch)
    }

    /// Notes the other side's ack; an older one than before says nothing new. Shows each part
    /// that is done with, and how long it took.
    ///
    /// # Errors
    ///
    /// [`NumberingError::AckAhead`] when it acknowledges what was never sent: end the stream.
    pub fn acked(
        &mut self,
        acked: u64,
        now: impl Fn() -> Instant,
        mut done: impl FnMut(&Part, Duration),
    ) -> Result<(), NumberingError> {
        if acked > self.left {
            let sent = self.left;
            return Err(NumberingError::AckAhead { acked, sent });
        }
        if acked <= self.acked {
            return Ok(());
        }
        self.acked = acked;
        // What leaves again may be acknowledged before it has.
        for queue in [&mut self.kept, &mut self.waiting] {
            while queue.front().is_some_and(|written| written.last() <= acked) {
                let Some(written) = queue.pop_front() else { break };
                self.bytes -= written.bytes();
                if let Some((part, took)) = written.as_part(&now) {
                    done(part, took);
                }
                written.leave_room(&mut self.rooms);
            }
        }
        self.skip_known();
        Ok(())
    }

    /// What waits, and the other side has, leaves no more.
    fn skip_known(&mut self) {
        skip_to(self.acked, self.waiting.front_mut(), &mut self.bytes);
    }

    /// The stream was resumed: what the other side has not received leaves again.
    ///
    /// # Errors
    ///
    /// [`NumberingError`] when the other side contradicts itself: the session cannot be resumed.
    pub fn rewind(
        &mut self,
        received: u64,
        now: impl Fn() -> Instant,
        done: impl FnMut(&Part, Duration),
    ) -> Result<(), NumberingError> {
        let acked = self.acked;
        if received < acked {
            return Err(NumberingError::AckBehind { received, acked });
        }
        self.acked(received, now, done)?;
        while let Some(written) = self.kept.pop_back() {
            self.waiting.push_front(written);
        }
        self.skip_known();
        Ok(())
    }

    /// Executions that are asked for in what is kept are forbidden instead; told of each.
    pub fn withdraw(
        &mut self,
        is_meant: impl Fn(ExecutionId) -> bool,
        mut done: impl FnMut(ExecutionId),
    ) {
        // What the other side has is asked for, and stays so.
        skip_to(self.acked, self.kept.front_mut(), &mut self.bytes);
        for written in self.kept.iter_mut().chain(&mut self.waiting) {
            self.bytes -= written.bytes();
            written.change(|frame| {
                if let Some(id) = frame.execution().filter(|id| is_meant(*id)) {
                    frame.withdraw();
                    done(id);
                }
            });
            self.bytes += written.bytes();
        }
    }

    /// Keeps no room for what will be said.
    pub fn give_back(&mut self) {
        self.rooms.clear();
    }

    /// The number that the next frame gets.
    pub const fn next(&self) -> u64 {
        self.last + 1
    }

    /// Whether something must leave: new, or not received before a break.
    pub fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// How many frames are not acknowledged, those that wait to leave among them.
    pub const fn unacked(&self) -> usize {
        (self.last - self.acked) as usize
    }

    /// How many bytes these take; without parts, which have a credit.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Forgets everything: nobody will ask for it again.
    pub fn clear(&mut self) {
        *self = Self { last: self.last, left: self.left, acked: self.last, ..Self::default() };
    }
}

/// Drops what the other side has from the oldest of those that are kept, and counts its bytes out.
fn skip_to<F: Frame>(acked: u64, oldest: Option<&mut Written<F>>, bytes: &mut usize) {
    if let Some(oldest) = oldest.filter(|oldest| oldest.first <= acked) {
        *bytes -= oldest.bytes();
        oldest.skip_to(acked);
        *bytes += oldest.bytes();
    }
}

#[cfg(test)]
#[path = "departures_tests.rs"]
mod tests;
