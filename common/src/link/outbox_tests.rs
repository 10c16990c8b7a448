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
fn a_batch_holds_at_most_512_frames() {
    let master = Outbox::<FromMaster>::new(1_000, Instant::now);
    let down = master.attach();
    (0..600).for_each(|n| master.put(start(n, 0)).unwrap());
    let sizes: Vec<_> = std::iter::from_fn(|| poll(&down))
        .map(|batch| Batch::<FromMaster>::decode(batch.encode_to_vec().as_slice()).unwrap())
        .map(|batch| batch.into_incoming().unwrap().len())
        .collect();
    assert_eq!(sizes, [MAX_BATCH_FRAMES, 88]);
}

#[test]
fn what_another_session_says_reaches_no_stream_of_the_one_before() {
    let (master, slave) = (Outbox::new(1_000, Instant::now), Outbox::new(1_000, Instant::now));
    let (former, up) = (master.attach(), slave.attach());
    master.send(start(1, 0)).unwrap();
    let first = poll(&former).unwrap();
    assert_eq!(take_all(&up, &first).len(), 1);
    master.lock().abandon();
    master.send(start(2, 0)).unwrap();
    let down = master.lock().begin_anew(1_000);
    assert!(former.is_former() && poll(&former).is_none() && poll(&down).is_none());

    master.send(start(3, 0)).unwrap();
    let anew = poll(&down).unwrap();
    assert_eq!((anew.first, anew.ack), (1, 0), "its numbers begin anew");
    slave.send(proto::FromSlave::beat()).unwrap();
    let said = poll(&up).unwrap();
    assert_eq!(said.ack, 1);
    former.acked(said);
    assert!(!master.is_settled(), "what is said in the former session acknowledges nothing");
}

#[test]
fn a_stream_is_woken_once_the_lock_is_released() {
    struct Looks(Outbox<FromMaster, u32>, std::sync::atomic::AtomicU32);
    impl std::task::Wake for Looks {
        fn wake(self: Arc<Self>) {
            self.1.store(*self.0.lock(), std::sync::atomic::Ordering::SeqCst);
        }
    }
    let outbox = Outbox::with(10, Instant::now, 0);
    let looks = Arc::new(Looks(outbox.clone(), 0.into()));
    let waker = Waker::from(Arc::clone(&looks));
    let end = outbox.attach();
    assert!(end.poll_next(&mut Context::from_waker(&waker)).is_pending());
    let mut locked = outbox.lock();
    locked.send(start(1, 0)).unwrap();
    *locked = 7;
    drop(locked);
    assert_eq!(looks.1.load(std::sync::atomic::Ordering::SeqCst), 7);
}

#[test]
fn a_closed_outbox_has_no_beat_to_say_and_is_settled() {
    let outbox = Outbox::<FromSlave>::new(10, Instant::now);
    let end = outbox.attach();
    outbox.beat();
    assert!(poll(&end).is_some() && poll(&end).is_none());
    outbox.close();
    outbox.beat();
    assert!(outbox.is_settled() && poll(&end).is_none());
}
