//! A log in memory: the newest events, up to so many and so many bytes.

use std::collections::VecDeque;

use selsyn_common::proto;

use super::{EventBytes, EventLog, FIRST};

/// Bytes after which events go into another segment: memory is given back segment by segment.
const SEGMENT: usize = 64 * 1024;

/// The newest events of an execution.
#[derive(Debug)]
pub(super) struct Ring {
    max_events: u64,
    max_bytes: usize,
    segments: VecDeque<Segment>,
    first: u64,
    next: u64,
    bytes: usize,
}

/// Some events, as the bytes that leave.
#[derive(Debug)]
struct Segment {
    /// The number of the first event in it, dropped or not.
    first: u64,
    /// Where each of its events ends.
    ends: Vec<u32>,
    bytes: Vec<u8>,
}

impl Ring {
    pub(super) const fn new(max_events: u64, max_bytes: usize) -> Self {
        let segments = VecDeque::new();
        Self { max_events, max_bytes, segments, first: FIRST, next: FIRST, bytes: 0 }
    }

    /// The segment that takes the next event.
    fn tail(&mut self) -> &mut Segment {
        if self.segments.back().is_none_or(|last| last.bytes.len() >= SEGMENT) {
            self.segments.push_back(Segment::new(self.next));
        }
        self.segments.back_mut().expect("it was put in when there was none")
    }

    /// The segment that an event is in, by its place.
    fn at(&self, seq: u64) -> usize {
        self.segments.partition_point(|segment| segment.first <= seq) - 1
    }

    /// Drops the oldest event; false when there is none.
    fn drop_first(&mut self) -> bool {
        let Some(segment) = self.segments.front() else { return false };
        self.bytes -= segment.span(self.first, self.first + 1).len();
        self.first += 1;
        if self.first == segment.next() {
            self.segments.pop_front();
        }
        true
    }
}

impl EventLog for Ring {
    fn append(&mut self, event: &proto::Event) {
        debug_assert_eq!(event.seq, self.next);
        let size = self.tail().push(event);
        self.next += 1;
        self.bytes += size;
        let over = |ring: &Self| ring.next - ring.first > ring.max_events;
        while (over(self) || self.bytes > self.max_bytes) && self.drop_first() {}
    }

    fn first(&self) -> u64 {
        self.first
    }

    fn next(&self) -> u64 {
        self.next
    }

    fn bytes(&self) -> usize {
        self.bytes
    }

    fn read(&self, from: u64, max_bytes: usize, into: &mut EventBytes) -> u64 {
        let mut next = from;
        let (mut left, mut at) = (max_bytes, self.at(from));
        while let Some(segment) = self.segments.get(at) {
            let to = segment.fits(next, left).max(if next == from { from + 1 } else { next });
            let bytes = segment.span(next, to);
            into.extend(bytes);
            left = left.saturating_sub(bytes.len());
            next = to;
            if next < segment.next() {
                break;
            }
            at += 1;
        }
        next
    }

    fn shrink(&mut self, bytes: usize) {
        while self.bytes > bytes && self.drop_first() {}
    }
}

impl Segment {
    const fn new(first: u64) -> Self {
        Self { first, ends: Vec::new(), bytes: Vec::new() }
    }

    fn push(&mut self, event: &proto::Event) -> usize {
        let before = self.bytes.len();
        EventBytes::write(event, &mut self.bytes);
        // One output has a megabyte at most, and nothing is put in behind 64 KiB.
        self.ends.push(u32::try_from(self.bytes.len()).unwrap_or(u32::MAX));
        self.bytes.len() - before
    }

    fn next(&self) -> u64 {
        self.first + self.ends.len() as u64
    }

    /// Where an event of this number begins.
    fn begin(&self, seq: u64) -> usize {
        let before = (seq - self.first) as usize;
        before.checked_sub(1).map_or(0, |last| self.ends[last] as usize)
    }

    /// The events from one number up to another.
    fn span(&self, from: u64, to: u64) -> &[u8] {
        &self.bytes[self.begin(from)..self.begin(to)]
    }

    /// The number after the last event that fits into so many bytes, beginning with this one.
    fn fits(&self, from: u64, bytes: usize) -> u64 {
        let limit = self.begin(from) + bytes;
        let fitting = self.ends.partition_point(|end| *end as usize <= limit);
        (self.first + fitting as u64).max(from)
    }
}

#[cfg(test)]
#[path = "ring_tests.rs"]
mod tests;
