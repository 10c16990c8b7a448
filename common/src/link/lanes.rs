//! Which frame leaves next.
//!
//! Control frames go first. Status frames go when there is no control frame, and those that were
//! shown before a verdict go before that verdict, so that nobody hears the end before the story.
//! Parts of large payloads and status frames take turns.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;

use super::{Frame, Lane};

/// Status frames that may wait. Each is small, and a control frame waits for none of them; 1,024
/// is what a reader can miss at the worst while it is slow.
pub const MAX_STATUS_FRAMES: usize = 1_024;

/// And in bytes: a function may log long lines.
pub const MAX_STATUS_BYTES: usize = 16 * 1024 * 1024;

/// The lanes of small frames that merge into one stream.
#[derive(Debug)]
pub struct Lanes<F> {
    control: VecDeque<(u64, Leaving<F>)>,
    control_bytes: usize,
    status: VecDeque<(u64, Leaving<F>)>,
    status_bytes: usize,
    pushed: u64,
    dropped: u64,
}

/// A frame, and the large payloads that were taken out of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Leaving<F> {
    /// The frame.
    pub frame: F,
    /// Its large payloads, in the order of its fields.
    pub payloads: Vec<Bytes>,
    /// Since when it waits, if it names a time that is left.
    pub since: Option<Instant>,
    /// How many bytes the frame takes without its large payloads.
    bytes: usize,
}

impl<F: Frame> Leaving<F> {
    /// A frame that must wait.
    pub fn new(frame: F, payloads: Vec<Bytes>, since: Option<Instant>) -> Self {
        let bytes = frame.encoded_len();
        Self { frame, payloads, since, bytes }
    }
}

impl<F> Default for Lanes<F> {
    fn default() -> Self {
        let (control, status) = (VecDeque::new(), VecDeque::new());
        Self { control, control_bytes: 0, status, status_bytes: 0, pushed: 0, dropped: 0 }
    }
}

impl<F: Frame> Lanes<F> {
    /// Puts a frame into its lane. A full status lane drops its oldest frame, counted.
    pub fn push(&mut self, leaving: Leaving<F>) {
        self.pushed += 1;
        if leaving.frame.lane() == Lane::Status {
            self.status_bytes += leaving.bytes;
            self.status.push_back((self.pushed, leaving));
            while self.status.len() > MAX_STATUS_FRAMES || self.status_bytes > MAX_STATUS_BYTES {
                self.pop_status();
                self.dropped += 1;
            }
        } else {
            self.control_bytes += leaving.bytes;
            self.control.push_back((self.pushed, leaving));
        }
    }

    /// Whether a frame of this lane waits for nothing here, and need not get in line.
    pub fn is_overtaken_by(&self, lane: Lane) -> bool {
        match lane {
            Lane::Control => self.control.is_empty(),
            Lane::Verdict => self.is_empty(),
            Lane::Status | Lane::Last => false,
        }
    }

    /// Takes the frame that leaves next, if any may. The last word waits for the `others`.
    pub fn pop(&mut self, others: Others) -> Option<Leaving<F>> {
        if self.may_lead(others) {
            let (_, leaving) = self.control.pop_front()?;
            self.control_bytes -= leaving.bytes;
            Some(leaving)
        } else if others == Others::Ready {
            None
        } else {
            self.pop_status()
        }
    }

    fn pop_status(&mut self) -> Option<Leaving<F>> {
        let (_, leaving) = self.status.pop_front()?;
        self.status_bytes -= leaving.bytes;
        Some(leaving)
    }

    /// Whether the control lane goes first.
    fn may_lead(&self, others: Others) -> bool {
        let Some((at, leaving)) = self.control.front() else { return false };
        let is_shown_before = self.status.front().is_some_and(|(shown, _)| shown < at);
        match leaving.frame.lane() {
            Lane::Verdict => !is_shown_before,
            Lane::Last => self.status.is_empty() && others == Others::None,
            Lane::Control | Lane::Status => true,
        }
    }

    /// The control frames that wait.
    pub fn control_mut(&mut self) -> impl Iterator<Item = &mut Leaving<F>> {
        self.control.iter_mut().map(|(_, leaving)| leaving)
    }

    /// Control frames that wait.
    pub fn waiting(&self) -> usize {
        self.control.len()
    }

    /// How many bytes these take.
    pub const fn bytes(&self) -> usize {
        self.control_bytes
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.control.is_empty() && self.status.is_empty()
    }

    /// Status frames dropped so far.
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.control.clear();
        self.status.clear();
        (self.control_bytes, self.status_bytes) = (0, 0);
    }
}

/// What else wants to leave: the parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Others {
    /// Nothing.
    None,
    /// Something, and it is not its turn or has no credit.
    Waiting,
    /// Something, and it is its turn: status frames let it pass.
    Ready,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    use crate::proto::{self, FromSlave, from_slave::Frame as F};

    fn frame(lane: Lane, at: usize) -> Leaving<FromSlave> {
        let frame = match lane {
            Lane::Control => F::Running(proto::Running::default()),
            Lane::Verdict => F::Finished(proto::Finished::default()),
            Lane::Status => F::Output(proto::ExecutionOutput::default()),
            Lane::Last => F::GoodbyeAccepted(proto::GoodbyeAccepted::default()),
        };
        // The place in line, where a test can read it.
        let payloads = vec![Bytes::from(at.to_string())];
        Leaving { bytes: 1, ..Leaving::new(FromSlave { frame: Some(frame) }, payloads, None) }
    }

    fn place(leaving: &Leaving<FromSlave>) -> u64 {
        std::str::from_utf8(&leaving.payloads[0]).unwrap().parse().unwrap()
    }

    fn lane() -> impl Strategy<Value = Lane> {
        prop::sample::select(vec![Lane::Control, Lane::Verdict, Lane::Status])
    }

    fn filled(lanes_of: &[Lane]) -> Lanes<FromSlave> {
        let mut lanes = Lanes::default();
        lanes_of.iter().enumerate().for_each(|(at, lane)| lanes.push(frame(*lane, at)));
        lanes
    }

    fn popped(lanes: &mut Lanes<FromSlave>) -> Vec<(Lane, u64)> {
        let popped = std::iter::from_fn(|| lanes.pop(Others::None));
        popped.map(|leaving| (leaving.frame.lane(), place(&leaving))).collect()
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_each_lane_keeps_its_order(lanes_of in prop::collection::vec(lane(), 0..200)) {
            let out = popped(&mut filled(&lanes_of));
            prop_assert_eq!(out.len(), lanes_of.len());
            let of = |status: bool| {
                let lane = out.iter().filter(move |(lane, _)| (*lane == Lane::Status) == status);
                lane.map(|(_, at)| *at).collect::<Vec<_>>()
            };
            prop_assert!(of(true).is_sorted() && of(false).is_sorted());
        }

        #[test]
        fn no_verdict_overtakes_what_was_shown_before_it(lanes_of in prop::collection::vec(lane(), 0..200)) {
            let out = popped(&mut filled(&lanes_of));
            for (place, (_, verdict)) in out.iter().enumerate().filter(|(_, (lane, _))| *lane == Lane::Verdict) {
                let late = out[place..].iter().any(|(lane, at)| *lane == Lane::Status && at < verdict);
                prop_assert!(!late);
            }
        }
    }

    #[test]
    fn a_control_frame_waits_for_no_status_frame() {
        let mut lanes = filled(&[Lane::Status; 100]);
        lanes.push(frame(Lane::Control, 100));
        assert_eq!(popped(&mut lanes)[0], (Lane::Control, 100));
    }

    #[test]
    fn the_last_word_waits_for_everything_else() {
        let mut lanes = filled(&[Lane::Status, Lane::Last]);
        assert_eq!(lanes.pop(Others::Waiting).unwrap().frame.lane(), Lane::Status);
        assert_eq!(lanes.pop(Others::Waiting), None);
        assert_eq!(lanes.pop(Others::None).unwrap().frame.lane(), Lane::Last);
    }

    #[test]
    fn status_frames_let_parts_pass_when_it_is_their_turn() {
        let mut lanes = filled(&[Lane::Status, Lane::Status]);
        assert_eq!(lanes.pop(Others::Ready), None);
        lanes.push(frame(Lane::Control, 2));
        assert_eq!(lanes.pop(Others::Ready).unwrap().frame.lane(), Lane::Control);
    }

    #[test]
    fn a_status_lane_is_full_by_bytes_too() {
        let mut lanes = Lanes::default();
        (0..5).for_each(|at| {
            lanes.push(Leaving { bytes: MAX_STATUS_BYTES / 4, ..frame(Lane::Status, at) });
        });
        assert_eq!((lanes.dropped(), popped(&mut lanes)[0]), (1, (Lane::Status, 1)));
    }

    #[test]
    fn a_full_status_lane_drops_its_oldest_frame_and_counts_it() {
        let mut lanes = filled(&[Lane::Status; MAX_STATUS_FRAMES + 3]);
        assert_eq!((lanes.dropped(), popped(&mut lanes)[0]), (3, (Lane::Status, 3)));
    }
}
