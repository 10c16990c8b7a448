//! Which piece of which large payload leaves next, and how much may be under way.
//!
//! Frames with large payloads take turns, a part each. What is under way is bounded by a credit
//! between 256 KiB and 1 MiB, by the round trip that parts were measured to take: on a slow line a
//! control frame waits behind what is under way already, so that there must be little of it. A
//! near line needs half a mebibyte to be busy all the time, and a far one more.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use super::{MAX_PART_BYTES, PART_BYTES, spare};
use crate::{ExecutionId, proto};

/// Least credit: four small parts.
const MIN_CREDIT: usize = 4 * PART_BYTES;
/// Most credit on a near line, from which on parts are large: a small frame waits for about a
/// millisecond behind it where master and slave share a core.
const NEAR_CREDIT: usize = 8 * PART_BYTES;
/// Most credit: what one stream's window holds.
const MAX_CREDIT: usize = 16 * PART_BYTES;
/// A line with a round trip below this, once, is near.
const NEAR: Duration = Duration::from_millis(2);
/// A round trip below this lets the credit grow by a part.
const QUICK: Duration = Duration::from_millis(20);
/// A round trip above this halves it.
const SLOW: Duration = Duration::from_millis(50);

/// The payloads that leave in parts.
#[derive(Debug)]
pub struct Bulk {
    transfers: VecDeque<Transfer>,
    under_way: usize,
    credit: usize,
    shortest: Duration,
}

/// The payloads of one frame.
#[derive(Debug)]
struct Transfer {
    frame: u64,
    execution: Option<ExecutionId>,
    left: VecDeque<Bytes>,
}

impl Default for Bulk {
    fn default() -> Self {
        let (transfers, shortest) = (VecDeque::new(), Duration::MAX);
        Self { transfers, under_way: 0, credit: MIN_CREDIT, shortest }
    }
}

impl Bulk {
    /// Takes the payloads of a frame that has left under this number.
    pub fn add(&mut self, frame: u64, execution: Option<ExecutionId>, payloads: Vec<Bytes>) {
        spare::keep_freed_memory();
        self.transfers.push_back(Transfer { frame, execution, left: payloads.into() });
    }

    /// Whether a part may leave.
    pub fn is_ready(&self) -> bool {
        !self.transfers.is_empty() && self.under_way + self.part_bytes() <= self.credit
    }

    /// How large a part is: a large one costs less, and on a slow line it would be in the way.
    const fn part_bytes(&self) -> usize {
        if self.credit < NEAR_CREDIT { PART_BYTES } else { MAX_PART_BYTES }
    }

    /// Whether everything has left.
    pub fn is_empty(&self) -> bool {
        self.transfers.is_empty()
    }

    /// The next part.
    pub fn next_part(&mut self) -> Option<proto::Part> {
        if !self.is_ready() {
            return None;
        }
        let most = self.part_bytes();
        let mut transfer = self.transfers.pop_front()?;
        let payload = transfer.left.front_mut()?;
        let data = payload.split_to(payload.len().min(most));
        let frame = transfer.frame;
        if payload.is_empty() {
            transfer.left.pop_front();
        }
        if !transfer.left.is_empty() {
            self.transfers.push_back(transfer);
        }
        self.under_way += data.len();
        Some(proto::Part { frame, data })
    }

    /// A part was acknowledged, so long after it had left.
    pub fn acked(&mut self, bytes: usize, round_trip: Duration) {
        self.under_way = self.under_way.saturating_sub(bytes);
        self.shortest = self.shortest.min(round_trip);
        let most = if self.shortest < NEAR { NEAR_CREDIT } else { MAX_CREDIT };
        if round_trip < QUICK {
            self.credit = (self.credit + PART_BYTES).min(most);
        } else if round_trip > SLOW {
            self.credit = (self.credit / 2).max(MIN_CREDIT);
        }
    }

    /// The other side has answered without waiting for the payloads: what is left of them stays.
    pub fn give_up(&mut self, execution: ExecutionId) {
        self.transfers.retain(|transfer| transfer.execution != Some(execution));
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::TaskId;

    fn id(n: u8) -> ExecutionId {
        ExecutionId::first(TaskId::from_random([n; 16]))
    }

    fn payload(parts: usize) -> Vec<Bytes> {
        vec![Bytes::from(vec![7; parts * PART_BYTES])]
    }

    fn frames(bulk: &mut Bulk) -> Vec<u64> {
        std::iter::from_fn(|| bulk.next_part()).map(|part| part.frame).collect()
    }

    #[test]
    fn payloads_take_turns_and_stop_at_the_credit() {
        let mut bulk = Bulk::default();
        bulk.add(1, None, payload(10));
        bulk.add(2, None, payload(10));
        assert_eq!(frames(&mut bulk), [1, 2, 1, 2]);
        bulk.acked(PART_BYTES, SLOW);
        assert_eq!(frames(&mut bulk), [1]);
    }

    /// What is under way in the end where parts take so long.
    fn under_way_after(round_trip: Duration) -> usize {
        let mut bulk = Bulk::default();
        bulk.add(1, None, payload(1_000));
        for _ in 0..100 {
            while bulk.next_part().is_some() {}
            bulk.acked(PART_BYTES, round_trip);
        }
        while bulk.next_part().is_some() {}
        bulk.under_way
    }

    #[test]
    fn a_far_line_gets_more_credit_than_a_near_one_and_a_slow_one_none() {
        assert_eq!(under_way_after(NEAR / 2), NEAR_CREDIT);
        assert_eq!(under_way_after(NEAR * 2), MAX_CREDIT);
        assert_eq!(under_way_after(SLOW * 2), MIN_CREDIT);
    }

    #[test]
    fn a_line_that_becomes_slow_loses_its_credit() {
        let mut bulk = Bulk::default();
        (0..100).for_each(|_| bulk.acked(PART_BYTES, NEAR));
        assert_eq!(bulk.credit, MAX_CREDIT);
        (0..3).for_each(|_| bulk.acked(PART_BYTES, SLOW * 2));
        assert_eq!(bulk.credit, MIN_CREDIT);
    }

    #[test]
    fn parts_are_large_where_there_is_credit_for_them() {
        let mut bulk = Bulk::default();
        bulk.add(1, None, payload(100));
        assert_eq!(bulk.next_part().unwrap().data.len(), PART_BYTES);
        (0..4).for_each(|_| bulk.acked(PART_BYTES, Duration::ZERO));
        assert_eq!(bulk.next_part().unwrap().data.len(), MAX_PART_BYTES);
    }

    #[test]
    fn what_is_given_up_leaves_no_more() {
        let mut bulk = Bulk::default();
        bulk.add(1, Some(id(1)), payload(2));
        bulk.add(2, Some(id(2)), payload(2));
        bulk.give_up(id(1));
        assert_eq!(frames(&mut bulk), [2, 2]);
        assert!(bulk.is_empty());
    }

    proptest! {
        #[test]
        fn every_byte_leaves_once_in_order_within_the_credit(
            sizes in prop::collection::vec(1_usize..300_000, 1..4),
            trips in prop::collection::vec(0_u64..100, 40),
        ) {
            let mut bulk = Bulk::default();
            let whole: Vec<Bytes> = sizes.iter().map(|size| {
                (0..*size).map(|i| (i % 251) as u8).collect::<Vec<_>>().into()
            }).collect();
            bulk.add(1, None, whole.clone());
            let (mut sent, mut under_way) = (Vec::new(), VecDeque::new());
            for trip in trips.into_iter().cycle() {
                let credit = bulk.credit;
                while let Some(part) = bulk.next_part() {
                    prop_assert!(!part.data.is_empty() && part.data.len() <= MAX_PART_BYTES);
                    sent.extend_from_slice(&part.data);
                    under_way.push_back(part.data.len());
                    prop_assert!(under_way.iter().sum::<usize>() <= credit);
                }
                let Some(bytes) = under_way.pop_front() else { break };
                bulk.acked(bytes, Duration::from_millis(trip));
            }
            prop_assert_eq!(sent, whole.concat());
        }
    }
}
