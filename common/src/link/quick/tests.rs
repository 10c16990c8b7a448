use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::link::Frame;
use crate::link::batch::{Batch, write_frame};
use crate::proto::{self, outcome};

fn execution() -> impl Strategy<Value = Option<proto::ExecutionId>> {
    let id = (
        any::<u64>(),
        prop_oneof![Just(0), any::<u64>()],
        prop_oneof![3 => 0_u32..200, 1 => any::<u32>()],
    );
    prop::option::of(id.prop_map(|(task_high, task_low, attempt)| proto::ExecutionId {
        task_high,
        task_low,
        attempt,
    }))
}

fn payload() -> impl Strategy<Value = proto::Payload> {
    let data = prop_oneof![0_usize..200, 4_000_usize..5_000].prop_map(|bytes| vec![7; bytes]);
    (
        prop_oneof![9 => 0_i32..130, 1 => any::<i32>()],
        data,
        prop_oneof![5 => Just(0), 1 => any::<u64>()],
    )
        .prop_map(|(kind, data, size)| proto::Payload { kind, data: data.into(), size })
}

fn start() -> impl Strategy<Value = from_master::Frame> {
    let deadline = prop_oneof![2 => Just(0), 2 => 0_u64..1 << 36, 1 => any::<u64>()];
    let placement = prop_oneof![9 => 0_i32..130, 1 => any::<i32>()];
    let number = prop_oneof![9 => 0_u32..17_000, 1 => any::<u32>()];
    let words = (deadline, placement, number, prop::bool::weighted(0.1));
    (execution(), prop_oneof![4 => "", 1 => "[a-zä]{1,9}"], prop::option::of(payload()), words)
        .prop_map(
            |(execution, function, data, (deadline_millis, placement, function_number, child))| {
                from_master::Frame::Start(proto::Start {
                    execution,
                    function,
                    data,
                    deadline_millis,
                    placement,
                    particulars: child.then(Box::default),
                    function_number,
                })
            },
        )
}

fn from_master_frame() -> impl Strategy<Value = FromMaster> {
    let taken = prop::collection::vec(execution(), 0..40).prop_map(|ids| {
        let executions = ids.into_iter().flatten().collect();
        from_master::Frame::ResultsTaken(proto::ResultsTaken { executions })
    });
    let beat = Just(from_master::Frame::Heartbeat(proto::Heartbeat {}));
    let frame = prop::option::of(prop_oneof![4 => start(), 2 => taken, 1 => beat]);
    frame.prop_map(|frame| FromMaster { frame })
}

fn from_slave_frame() -> impl Strategy<Value = FromSlave> {
    let failure = Just(outcome::Result::Failure(Box::default()));
    let result = prop_oneof![3 => payload().prop_map(outcome::Result::Value), 1 => failure];
    let micros = || prop_oneof![9 => 0_u64..1 << 36, 1 => any::<u64>()];
    let summary = (micros(), micros())
        .prop_map(|(queued_micros, ran_micros)| proto::Summary { queued_micros, ran_micros });
    let outcome = (
        prop_oneof![9 => Just(0x21), 1 => any::<i32>()],
        prop::option::of(result),
        prop::option::of(summary),
        prop_oneof![9 => Just(None), 1 => Just(Some(Box::default()))],
    )
        .prop_map(|(status, result, summary, measured)| proto::Outcome {
            status,
            result,
            summary,
            measured,
        });
    let finished = (execution(), prop::option::of(outcome)).prop_map(|(execution, outcome)| {
        from_slave::Frame::Finished(proto::Finished { execution, outcome })
    });
    let running =
        execution().prop_map(|execution| from_slave::Frame::Running(proto::Running { execution }));
    let frame = prop::option::of(prop_oneof![4 => finished, 1 => running]);
    frame.prop_map(|frame| FromSlave { frame })
}

/// What is written by hand is read alike by hand and by generated code.
fn same<F: Frame + PartialEq>(frame: &F) {
    let mut by_hand = Vec::new();
    if frame.write_field(&mut by_hand) {
        let field = Bytes::from(by_hand);
        assert_eq!(F::decode(field.slice(shape::HEAD..)).as_ref(), Ok(frame));
        assert_eq!(read(&field).as_ref(), Some(frame));
    } else {
        assert!(by_hand.is_empty(), "{frame:?}");
    }
}

/// Reads a field by hand.
fn read<F: Frame>(field: &Bytes) -> Option<F> {
    let common = F::is_common(field).then(|| F::read_common(field, field).unwrap());
    common.map(F::of_common)
}

/// Whatever bytes come: what is read by hand is what generated code reads.
fn read_alike<F: Frame + PartialEq>(bytes: Vec<u8>) {
    let field = Bytes::from(bytes);
    if let Some(by_hand) = read::<F>(&field) {
        let generated = F::decode_length_delimited(field.slice(1..));
        assert_eq!(Ok(by_hand), generated);
    }
}

/// A frame as a field of its batch.
fn field<F: Frame>(frame: &F) -> Vec<u8> {
    let mut field = Vec::new();
    write_frame(frame, &mut field);
    field
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_frame_of_a_master_is_written_and_read_as_generated_code_does(frame in from_master_frame()) {
        same(&frame);
    }

    #[test]
    fn a_frame_of_a_slave_is_written_and_read_as_generated_code_does(frame in from_slave_frame()) {
        same(&frame);
    }

    #[test]
    fn spoilt_bytes_are_read_as_generated_code_reads_them(
        frame in from_master_frame(),
        answer in from_slave_frame(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        twice in any::<bool>(),
    ) {
        let spoil = |mut bytes: Vec<u8>| {
            if let Some(length) = std::num::NonZero::new(bytes.len()) {
                bytes[at.index(length.get())] = byte;
            }
            if twice { [bytes.clone(), bytes].concat() } else { bytes }
        };
        read_alike::<FromMaster>(spoil(field(&frame)));
        read_alike::<FromSlave>(spoil(field(&answer)));
    }

    #[test]
    fn a_batch_is_read_as_it_was_written(frames in prop::collection::vec(from_master_frame(), 0..20)) {
        let mut written = Vec::new();
        frames.iter().for_each(|frame| write_frame(frame, &mut written));
        let batch = Batch::<FromMaster>::written(7, written.into()).with_ack(9).encode_to_vec();
        let incoming = Batch::<FromMaster>::decode(batch.as_slice()).unwrap().into_incoming().unwrap();
        prop_assert_eq!((incoming.ack, incoming.number()), (9, 7));
        prop_assert_eq!(incoming.map(|(_, frame)| frame).collect::<Vec<_>>(), frames);
    }
}
