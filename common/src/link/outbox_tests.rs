use std::time::Instant;

use prost::Message as _;

use super::*;
use crate::link::PART_BYTES;
use crate::link::batch::MAX_BATCH_FRAMES;
use crate::proto::{self, FromMaster, FromSlave, from_master};

fn start(n: u64, bytes: usize) -> FromMaster {
    let data: Vec<u8> = (0..bytes).map(|i| (i % 251) as u8).collect();
    let data = Some(proto::Payload { kind: 2, data: data.into(), size: 0 });
    let execution = Some(proto::ExecutionId { task_high: 0, task_low: n, attempt: 1 });
    let start = proto::Start { execution, data, ..proto::Start::default() };
    FromMaster { frame: Some(from_master::Frame::Start(start)) }
}

/// What leaves in one go.
fn poll<F: Frame>(end: &StreamEnd<F>) -> Option<Batch<F>> {
    match end.poll_next(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(batch) => batch,
        Poll::Pending => None,
    }
}

/// Takes a batch as a receiver does that wants every payload.
fn take_all(end: &StreamEnd<FromSlave>, batch: &Batch<FromMaster>) -> Vec<FromMaster> {
    let read = Batch::decode(batch.encode_to_vec().as_slice()).unwrap();
    let mut frames = read.into_incoming().unwrap();
    let mut heard = Vec::new();
    loop {
        let mut whole = Whole::default();
        let announced = end.arrived(&mut frames, &mut whole).unwrap();
        heard.extend(whole.into_frames());
        let Some(announced) = announced else { return heard };
        end.expect(announced);
    }
}

#[test]
fn frames_that_wait_leave_together_and_arrive_whole_and_once() {
    let (master, slave) = (Outbox::new(1_000, Instant::now), Outbox::new(1_000, Instant::now));
    let (down, up) = (master.attach(), slave.attach());
    let sizes = [9, 3 * PART_BYTES, 0, PART_BYTES, 17];
    let sent: Vec<_> = (0_u64..).zip(sizes).map(|(n, bytes)| start(n, bytes)).collect();
    sent.iter().for_each(|frame| master.put(frame.clone()).unwrap());
    let mut heard = Vec::new();
    let mut batches = 0;
    while let Some(batch) = poll(&down) {
        let again = take_all(&up, &batch);
        assert_eq!(take_all(&up, &batch), [], "what comes twice is dropped");
        heard.extend(again);
        batches += 1;
    }
    heard.sort_by_key(|frame| frame.execution().unwrap().task.uuid());
    assert_eq!((heard, batches <= 6), (sent, true));
}

#[test]
fn a_batch_holds_at_most_256_frames() {
    let master = Outbox::<FromMaster>::new(1_000, Instant::now);
    let down = master.attach();
    (0..300).for_each(|n| master.put(start(n, 0)).unwrap());
    let sizes: Vec<_> = std::iter::from_fn(|| poll(&down))
        .map(|batch| Batch::<FromMaster>::decode(batch.encode_to_vec().as_slice()).unwrap())
        .map(|batch| batch.into_incoming().unwrap().len())
        .collect();
    assert_eq!(sizes, [MAX_BATCH_FRAMES, 44]);
}
