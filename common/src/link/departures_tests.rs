use proptest::prelude::*;
use prost::Message as _;

use super::*;
use crate::link::batch::MAX_BATCH_BYTES;
use crate::proto::{self, FromMaster, from_master};

fn start(n: u64, deadline_millis: u64) -> FromMaster {
    let execution = Some(proto::ExecutionId { task_high: 7, task_low: n, attempt: 1 });
    let start = proto::Start { execution, deadline_millis, ..proto::Start::default() };
    FromMaster { frame: Some(from_master::Frame::Start(start)) }
}

/// Frames that left in batches of these sizes.
fn departed(batches: &[u64]) -> Departures<FromMaster> {
    let mut departures = Departures::default();
    for frames in batches {
        for _ in 0..*frames {
            departures.push(&start(departures.next(), 0), None);
        }
        departures.leave(Instant::now);
    }
    departures
}

fn acked(departures: &mut Departures<FromMaster>, ack: u64) -> Result<(), NumberingError> {
    departures.acked(ack, Instant::now, |_, _| {})
}

fn rewind(departures: &mut Departures<FromMaster>, received: u64) -> Result<(), NumberingError> {
    departures.rewind(received, Instant::now, |_, _| {})
}

/// What leaves next, with the numbers, as the other side reads it.
fn leave(departures: &mut Departures<FromMaster>, now: Instant) -> Vec<(u64, FromMaster)> {
    let Some(batch) = departures.leave(|| now) else { return Vec::new() };
    let read = Batch::decode(batch.encode_to_vec().as_slice()).unwrap();
    read.into_incoming().unwrap().collect()
}

/// The numbers of all that leaves, each of which is that of its frame.
fn left(departures: &mut Departures<FromMaster>) -> Vec<u64> {
    let mut numbers = Vec::new();
    loop {
        let batch = leave(departures, Instant::now());
        if batch.is_empty() {
            return numbers;
        }
        for (number, frame) in batch {
            assert_eq!(frame, start(number, 0));
            numbers.push(number);
        }
    }
}

proptest! {
    #[test]
    fn what_was_not_received_leaves_again_in_order(
        batches in prop::collection::vec(1_u64..9, 0..9),
        waiting in 0_u64..9,
        acks in (0_u64..80, 0_u64..80),
    ) {
        let sent: u64 = batches.iter().sum();
        let mut departures = departed(&batches);
        for _ in 0..waiting {
            departures.push(&start(departures.next(), 0), None);
        }
        let ack = acks.0.min(sent);
        let received = acks.1.clamp(ack, sent);
        acked(&mut departures, ack).unwrap();
        rewind(&mut departures, received).unwrap();
        prop_assert_eq!(departures.unacked() as u64, sent + waiting - received);
        let wanted: Vec<_> = (received + 1..=sent + waiting).collect();
        prop_assert_eq!(left(&mut departures), wanted);
        acked(&mut departures, sent + waiting).unwrap();
        prop_assert_eq!((departures.unacked(), departures.bytes()), (0, 0));
    }
}

#[test]
fn an_ack_of_what_was_never_sent_is_refused() {
    let error = acked(&mut departed(&[1]), 2).unwrap_err();
    assert_eq!(error, NumberingError::AckAhead { acked: 2, sent: 1 });
}

#[test]
fn a_resumption_that_asks_for_what_was_acknowledged_is_refused() {
    let mut departures = departed(&[2, 1]);
    acked(&mut departures, 2).unwrap();
    let error = rewind(&mut departures, 1).unwrap_err();
    assert_eq!(error, NumberingError::AckBehind { received: 1, acked: 2 });
}

#[test]
fn an_ack_of_what_has_not_left_is_refused() {
    let mut departures = departed(&[1]);
    departures.push(&start(2, 0), None);
    let error = acked(&mut departures, 2).unwrap_err();
    assert_eq!(error, NumberingError::AckAhead { acked: 2, sent: 1 });
    rewind(&mut departures, 0).unwrap();
    acked(&mut departures, 1).unwrap();
    assert_eq!(left(&mut departures), [2]);
}

#[test]
fn an_ack_that_comes_late_takes_nothing_back() {
    let mut departures = departed(&[3]);
    acked(&mut departures, 3).unwrap();
    acked(&mut departures, 1).unwrap();
    assert_eq!(departures.unacked(), 0);
}

#[test]
fn what_is_acknowledged_while_it_leaves_again_leaves_no_more() {
    let mut departures = departed(&[1, 1, 3]);
    rewind(&mut departures, 0).unwrap();
    assert_eq!(leave(&mut departures, Instant::now()).len(), 1);
    acked(&mut departures, 3).unwrap();
    assert_eq!(left(&mut departures), [4, 5]);
}

#[test]
fn a_start_that_leaves_later_or_again_has_less_time() {
    let mut departures = Departures::default();
    let now = Instant::now();
    departures.push(&start(1, 0), None);
    departures.push(&start(2, 1_000), Some(now));
    let mut left = |after| leave(&mut departures, now + Duration::from_millis(after));
    assert_eq!(left(400), [(1, start(1, 0)), (2, start(2, 600))]);
    rewind(&mut departures, 1).unwrap();
    let again = leave(&mut departures, now + Duration::from_millis(900));
    assert_eq!(again, [(2, start(2, 100))]);
}

#[test]
fn what_is_withdrawn_is_forbidden_under_the_same_number() {
    let mut departures = departed(&[3]);
    departures.push(&start(4, 0), None);
    let is_meant = |id: ExecutionId| (id.task.uuid().as_u128() as u64).is_multiple_of(2);
    let mut told = Vec::new();
    departures.withdraw(is_meant, |id| told.push(id));
    rewind(&mut departures, 0).unwrap();
    let mut frames = leave(&mut departures, Instant::now());
    frames.extend(leave(&mut departures, Instant::now()));
    let kinds = frames.iter().map(|(number, frame)| {
        (*number, matches!(frame.frame, Some(from_master::Frame::Cancel(_))))
    });
    assert_eq!(kinds.collect::<Vec<_>>(), [(1, false), (2, true), (3, false), (4, true)]);
    assert_eq!(told.len(), 2);
}

#[test]
fn what_is_acknowledged_leaves_its_room_to_what_is_said_next_until_a_beat() {
    let mut departures = departed(&[20]);
    assert_eq!(departures.rooms.take(0).capacity(), 0);
    acked(&mut departures, 20).unwrap();
    let room = departures.rooms.take(0);
    assert!(room.is_empty() && room.capacity() > 0);
    departures.rooms.put(room);
    departures.push(&start(21, 0), None);
    assert_eq!(departures.rooms.take(0).capacity(), 0, "it is in use");
    assert_eq!(leave(&mut departures, Instant::now()), [(21, start(21, 0))]);
    assert!(departures.rooms.take(0).capacity() > 0, "one frame does not keep a room for many");

    let mut departures = departed(&[20]);
    acked(&mut departures, 20).unwrap();
    departures.give_back();
    assert_eq!(departures.rooms.take(0).capacity(), 0);
}

#[test]
fn a_room_that_somebody_reads_in_is_left_to_nobody() {
    let mut departures = departed(&[]);
    (1..=20).for_each(|n| {
        departures.push(&start(n, 0), None);
    });
    let batch = departures.leave(Instant::now).unwrap();
    acked(&mut departures, 20).unwrap();
    assert_eq!(departures.rooms.take(0).capacity(), 0);
    departures.push(&start(21, 0), None);
    let read = Batch::<FromMaster>::decode(batch.encode_to_vec().as_slice()).unwrap();
    assert_eq!(read.into_incoming().unwrap().count(), 20);
}

#[test]
fn a_full_batch_leaves_its_room_as_any_other() {
    let mut departures = Departures::default();
    let mut frame = start(1, 0);
    if let Some(from_master::Frame::Start(start)) = &mut frame.frame {
        start.data = Some(proto::Payload { data: vec![7; 200].into(), ..Default::default() });
    }
    // The first one has not been measured yet.
    for _ in 0..2 {
        while departures.waiting.back().is_none_or(Written::takes_more) {
            departures.push(&frame, None);
        }
        departures.leave(Instant::now);
        let last = departures.last;
        acked(&mut departures, last).unwrap();
    }
    assert!(departures.rooms.take(0).capacity() > MAX_BATCH_BYTES);
}
