use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use prost::Message as _;

use super::*;
use crate::link::outbox::{Outbox, Whole};
use crate::link::quick::ShortVerdict;
use crate::proto::{self, FromMaster, FromSlave, from_master, from_slave};

fn task(n: usize) -> proto::ExecutionId {
    proto::ExecutionId { task_high: 0, task_low: n as u64, attempt: 1 }
}

fn start(n: usize, bytes: usize) -> FromMaster {
    let data: Bytes = (0..bytes).map(|i| ((i + n) % 251) as u8).collect::<Vec<_>>().into();
    let data = Some(proto::Payload { kind: proto::PayloadKind::Bytes.into(), data, size: 0 });
    let start = proto::Start { execution: Some(task(n)), data, ..proto::Start::default() };
    FromMaster { frame: Some(from_master::Frame::Start(start)) }
}

fn cancel(n: usize) -> FromMaster {
    let cancel = proto::Cancel { execution: Some(task(n)), ..proto::Cancel::default() };
    FromMaster { frame: Some(from_master::Frame::Cancel(cancel)) }
}

fn running(n: usize) -> FromSlave {
    let running = proto::Running { execution: Some(task(n)) };
    FromSlave { frame: Some(from_slave::Frame::Running(running)) }
}

fn output(n: usize) -> FromSlave {
    let output = proto::ExecutionOutput { execution: Some(task(n)), output: None };
    FromSlave { frame: Some(from_slave::Frame::Output(output)) }
}

fn finished(n: usize) -> FromSlave {
    let finished = proto::Finished { execution: Some(task(n)), outcome: None };
    FromSlave { frame: Some(from_slave::Frame::Finished(finished)) }
}

type Master = Line<FromMaster>;
type Slave = Line<FromSlave>;

/// What leaves next, as the other side reads it.
fn next<F: Frame>(line: &mut Line<F>) -> Option<Batch<F>> {
    let batch = line.next_batch(Instant::now)?;
    Some(Batch::decode(batch.encode_to_vec().as_slice()).unwrap())
}

/// The only frame that leaves next, and its number.
fn single<F: Frame>(line: &mut Line<F>) -> (u64, F) {
    let mut incoming = next(line).unwrap().into_incoming().unwrap();
    assert_eq!(incoming.len(), 1);
    incoming.next().unwrap()
}

/// Takes a batch as a receiver does that wants every payload.
fn take<F: Frame>(line: &mut Line<F>, batch: Batch<F::Peer>) -> Vec<F::Peer> {
    let incoming = batch.into_incoming().unwrap();
    line.acked(incoming.ack, Instant::now).unwrap();
    let mut whole = Vec::new();
    for (number, mut frame) in incoming {
        match line.arrived(number, &mut frame, Instant::now).unwrap() {
            Arrived::Whole => whole.push(frame),
            Arrived::Announced(sizes) => {
                let announced = Announced { frame, number, sizes };
                line.expect(announced, Box::new(()), Instant::now());
            }
            Arrived::Nothing => {}
        }
    }
    whole
}

/// What the network does next.
#[derive(Clone, Debug)]
enum Step {
    /// Brings the batches of one direction to the other side, each so many times.
    Deliver { to_slave: bool, batches: usize, times: usize },
    /// Loses everything that is under way, and resumes.
    Cut,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let deliver = (any::<bool>(), 1_usize..6, 1_usize..3)
        .prop_map(|(to_slave, batches, times)| Step::Deliver { to_slave, batches, times });
    prop::collection::vec(prop_oneof![4 => deliver, 1 => Just(Step::Cut)], 0..60)
}

/// A master, a slave, and the two directions between them.
struct World {
    master: Master,
    slave: Slave,
    down: VecDeque<Batch<FromMaster>>,
    up: VecDeque<Batch<FromSlave>>,
    heard_by_slave: Vec<FromMaster>,
    heard_by_master: Vec<FromSlave>,
}

impl World {
    fn pump(&mut self) {
        self.down.extend(std::iter::from_fn(|| next(&mut self.master)));
        self.up.extend(std::iter::from_fn(|| next(&mut self.slave)));
    }

    fn deliver(&mut self, to_slave: bool, batches: usize, times: usize) {
        self.pump();
        for _ in 0..batches {
            if to_slave {
                let Some(batch) = self.down.pop_front() else { return };
                for _ in 0..times {
                    self.heard_by_slave.extend(take(&mut self.slave, batch.clone()));
                }
            } else {
                let Some(batch) = self.up.pop_front() else { return };
                for _ in 0..times {
                    self.heard_by_master.extend(take(&mut self.master, batch.clone()));
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
            if n % 3 == 2 {
                world.pump();
            }
        }
        for step in steps {
            match step {
                Step::Deliver { to_slave, batches, times } => {
                    world.deliver(to_slave, batches, times);
                }
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

    /// A cut at every single frame of a conversation, be it in the middle of a batch.
    #[test]
    fn a_cut_at_every_frame_loses_nothing(count in 1_usize..12, together in 1_usize..5) {
        for cut_after in 0..=count {
            let (mut master, mut slave) = (Master::new(100), Slave::new(100));
            let mut batches = Vec::new();
            for n in 0..count {
                master.send(cancel(n), Instant::now).unwrap();
                if n % together == 0 {
                    batches.extend(next(&mut master));
                }
            }
            batches.extend(next(&mut master));
            let mut heard = Vec::new();
            let frames = batches.into_iter().flat_map(|batch| batch.into_incoming().unwrap());
            for (number, mut frame) in frames.take(cut_after) {
                slave.arrived(number, &mut frame, Instant::now).unwrap();
                heard.push(frame);
            }
            master.resume(slave.received(), Instant::now).unwrap();
            while let Some(batch) = next(&mut master) {
                heard.extend(take(&mut slave, batch));
            }
            prop_assert_eq!(heard, (0..count).map(cancel).collect::<Vec<_>>());
        }
    }
}

#[test]
fn a_control_frame_overtakes_the_parts_of_a_large_payload() {
    let mut master = Master::new(100);
    master.send(start(1, 10 * PART_BYTES), Instant::now).unwrap();
    assert!(single(&mut master).1.as_part().is_none());
    assert!(single(&mut master).1.as_part().is_some());
    master.send(cancel(1), Instant::now).unwrap();
    assert_eq!(single(&mut master).1, cancel(1));
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
    while let Some(batch) = next(&mut master) {
        take(&mut slave, batch);
    }
    let beat = next(&mut slave).unwrap();
    assert_eq!(beat.ack, 64);
    assert_eq!(beat.into_single(), Some(FromSlave::beat()));
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
    let sent = (1..).find(|_| master.send(large.clone(), Instant::now).is_err()).unwrap();
    assert!((sent - 2) * PART_BYTES <= MAX_BYTES && sent * (PART_BYTES + 64) > MAX_BYTES);
    let batch = next(&mut master).unwrap();
    take(&mut slave, batch);
    slave.send(running(1), Instant::now).unwrap();
    take(&mut master, next(&mut slave).unwrap());
    master.send(start(1, 9), Instant::now).unwrap();
}

#[test]
fn parts_beyond_the_named_size_end_the_stream() {
    let (mut master, mut slave) = (Master::new(10), Slave::new(10));
    master.send(start(1, 2 * PART_BYTES), Instant::now).unwrap();
    let header = next(&mut master).unwrap();
    assert_eq!(take(&mut slave, header), []);
    let data = vec![0; 2 * PART_BYTES + 1].into();
    let mut part = FromMaster::part(proto::Part { frame: 1, data });
    let error = slave.arrived(2, &mut part, Instant::now).unwrap_err();
    assert_eq!(error, PartError::TooLong { frame: 1 }.into());
}

#[test]
fn a_status_frame_leaves_before_the_verdict_behind_it_and_is_not_kept() {
    let (mut slave, mut master) = (Slave::new(10), Master::new(10));
    let said = [output(1), running(1), finished(1), output(2)];
    for frame in &said {
        slave.send(frame.clone(), Instant::now).unwrap();
    }
    // What need not wait overtakes.
    let batches: Vec<_> = std::iter::from_fn(|| next(&mut slave)).collect();
    let heard = batches.into_iter().flat_map(|batch| take(&mut master, batch));
    let [shown, begun, ended, late] = said;
    assert_eq!(heard.collect::<Vec<_>>(), [begun.clone(), shown, ended.clone(), late]);
    slave.resume(0, Instant::now).unwrap();
    let again = std::iter::from_fn(|| next(&mut slave));
    let again = again.flat_map(|batch| batch.into_incoming().unwrap());
    assert_eq!(again.collect::<Vec<_>>(), [(1, begun), (2, ended)]);
}

#[test]
fn a_start_that_came_in_parts_has_less_time() {
    let (mut master, mut slave) = (Master::new(10), Slave::new(10));
    let mut frame = start(1, 2 * PART_BYTES);
    let Some(from_master::Frame::Start(start)) = &mut frame.frame else { unreachable!() };
    start.deadline_millis = 60_000;
    master.send(frame, Instant::now).unwrap();
    let (number, mut frame) = single(&mut master);
    let Arrived::Announced(sizes) = slave.arrived(number, &mut frame, Instant::now).unwrap() else {
        panic!("it is announced")
    };
    let since = Instant::now() - Duration::from_secs(10);
    slave.expect(Announced { frame, number, sizes }, Box::new(()), since);
    let mut whole = Vec::new();
    while let Some(batch) = next(&mut master) {
        whole.extend(take(&mut slave, batch));
    }
    let Some(from_master::Frame::Start(start)) = whole.remove(0).frame else { unreachable!() };
    assert!((49_000..=50_000).contains(&start.deadline_millis), "{}", start.deadline_millis);
}

/// A start of a function that is named, and has 128 ms.
fn named(n: usize, name: usize) -> FromMaster {
    let start = proto::Start {
        execution: Some(task(n)),
        function: "f".repeat(name),
        deadline_millis: 128,
        ..proto::Start::default()
    };
    FromMaster { frame: Some(from_master::Frame::Start(start)) }
}

/// A batch is counted as it is kept and leaves shorter, with less time left: no frame falls between.
#[test]
fn whatever_leaves_behind_a_beat_may_be_acknowledged() {
    let early: Clock = || *BEGUN;
    let later: Clock = || *BEGUN + Duration::from_millis(2);
    for name in 200..512 {
        let mut master = Master::new(10_000);
        master.send(FromMaster::beat(), early).unwrap();
        (1..=200).for_each(|n| master.send(named(n, name), early).unwrap());
        let batch = master.next_batch(later).unwrap();
        let read = Batch::<FromMaster>::decode(batch.encode_to_vec().as_slice()).unwrap();
        let (last, _) = read.into_incoming().unwrap().last().unwrap();
        master.acked(last, later).unwrap();
    }
}

static BEGUN: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);

#[test]
fn what_the_other_side_has_is_not_withdrawn() {
    let mut master = Master::new(100);
    master.send(start(1, 3 * PART_BYTES), Instant::now).unwrap();
    master.send(cancel(9), Instant::now).unwrap();
    assert_eq!(next(&mut master).unwrap().into_incoming().unwrap().len(), 2);
    // The other side has stopped at the announced one, and says so.
    master.acked(1, Instant::now).unwrap();
    master.withdraw(|_| true);
    master.resume(1, Instant::now).unwrap();
    let said: Vec<_> = std::iter::from_fn(|| next(&mut master))
        .flat_map(|batch| batch.into_incoming().unwrap())
        .map(|(_, frame)| frame)
        .collect();
    assert!(said.iter().any(|frame| frame.as_part().is_some_and(|part| part.frame == 1)));
}

#[test]
fn a_number_that_is_too_high_is_refused() {
    let outbox = Outbox::<FromSlave>::new(10, Instant::now);
    let batch = Batch::numbered(u64::MAX, vec![cancel(1)]);
    let mut incoming = batch.into_incoming().unwrap();
    outbox.attach().arrived(&mut incoming, &mut Whole::default()).unwrap_err();
}

fn verdict(n: usize) -> ShortVerdict<Bytes> {
    let (value, summary) = (Bytes::from_static(b"well"), proto::Summary::default());
    ShortVerdict { execution: task(n), kind: proto::PayloadKind::Bytes.into(), value, summary }
}

/// All that leaves, with its numbers.
fn all(line: &mut Slave) -> Vec<(u64, FromSlave)> {
    let batches = std::iter::from_fn(|| next(line));
    batches.flat_map(|batch| batch.into_incoming().unwrap()).collect()
}

proptest! {
    #[test]
    fn verdicts_are_heard_alike_whether_they_are_said_together_or_one_by_one(
        said in prop::collection::vec((0_usize..2, 1_usize..40, any::<bool>()), 0..40),
    ) {
        let (mut together, mut each) = (Slave::new(10_000), Slave::new(10_000));
        for (shown, ended, leaves) in said {
            for line in [&mut together, &mut each] {
                (0..shown).for_each(|n| line.send(output(n), Instant::now).unwrap());
            }
            let mut verdicts = Verdicts::default();
            for n in 0..ended {
                verdicts.add(&verdict(n));
                each.send_short(&verdict(n), Instant::now).unwrap();
            }
            together.send_verdicts(&mut verdicts, Instant::now).unwrap();
            prop_assert!(verdicts.is_empty());
            if leaves {
                prop_assert_eq!(all(&mut together), all(&mut each));
            }
        }
        prop_assert_eq!(all(&mut together), all(&mut each));
    }
}

#[test]
fn verdicts_that_are_said_together_find_room_for_all_or_none() {
    let mut line = Slave::new(10);
    let mut say = |count| {
        let mut verdicts = Verdicts::default();
        (0..count).for_each(|n| verdicts.add(&verdict(n)));
        line.send_verdicts(&mut verdicts, Instant::now)
    };
    say(4).unwrap();
    assert_eq!(say(7), Err(LineFull { waiting: 4 }));
    say(6).unwrap();
}

#[test]
fn a_beat_leaves_at_once_whatever_waits_and_two_that_wait_are_one() {
    let mut line = Slave::new(10);
    line.send(output(1), Instant::now).unwrap();
    line.send(finished(1), Instant::now).unwrap();
    (0..2).for_each(|_| line.beat());
    assert!(!line.is_drained());
    assert_eq!(single(&mut line), (0, FromSlave::beat()));
    assert_eq!(next(&mut line).unwrap().into_incoming().unwrap().len(), 2);
    assert!(next(&mut line).is_none() && line.is_drained());
}
