use proptest::prelude::*;
use prost::Message;
use selsyn_common::proto::event::What;

use super::*;

/// An event whose text has so many bytes.
fn event(seq: u64, bytes: usize) -> proto::Event {
    let what = What::Stopping(proto::StoppingEvent { reason: "x".repeat(bytes) });
    proto::Event { seq, at_micros: 7, what: Some(what) }
}

fn size(event: &proto::Event) -> usize {
    let mut bytes = Vec::new();
    EventBytes::write(event, &mut bytes);
    bytes.len()
}

/// The numbers of the events that a read gives, and where the next one begins.
fn read(ring: &Ring, from: u64, max_bytes: usize) -> (Vec<u64>, u64) {
    let mut bytes = EventBytes::default();
    let next = ring.read(from, max_bytes, &mut bytes);
    let reply = proto::WatchReply::decode(bytes.encode_to_vec().as_slice()).unwrap();
    (reply.events.iter().map(|event| event.seq).collect(), next)
}

#[derive(Clone, Debug)]
enum Step {
    Append(usize),
    Shrink(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Some are larger than a segment, so that there are many of them.
    let size = prop_oneof![9 => 0_usize..200, 1 => SEGMENT..SEGMENT + 9];
    let step = prop_oneof![
        20 => size.prop_map(Step::Append),
        1 => (0_usize..20_000).prop_map(Step::Shrink),
    ];
    prop::collection::vec(step, 0..200)
}

proptest! {
    #[test]
    fn the_newest_are_kept_up_to_both_limits_and_nothing_else_is_dropped(
        steps in steps(),
        max_events in 1_u64..100,
        max_bytes in 0_usize..200_000,
    ) {
        let mut ring = Ring::new(max_events, max_bytes);
        let mut model = VecDeque::new();
        let over = |model: &VecDeque<(u64, usize)>, events: u64, bytes: usize| {
            let sum: usize = model.iter().map(|(_, size)| size).sum();
            !model.is_empty() && (model.len() as u64 > events || sum > bytes)
        };
        for step in steps {
            let (events, bytes) = match step {
                Step::Append(bytes) => {
                    let event = event(ring.next(), bytes);
                    ring.append(&event);
                    model.push_back((event.seq, size(&event)));
                    (max_events, max_bytes)
                }
                Step::Shrink(bytes) => {
                    ring.shrink(bytes);
                    (u64::MAX, bytes)
                }
            };
            while over(&model, events, bytes) {
                model.pop_front();
            }
            prop_assert_eq!(ring.bytes(), model.iter().map(|(_, size)| size).sum::<usize>());
            prop_assert_eq!(ring.first(), model.front().map_or(ring.next(), |(seq, _)| *seq));
            let kept = ring.segments.iter().map(|segment| segment.bytes.len()).sum::<usize>();
            prop_assert!(kept <= ring.bytes() + 2 * SEGMENT + 100);
        }
    }

    #[test]
    fn whoever_reads_on_from_where_a_read_ended_gets_every_event_once_and_in_order(
        sizes in prop::collection::vec(prop_oneof![9 => 0_usize..3_000, 1 => SEGMENT..SEGMENT + 9], 1..100),
        from in any::<prop::sample::Index>(),
        max_bytes in 0_usize..50_000,
    ) {
        let mut ring = Ring::new(1_000, usize::MAX);
        for bytes in &sizes {
            ring.append(&event(ring.next(), *bytes));
        }
        let from = FIRST + from.index(sizes.len()) as u64;
        let (mut seen, mut at) = (Vec::new(), from);
        while at < ring.next() {
            let (events, next) = read(&ring, at, max_bytes);
            prop_assert!(!events.is_empty(), "a read from {at} gave nothing");
            prop_assert_eq!(next, at + events.len() as u64);
            seen.extend(events);
            at = next;
        }
        prop_assert_eq!(seen, (from..ring.next()).collect::<Vec<_>>());
    }
}

#[test]
fn a_read_takes_no_more_bytes_than_it_may_but_for_a_single_event() {
    let mut ring = Ring::new(1_000, usize::MAX);
    for _ in 0..10 {
        ring.append(&event(ring.next(), 100));
    }
    let one = size(&event(FIRST, 100));
    assert_eq!(read(&ring, FIRST, 3 * one).0, [3, 4, 5]);
    assert_eq!(read(&ring, FIRST + 1, 3 * one - 1).0, [4, 5]);
    assert_eq!(read(&ring, FIRST, 0).0, [3]);
}
