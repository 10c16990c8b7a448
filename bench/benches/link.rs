//! What a task crosses without a socket: from one side's outbox, over the wire's bytes, to the
//! other side and back.
//!
//! `cargo bench -p selsyn-bench`. A figure that moves here moves the cost of every task.

#![allow(missing_docs, reason = "the macros of criterion write public functions")]

use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use prost::Message as _;
use selsyn_common::link::Frame;
use selsyn_common::link::batch::Batch;
use selsyn_common::link::outbox::{Outbox, StreamEnd, Whole};
use selsyn_common::proto::{self, FromMaster, FromSlave, from_master, from_slave};

/// Frames that are sent together, as a flood of tasks sends them.
const TOGETHER: u64 = 100;

/// Bytes of a small payload, and of a large one, which travels in parts.
const SMALL: usize = 64;
const LARGE: usize = 1024 * 1024;

/// Nothing is left behind, so that there always is.
const ROOM: &str = "there is room in the outbox";

/// Both ends of a session, and the stream between them.
struct Session {
    master: Outbox<FromMaster>,
    slave: Outbox<FromSlave>,
    down: StreamEnd<FromMaster>,
    up: StreamEnd<FromSlave>,
}

impl Session {
    fn open() -> Self {
        let (master, slave) =
            (Outbox::new(100_000, Instant::now), Outbox::new(100_000, Instant::now));
        let (down, up) = (master.attach(), slave.attach());
        Self { master, slave, down, up }
    }

    /// Carries what waits both ways until nothing does; gives how many frames arrived whole.
    fn carry(&self) -> usize {
        let mut whole = 0;
        loop {
            let (there, back) = (cross(&self.down, &self.up), cross(&self.up, &self.down));
            whole += there.unwrap_or(0) + back.unwrap_or(0);
            if there.is_none() && back.is_none() {
                return whole;
            }
        }
    }
}

/// Lets the next batch leave one end, as bytes, and arrive at the other.
fn cross<F: Frame>(from: &StreamEnd<F>, to: &StreamEnd<F::Peer>) -> Option<usize> {
    let Poll::Ready(batch) = from.poll_next(&mut Context::from_waker(Waker::noop())) else {
        return None;
    };
    let bytes = Bytes::from(batch?.encode_to_vec());
    let mut incoming = Batch::<F>::decode(bytes).ok()?.into_incoming().ok()?;
    let mut all = 0;
    loop {
        let mut whole = Whole::default();
        let announced = to.arrived(&mut incoming, &mut whole).ok()?;
        all += match whole {
            Whole::Series(series) => series.count(),
            // A beat carries an ack and nothing to deal with.
            Whole::Frames(frames) => frames.iter().filter(|frame| frame.is_numbered()).count(),
        };
        match announced {
            Some(announced) => to.expect(announced),
            None => return Some(all),
        }
    }
}

fn execution(n: u64) -> Option<proto::ExecutionId> {
    Some(proto::ExecutionId { task_high: 7, task_low: n, attempt: 1 })
}

fn payload(data: &Bytes) -> Option<proto::Payload> {
    Some(proto::Payload { kind: proto::PayloadKind::Bytes.into(), data: data.clone(), size: 0 })
}

fn start(n: u64, data: &Bytes) -> FromMaster {
    let (execution, data) = (execution(n), payload(data));
    let start = proto::Start { execution, data, function_number: 1, ..proto::Start::default() };
    FromMaster { frame: Some(from_master::Frame::Start(start)) }
}

fn verdict(n: u64, data: &Bytes) -> FromSlave {
    let result = payload(data).map(proto::outcome::Result::Value);
    let status = proto::Status::Completed.into();
    let outcome = proto::Outcome { status, result, ..proto::Outcome::default() };
    let finished = proto::Finished { execution: execution(n), outcome: Some(outcome) };
    FromSlave { frame: Some(from_slave::Frame::Finished(finished)) }
}

/// Puts frames in, one behind the other.
fn put_all<F: Frame>(outbox: &Outbox<F>, frames: Vec<F>) {
    frames.into_iter().for_each(|frame| outbox.put(frame).expect(ROOM));
}

/// Starts that leave together; then the acknowledgement of all of them.
fn starts(criterion: &mut Criterion) {
    let (session, data) = (Session::open(), Bytes::from(vec![7; SMALL]));
    let mut group = criterion.benchmark_group("link");
    group.throughput(Throughput::Elements(TOGETHER));
    let frames = || (0..TOGETHER).map(|n| start(n, &data)).collect::<Vec<_>>();
    group.bench_function("100 starts cross and are acknowledged", |bencher| {
        bencher.iter_batched(
            frames,
            |frames| {
                put_all(&session.master, frames);
                assert_eq!(session.carry(), TOGETHER as usize);
            },
            BatchSize::SmallInput,
        );
    });
}

fn verdicts(criterion: &mut Criterion) {
    let (session, data) = (Session::open(), Bytes::from(vec![7; SMALL]));
    let mut group = criterion.benchmark_group("link");
    group.throughput(Throughput::Elements(TOGETHER));
    let frames = || (0..TOGETHER).map(|n| verdict(n, &data)).collect::<Vec<_>>();
    group.bench_function("100 verdicts cross and are acknowledged", |bencher| {
        bencher.iter_batched(
            frames,
            |frames| {
                put_all(&session.slave, frames);
                assert_eq!(session.carry(), TOGETHER as usize);
            },
            BatchSize::SmallInput,
        );
    });
}

/// One alone: what a batch shares among many is paid by one.
fn alone(criterion: &mut Criterion) {
    let (session, data) = (Session::open(), Bytes::from(vec![7; SMALL]));
    criterion.bench_function("link/one start crosses, and its verdict", |bencher| {
        bencher.iter(|| {
            session.master.send(start(1, &data)).expect(ROOM);
            assert_eq!(session.carry(), 1);
            session.slave.send(verdict(1, &data)).expect(ROOM);
            assert_eq!(session.carry(), 1);
        });
    });
}

/// A payload in parts, with the acknowledgements that give credit for more of it.
fn parts(criterion: &mut Criterion) {
    let (session, data) = (Session::open(), Bytes::from(vec![7; LARGE]));
    let mut group = criterion.benchmark_group("link");
    group.throughput(Throughput::Bytes(LARGE as u64));
    group.bench_function("a start with 1 MiB crosses in parts", |bencher| {
        bencher.iter(|| {
            session.master.send(start(1, &data)).expect(ROOM);
            assert_eq!(session.carry(), 1);
        });
    });
}

criterion_group!(link, starts, verdicts, alone, parts);
criterion_main!(link);
