//! Frames as the bytes in which they leave, and are kept until they are acknowledged.
//!
//! A frame is written once, where it is sent; whoever keeps what has left keeps bytes. Only when a
//! stream has broken are they read again.

use std::marker::PhantomData;
use std::time::{Duration, Instant};

use bytes::Bytes;
use prost::Message as _;

use super::Frame;
use super::batch::{Batch, MAX_BATCH_BYTES, MAX_BATCH_FRAMES, write_frame};
use super::room::Rooms;
use crate::proto::Part;

/// A time that is left does not change by less.
const MOMENT: Duration = Duration::from_millis(1);

/// A batch that fills less than so much of its room is moved out of it.
const SPARED: usize = 4;

/// Numbered frames that leave together.
#[derive(Debug)]
pub(super) struct Written<F> {
    /// The number of its first frame.
    pub(super) first: u64,
    frames: usize,
    body: Body,
    /// Which of them name a time that is left, by their place, and since when.
    timed: Vec<(usize, Instant)>,
    kind: PhantomData<F>,
}

#[derive(Debug)]
enum Body {
    /// More may be added.
    Open(Vec<u8>),
    Closed(Bytes),
    /// A piece of a large payload, which is not copied, and when it was numbered.
    Part(Part, Instant),
}

impl<F: Frame> Written<F> {
    /// Room for frames, the first of which has this number.
    pub(super) const fn new(first: u64, room: Vec<u8>) -> Self {
        Self::of(first, 0, Body::Open(room))
    }

    /// A piece of a large payload, alone.
    pub(super) const fn part(number: u64, part: Part, now: Instant) -> Self {
        Self::of(number, 1, Body::Part(part, now))
    }

    const fn of(first: u64, frames: usize, body: Body) -> Self {
        Self { first, frames, body, timed: Vec::new(), kind: PhantomData }
    }

    /// Whether more may be added.
    #[inline]
    pub(super) const fn takes_more(&self) -> bool {
        match &self.body {
            Body::Open(bytes) => self.frames < MAX_BATCH_FRAMES && bytes.len() < MAX_BATCH_BYTES,
            Body::Closed(_) | Body::Part(..) => false,
        }
    }

    /// Whether so many more may be added at once, of so many bytes.
    pub(super) const fn takes(&self, frames: usize, more: usize) -> bool {
        let Body::Open(bytes) = &self.body else { return false };
        self.frames + frames <= MAX_BATCH_FRAMES && bytes.len() + more <= MAX_BATCH_BYTES
    }

    /// Adds frames that were written together and name no time that is left. It must
    /// [take](Self::takes) them.
    pub(super) fn add_written(&mut self, frames: usize, written: &[u8]) {
        let Body::Open(bytes) = &mut self.body else { return };
        bytes.extend_from_slice(written);
        self.frames += frames;
    }

    /// Adds a frame, which may name a time that is left `since` then; gives how many bytes it
    /// takes. It must [take more](Self::takes_more).
    #[inline(always)]
    pub(super) fn add(
        &mut self,
        since: Option<Instant>,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> usize {
        let Body::Open(bytes) = &mut self.body else { return 0 };
        let before = bytes.len();
        write(bytes);
        if let Some(since) = since {
            self.timed.push((self.frames, since));
        }
        self.frames += 1;
        bytes.len() - before
    }

    /// The number of its last frame.
    pub(super) const fn last(&self) -> u64 {
        self.first + self.frames as u64 - 1
    }

    /// How many bytes it keeps; parts have a credit of their own.
    pub(super) const fn bytes(&self) -> usize {
        match &self.body {
            Body::Open(bytes) => bytes.len(),
            Body::Closed(bytes) => bytes.len(),
            Body::Part(..) => 0,
        }
    }

    /// The part, and how long ago it was numbered.
    pub(super) fn as_part(&self, now: impl FnOnce() -> Instant) -> Option<(&Part, Duration)> {
        let Body::Part(part, since) = &self.body else { return None };
        Some((part, now().saturating_duration_since(*since)))
    }

    /// What leaves; times that are left are shortened by what has passed. It takes no more frames
    /// from here on.
    pub(super) fn leaves(&mut self, now: impl FnOnce() -> Instant, rooms: &mut Rooms) -> Batch<F> {
        if let Body::Open(bytes) = &mut self.body {
            let room = std::mem::take(bytes);
            self.body = Body::Closed(if room.len() < room.capacity() / SPARED {
                // It may be kept for long, and its room is not counted.
                let moved = Bytes::copy_from_slice(&room);
                rooms.put(room);
                moved
            } else {
                room.into()
            });
        }
        match &self.body {
            Body::Part(part, _) => Batch::numbered(self.first, vec![F::part(part.clone())]),
            _ => Batch::written(self.first, self.aged(now)),
        }
    }

    /// Its room, if nobody reads there any more: it is done with.
    pub(super) fn leave_room(self, rooms: &mut Rooms) {
        if let Body::Closed(bytes) = self.body
            && let Ok(mut room) = bytes.try_into_mut()
        {
            // Else they would be moved to the room's beginning. `Bytes` that fill their room would
            // let go of it here.
            room.clear();
            rooms.put(room.into());
        }
    }

    fn aged(&self, now: impl FnOnce() -> Instant) -> Bytes {
        let Body::Closed(bytes) = &self.body else { return Bytes::new() };
        let passed = |now: Instant, (place, since): &(usize, Instant)| {
            let passed = now.saturating_duration_since(*since);
            (passed >= MOMENT).then_some((*place, passed))
        };
        let now = if self.timed.is_empty() { None } else { Some(now()) };
        let passed: Vec<_> =
            self.timed.iter().filter_map(|timed| now.and_then(|now| passed(now, timed))).collect();
        if passed.is_empty() {
            return bytes.clone();
        }
        let mut frames = read::<F>(bytes);
        for (place, passed) in passed {
            frames[place].age(passed);
        }
        write(&frames)
    }

    /// Shows each frame, to be changed, but no part.
    pub(super) fn change(&mut self, change: impl FnMut(&mut F)) {
        let bytes = match &mut self.body {
            Body::Open(bytes) => Bytes::from(std::mem::take(bytes)),
            Body::Closed(bytes) => bytes.clone(),
            Body::Part(..) => return,
        };
        let mut frames = read::<F>(&bytes);
        frames.iter_mut().for_each(change);
        self.body = Body::Closed(write(&frames));
    }

    /// Drops the frames up to this number, which is one of its own, and not the last.
    pub(super) fn skip_to(&mut self, received: u64) {
        let known = (received + 1 - self.first) as usize;
        let bytes = match &mut self.body {
            Body::Open(bytes) => Bytes::from(std::mem::take(bytes)),
            Body::Closed(bytes) => bytes.clone(),
            Body::Part(..) => return,
        };
        self.body = Body::Closed(write(&read::<F>(&bytes)[known..]));
        self.first += known as u64;
        self.frames -= known;
        self.timed.retain_mut(|(place, _)| {
            let is_left = *place >= known;
            *place = place.saturating_sub(known);
            is_left
        });
    }
}

/// The frames that were written so.
pub(super) fn read<F: Frame>(bytes: &Bytes) -> Vec<F> {
    let batch = Batch::<F>::decode(bytes.clone()).expect("it was written here");
    let incoming = batch.into_incoming().expect("a batch was written, and no more");
    incoming.map(|(_, frame)| frame).collect()
}

fn write<F: Frame>(frames: &[F]) -> Bytes {
    let mut bytes = Vec::new();
    frames.iter().for_each(|frame| write_frame(frame, &mut bytes));
    bytes.into()
}
