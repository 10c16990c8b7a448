use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::proto::{self, FromMaster, FromSlave, from_master, from_slave};

fn task(n: usize) -> proto::ExecutionId {
    proto::ExecutionId { task_high: 0, task_low: n as u64, attempt: 1 }
}

fn start(n: usize, bytes: usize) -> FromMaster {
    let data: Bytes = (0..bytes).map(|i| ((i + n) % 251) as u8).collect::<Vec<_>>().into();
    let data = Some(proto::Payload { kind: proto::PayloadKind::Bytes.into(), data, size: 0 });
    let start = proto::Start { execution: Some(task(n)), data, ..proto::Start::default() };
    FromMaster { frame: Some(from_master::Frame::Start(start)), ..FromMaster::default() }
}

fn cancel(n: usize) -> FromMaster {
    let cancel = proto::Cancel { execution: Some(task(n)), ..proto::Cancel::default() };
    FromMaster { frame: Some(from_master::Frame::Cancel(cancel)), ..FromMaster::default() }
}

fn running(n: usize) -> FromSlave {
    let running = proto::Running { execution: Some(task(n)) };
    FromSlave { frame: Some(from_slave::Frame::Running(running)), ..FromSlave::default() }
}

type Master = Line<FromMaster>;
type Slave = Line<FromSlave>;

/// The frame that leaves next.
fn next<F: Frame>(line: &mut Line<F>) -> Option<F> {
    line.leave(Instant::now, F::clone)
}

/// What one side says to the other, without numbers and acks.
fn said<F: Frame>(mut frame: F) -> F {
    frame.stamp(0, 0);
    frame
}

/// Takes a frame as a receiver does that wants every payload.
fn take<F: Frame>(line: &mut Line<F>, mut frame: F::Peer) -> Option<F::Peer> {
    match line.arrived(&mut frame, Instant::now).unwrap() {
        Arrived::Whole => Some(frame),
        Arrived::Announced(sizes) => {
            line.expect(frame, sizes, Box::new(()), Instant::now());
            None
        }
        Arrived::Nothing => None,
    }
}

/// What the network does next.
#[derive(Clone, Debug)]
enum Step {
    /// Brings the frames of one direction to the other side, each so many times.
    Deliver { to_slave: bool, frames: usize, times: usize },
    /// Loses everything that is under way, and resumes.
    Cut,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let deliver = (any::<bool>(), 1_usize..6, 1_usize..3)
        .prop_map(|(to_slave, frames, times)| Step::Deliver { to_slave, frames, times });
    prop::collection::vec(prop_oneof![4 => deliver, 1 => Just(Step::Cut)], 0..60)
}

/// A master, a slave, and the two directions between them.
struct World {
    master: Master,
    slave: Slave,
    down: VecDeque<FromMaster>,
    up: VecDeque<FromSlave>,
    heard_by_slave: Vec<FromMaster>,
    heard_by_master: Vec<FromSlave>,
}

impl World {
    fn pump(&mut self) {
        self.down.extend(std::iter::from_fn(|| next(&mut self.master)));
        self.up.extend(std::iter::from_fn(|| next(&mut self.slave)));
    }

    fn deliver(&mut self, to_slave: bool, frames: usize, times: usize) {
        self.pump();
        for _ in 0..frames {
            if to_slave {
                let Some(frame) = self.down.pop_front() else { return };
                for _ in 0..times {
                    self.heard_by_slave.extend(take(&mut self.slave, frame.clone()).map(said));
                }
            } else {
                let Some(frame) = self.up.pop_front() else { return };
                for _ in 0..times {
                    self.heard_by_master.extend(take(&mut self.master, frame.clone()).map(said));
                }
            }
        }
    }

    fn cut(&mut self) {
        self.pump();
        self.down.clear();
        self.up.clear();
        let (by_slave, by_master) = (self.slave.received(), self.master.received());
        self.master.resume(by_slave, Instant::now).unwrap();
        self.slave.resume(by_master, Instant::now).unwrap();
    }

    fn settle(&mut self) {
        for _ in 0..10_000 {
            self.deliver(true, 100, 1);
            self.deliver(false, 100, 1);
            if self.master.is_drained() && self.slave.is_drained() && self.down.is_empty() {
                return;
            }
        }
        panic!("it never settles");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Lose, duplicate, cut wherever it hurts: what is heard is what was said, once, in the order
    /// of its lane, and every payload as it left.
    #[test]
    fn whatever_the_network_does_everything_is_heard_once_and_whole(
        starts in prop::collection::vec(prop_oneof![3 => 0_usize..9, 1 => 60_000_usize..400_000], 1..12),
        steps in steps(),
    ) {
        let mut world = World {
            master: Master::new(1_000),
            slave: Slave::new(1_000),
            down: VecDeque::new(),
            up: VecDeque::new(),
            heard_by_slave: Vec::new(),
            heard_by_master: Vec::new(),
        };
        for (n, bytes) in starts.iter().enumerate() {
            world.master.send(start(n, *bytes), Instant::now).unwrap();
            world.slave.send(running(n), Instant::now).unwrap();
        }
        for step in steps {
            match step {
                Step::Deliver { to_slave, frames, times } => world.deliver(to_slave, frames, times),
                Step::Cut => world.cut(),
            }
        }
        world.settle();
        let is_beat = |frame: &FromMaster| *frame == FromMaster::beat();
        world.heard_by_slave.retain(|frame| !is_beat(frame));
        world.heard_by_master.retain(|frame| *frame != FromSlave::beat());
        let wanted: Vec<_> = starts.iter().enumerate().map(|(n, bytes)| start(n, *bytes)).collect();
        let (mut small, mut large): (Vec<_>, Vec<_>) = world.heard_by_slave.into_iter()
            .partition(|frame| wanted.iter().position(|w| w == frame).is_some_and(|n| starts[n] <= PART_BYTES));
        let of = |is_small: bool| wanted.iter().enumerate()
            .filter(|(n, _)| (starts[*n] <= PART_BYTES) == is_small).map(|(_, frame)| frame.clone()).collect::<Vec<_>>();
        prop_assert_eq!(std::mem::take(&mut small), of(true));
        // Small payloads become whole before large ones.
        large.sort_by_key(|frame| wanted.iter().position(|w| w == frame));
        prop_assert_eq!(large, of(false));
        let heard: Vec<_> = (0..starts.len()).map(running).collect();
        prop_assert_eq!(world.heard_by_master, heard);
    }

    /// A cut at every single frame of a conversation.
    #[test]
    fn a_cut_at_every_frame_loses_nothing(count in 1_usize..12) {
        for cut_after in 0..=count {
            let (mut master, mut slave) = (Master::new(100), Slave::new(100));
            (0..count).for_each(|n| master.send(cancel(n), Instant::now).unwrap());
            let mut heard = Vec::new();
            for _ in 0..cut_after {
                let frame = next(&mut master).unwrap();
                heard.extend(take(&mut slave, frame));
            }
            while next(&mut master).is_some() {}
            master.resume(slave.received(), Instant::now).unwrap();
            while let Some(frame) = next(&mut master) {
                heard.extend(take(&mut slave, frame));
            }
            let heard: Vec<_> = heard.into_iter().map(said).collect();
            prop_assert_eq!(heard, (0..count).map(cancel).collect::<Vec<_>>());
        }
    }
}

#[test]
fn a_control_frame_overtakes_the_parts_of_a_large_payload() {
    let mut master = Master::new(100);
    master.send(start(1, 10 * PART_BYTES), Instant::now).unwrap();
    let header = next(&mut master).unwrap();
    assert!(header.as_part().is_none());
    assert!(next(&mut master).unwrap().as_part().is_some());
    master.send(cancel(1), Instant::now).unwrap();
    assert_eq!(said(next(&mut master).unwrap()), cancel(1));
}

#[test]
fn no_more_than_the_credit_is_under_way() {
    let mut master = Master::new(100);
    master.send(start(1, 100 * PART_BYTES), Instant::now).unwrap();
    let sent = std::iter::from_fn(|| next(&mut master)).count();
    assert_eq!(sent, 1 + 4, "the header, and 256 KiB");
}

#[test]
fn a_receiver_with_nothing_to_say_acknowledges_all_the_same() {
    let (mut master, mut slave) = (Master::new(1_000), Slave::new(1_000));
    (0..64).for_each(|n| master.send(cancel(n), Instant::now).unwrap());
    while let Some(frame) = next(&mut master) {
        take(&mut slave, frame);
    }
    let beat = next(&mut slave).unwrap();
    assert_eq!(beat.stamps(), (0, 64));
    assert_eq!(next(&mut slave), None);
}

#[test]
fn who_does_not_acknowledge_is_found_out() {
    let mut master = Master::new(3);
    (0..3).for_each(|n| master.send(cancel(n), Instant::now).unwrap());
    while next(&mut master).is_some() {}
    assert_eq!(master.send(cancel(3), Instant::now), Err(LineFull { waiting: 3 }));
}

#[test]
fn what_waits_is_bounded_in_bytes_and_given_back_by_acks() {
    let (mut master, mut slave) = (Master::new(1_000_000), Slave::new(1_000));
    let large = start(1, PART_BYTES);
    let sent = (0..).find(|_| master.send(large.clone(), Instant::now).is_err()).unwrap();
    assert!(sent * PART_BYTES <= MAX_BYTES && (sent + 1) * (PART_BYTES + 64) > MAX_BYTES);
    let frame = next(&mut master).unwrap();
    take(&mut slave, frame);
    slave.send(running(1), Instant::now).unwrap();
    take(&mut master, next(&mut slave).unwrap());
    master.send(start(1, 9), Instant::now).unwrap();
}

#[test]
fn parts_beyond_the_named_size_end_the_stream() {
    let (mut master, mut slave) = (Master::new(10), Slave::new(10));
    master.send(start(1, 2 * PART_BYTES), Instant::now).unwrap();
    let header = next(&mut master).unwrap();
    assert_eq!(take(&mut slave, header), None);
    let data = vec![0; 2 * PART_BYTES + 1].into();
    let mut part = FromMaster::part(proto::Part { frame: 1, data });
    part.stamp(2, 0);
    let error = slave.arrived(&mut part, Instant::now).unwrap_err();
    assert_eq!(error, PartError::TooLong { frame: 1 }.into());
}

#[test]
fn a_start_that_came_in_parts_has_less_time() {
    let (mut master, mut slave) = (Master::new(10), Slave::new(10));
    let mut frame = start(1, 2 * PART_BYTES);
    let Some(from_master::Frame::Start(start)) = &mut frame.frame else { unreachable!() };
    start.deadline_millis = 60_000;
    master.send(frame, Instant::now).unwrap();
    let mut frame = next(&mut master).unwrap();
    let Arrived::Announced(sizes) = slave.arrived(&mut frame, Instant::now).unwrap() else {
        panic!("it is announced")
    };
    let since = Instant::now() - Duration::from_secs(10);
    slave.expect(frame, sizes, Box::new(()), since);
    let mut whole = None;
    while let Some(frame) = next(&mut master) {
        whole = take(&mut slave, frame).or(whole);
    }
    let Some(from_master::Frame::Start(start)) = whole.unwrap().frame else { unreachable!() };
    assert!((49_000..=50_000).contains(&start.deadline_millis), "{}", start.deadline_millis);
}
