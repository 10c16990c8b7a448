use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::proto::{self, FromMaster, from_master};

fn start(deadline_millis: u64) -> FromMaster {
    let start = proto::Start { deadline_millis, ..proto::Start::default() };
    FromMaster { frame: Some(from_master::Frame::Start(start)), ..FromMaster::default() }
}

fn departed(count: u64) -> Departures<FromMaster> {
    let mut departures = Departures::default();
    for _ in 0..count {
        departures.push(start(0), None, 0);
        departures.leave(Instant::now, |_, _| {});
    }
    departures
}

fn left_again(departures: &mut Departures<FromMaster>) -> Vec<u64> {
    std::iter::from_fn(|| departures.leave(Instant::now, |number, _| number)).collect()
}

proptest! {
    #[test]
    fn what_is_repeated_is_dealt_with_once(repeats in prop::collection::vec(1_u8..4, 1..50)) {
        let (mut departures, mut arrivals) = (Departures::default(), Arrivals::default());
        let mut new = 0;
        for times in &repeats {
            let seq = departures.push(start(0), None, 0);
            departures.leave(Instant::now, |_, _| {});
            for _ in 0..*times {
                new += usize::from(arrivals.receive(seq, true, 0) == Ok(Arrival::New));
            }
            departures.acked(arrivals.ack(), |_| {}).unwrap();
        }
        prop_assert_eq!((new, departures.unacked()), (repeats.len(), 0));
    }

    #[test]
    fn a_hole_never_goes_unseen(sent in 2_u64..100, lost in 0_u64..98) {
        let lost = 1 + lost % (sent - 1);
        let mut arrivals = Arrivals::default();
        let first_error = (1..=sent)
            .filter(|seq| *seq != lost)
            .find_map(|seq| arrivals.receive(seq, true, 0).err());
        let hole = NumberingError::Missing { expected: lost, got: lost + 1 };
        prop_assert_eq!(first_error, Some(hole));
    }

    #[test]
    fn what_was_not_received_leaves_again_in_order(sent in 0_u64..50, acked in 0_u64..50, received in 0_u64..50) {
        let acked = acked.min(sent);
        let received = received.clamp(acked, sent);
        let mut departures = departed(sent);
        departures.acked(acked, |_| {}).unwrap();
        departures.rewind(received, |_| {}).unwrap();
        let wanted: Vec<_> = (received + 1..=sent).collect();
        prop_assert_eq!(left_again(&mut departures), wanted);
    }
}

#[test]
fn an_ack_of_what_was_never_sent_is_refused() {
    let error = departed(1).acked(2, |_| {}).unwrap_err();
    assert_eq!(error, NumberingError::AckAhead { acked: 2, sent: 1 });
}

#[test]
fn a_resumption_that_asks_for_what_was_acknowledged_is_refused() {
    let mut departures = departed(3);
    departures.acked(2, |_| {}).unwrap();
    let error = departures.rewind(1, |_| {}).unwrap_err();
    assert_eq!(error, NumberingError::AckBehind { received: 1, acked: 2 });
}

#[test]
fn an_ack_of_what_has_not_left_is_refused() {
    let mut departures = departed(1);
    departures.push(start(0), None, 0);
    let error = departures.acked(2, |_| {}).unwrap_err();
    assert_eq!(error, NumberingError::AckAhead { acked: 2, sent: 1 });
    departures.rewind(0, |_| {}).unwrap();
    departures.acked(1, |_| {}).unwrap();
    assert_eq!(left_again(&mut departures), [2]);
}

#[test]
fn an_ack_that_comes_late_takes_nothing_back() {
    let mut departures = departed(3);
    departures.acked(3, |_| {}).unwrap();
    departures.acked(1, |_| {}).unwrap();
    assert_eq!(departures.unacked(), 0);
}

#[test]
fn what_is_acknowledged_while_it_leaves_again_leaves_no_more() {
    let mut departures = departed(5);
    departures.rewind(0, |_| {}).unwrap();
    assert_eq!(departures.leave(Instant::now, |number, _| number), Some(1));
    departures.acked(3, |_| {}).unwrap();
    assert_eq!(left_again(&mut departures), [4, 5]);
}

#[test]
fn a_start_that_leaves_again_has_less_time() {
    let mut departures = Departures::default();
    let now = Instant::now();
    departures.push(start(1_000), Some(now), 0);
    departures.push(start(0), Some(now), 0);
    departures.rewind(0, |_| {}).unwrap();
    let mut left = |after| {
        departures.leave(|| now + after, |_, frame: &mut FromMaster| frame.clone()).unwrap()
    };
    assert_eq!(left(Duration::from_millis(400)), start(600));
    assert_eq!(left(Duration::from_secs(9)), start(0), "no deadline stays none");
}

#[test]
fn a_frame_with_the_wrong_kind_of_number_is_refused() {
    let mut arrivals = Arrivals::default();
    arrivals.receive(0, true, 0).unwrap_err();
    arrivals.receive(1, false, 0).unwrap_err();
    assert_eq!(arrivals.ack(), 0);
}

#[test]
fn an_acknowledgement_is_owed_after_64_frames_or_128_kib() {
    let mut arrivals = Arrivals::default();
    (1..64).for_each(|seq| {
        arrivals.receive(seq, true, 0).unwrap();
    });
    assert!(!arrivals.owes());
    arrivals.receive(64, true, 0).unwrap();
    assert!(arrivals.owes());
    arrivals.acknowledged();
    assert!(!arrivals.owes());
    arrivals.receive(65, true, MAX_OWED_BYTES).unwrap();
    assert!(arrivals.owes());
}
