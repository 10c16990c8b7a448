//! Which frame leaves next.
//!
//! Control frames go first. Status frames go when there is no control frame, and those that were
//! shown before a verdict go before that verdict, so that nobody hears the end before the story.

use std::collections::VecDeque;

use super::{Frame, Lane};

/// Status frames that may wait. Each is small, and a control frame waits for none of them; 1,024
/// is what a reader can miss at the worst while it is slow.
pub const MAX_STATUS_FRAMES: usize = 1_024;

/// The lanes that merge into one stream.
#[derive(Debug)]
pub struct Lanes<F> {
    control: VecDeque<(u64, F)>,
    status: VecDeque<(u64, F)>,
    pushed: u64,
    dropped: u64,
    max_control: usize,
}

/// The control lane is full: the other side does not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the other side does not read: {waiting} frames wait for it")]
pub struct LaneFull {
    /// How many control frames wait.
    pub waiting: usize,
}

impl<F: Frame> Lanes<F> {
    /// Opens the lanes; `max_control` frames may wait in the control lane.
    pub const fn new(max_control: usize) -> Self {
        Self {
            control: VecDeque::new(),
            status: VecDeque::new(),
            pushed: 0,
            dropped: 0,
            max_control,
        }
    }

    /// Puts a frame into its lane. A full status lane drops its oldest frame, counted.
    ///
    /// # Errors
    ///
    /// [`LaneFull`] when the control lane is full: end the stream, nothing in it may be dropped.
    pub fn push(&mut self, frame: F) -> Result<(), LaneFull> {
        self.pushed += 1;
        match frame.lane() {
            Lane::Status => self.push_status(frame),
            Lane::Control | Lane::Verdict if self.control.len() >= self.max_control => {
                let waiting = self.control.len();
                return Err(LaneFull { waiting });
            }
            Lane::Control | Lane::Verdict => self.control.push_back((self.pushed, frame)),
        }
        Ok(())
    }

    fn push_status(&mut self, frame: F) {
        if self.status.len() >= MAX_STATUS_FRAMES {
            self.status.pop_front();
            self.dropped += 1;
        }
        self.status.push_back((self.pushed, frame));
    }

    /// Takes the frame that leaves next.
    pub fn pop(&mut self) -> Option<F> {
        let lane = match (self.control.front(), self.status.front()) {
            (Some((end, verdict)), Some((shown, _)))
                if verdict.lane() == Lane::Verdict && shown < end =>
            {
                &mut self.status
            }
            (None, Some(_)) => &mut self.status,
            (_, _) => &mut self.control,
        };
        lane.pop_front().map(|(_, frame)| frame)
    }

    /// Status frames dropped so far.
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug, PartialEq)]
    struct Numbered(Lane, usize);

    impl Frame for Numbered {
        fn lane(&self) -> Lane {
            self.0
        }
        fn is_numbered(&self) -> bool {
            self.0 != Lane::Status
        }
        fn stamp(&mut self, _: u64, _: u64) {}
        fn stamps(&self) -> (u64, u64) {
            (0, 0)
        }
    }

    fn lane() -> impl Strategy<Value = Lane> {
        prop::sample::select(vec![Lane::Control, Lane::Verdict, Lane::Status])
    }

    fn popped(lanes: &mut Lanes<Numbered>) -> Vec<Numbered> {
        std::iter::from_fn(|| lanes.pop()).collect()
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_each_lane_keeps_its_order(lanes_of in prop::collection::vec(lane(), 0..200)) {
            let mut lanes = Lanes::new(1_000);
            for (i, lane) in lanes_of.iter().enumerate() {
                lanes.push(Numbered(*lane, i)).unwrap();
            }
            let out = popped(&mut lanes);
            prop_assert_eq!(out.len(), lanes_of.len());
            let of = |status: bool| {
                let lane = out.iter().filter(move |frame| (frame.0 == Lane::Status) == status);
                lane.map(|frame| frame.1).collect::<Vec<_>>()
            };
            prop_assert!(of(true).is_sorted() && of(false).is_sorted());
        }

        #[test]
        fn no_verdict_overtakes_what_was_shown_before_it(lanes_of in prop::collection::vec(lane(), 0..200)) {
            let mut lanes = Lanes::new(1_000);
            for (i, lane) in lanes_of.iter().enumerate() {
                lanes.push(Numbered(*lane, i)).unwrap();
            }
            let out = popped(&mut lanes);
            for (at, verdict) in out.iter().enumerate().filter(|(_, frame)| frame.0 == Lane::Verdict) {
                let late = out[at..].iter().any(|frame| frame.0 == Lane::Status && frame.1 < verdict.1);
                prop_assert!(!late);
            }
        }
    }

    #[test]
    fn a_control_frame_waits_for_no_status_frame() {
        let mut lanes = Lanes::new(10);
        (0..100).for_each(|i| lanes.push(Numbered(Lane::Status, i)).unwrap());
        lanes.push(Numbered(Lane::Control, 100)).unwrap();
        assert_eq!(lanes.pop(), Some(Numbered(Lane::Control, 100)));
    }

    #[test]
    fn a_full_status_lane_drops_its_oldest_frame_and_counts_it() {
        let mut lanes = Lanes::new(10);
        (0..MAX_STATUS_FRAMES + 3).for_each(|i| lanes.push(Numbered(Lane::Status, i)).unwrap());
        assert_eq!((lanes.dropped(), lanes.pop()), (3, Some(Numbered(Lane::Status, 3))));
    }

    #[test]
    fn a_full_control_lane_says_so_and_drops_nothing() {
        let mut lanes = Lanes::new(2);
        (0..2).for_each(|i| lanes.push(Numbered(Lane::Control, i)).unwrap());
        assert_eq!(lanes.push(Numbered(Lane::Control, 2)), Err(LaneFull { waiting: 2 }));
        assert_eq!(popped(&mut lanes).len(), 2);
    }
}
