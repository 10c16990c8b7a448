use std::time::SystemTime;

use proptest::prelude::*;

use super::*;
use crate::execution::time_of;
use crate::{
    Failure, Outcome, PartError, PartReadError, Payload, Ran, StageProgress, TaskStatus, proto,
};

fn at(micros: u64) -> SystemTime {
    time_of(1_000_000 + micros)
}

fn change() -> impl Strategy<Value = PartChange> {
    let stage = (0..100_u8).prop_map(|done| StageProgress::new("s").workers(1, 2, 3).percent(done));
    let stages = prop::collection::vec(stage, 0..3);
    prop_oneof![
        Just(PartChange::Begin),
        stages.prop_map(PartChange::Progress),
        (0..9).prop_map(|n| PartChange::Succeed(PartResult::full(n).unwrap())),
        (0..9).prop_map(|n| PartChange::Succeed(PartResult::truncated(n).unwrap())),
        Just(PartChange::Fail(Box::new(Failure::new("no")))),
        Just(PartChange::Cancel("enough".into())),
    ]
}

/// What a function does: adds a part, or reports of one it may not have.
fn act() -> impl Strategy<Value = (u32, Option<PartChange>)> {
    (1..5_u32, prop::option::weighted(0.8, change()))
}

/// What the slave keeps after all of it, and the reports that have left.
fn reported(acts: Vec<(u32, Option<PartChange>)>) -> (Parts, Vec<Part>) {
    let (mut parts, mut reports) = (Parts::default(), Vec::new());
    for (now, (place, change)) in (0..).zip(acts) {
        match change {
            None => reports.extend(parts.add(format!("part {place}"), at(now)).ok()),
            Some(change) => reports.extend(parts.change(place, change, at(now)).ok().flatten()),
        }
    }
    (parts, reports)
}

fn sent(part: &Part) -> Part {
    proto::ExecutionPart::from(part.clone()).try_into().unwrap()
}

fn verdicts() -> impl Strategy<Value = Outcome> {
    prop::sample::select(vec![
        Outcome::completed(Payload::null()),
        Outcome::failed(TaskStatus::Failed, Failure::new("broken")),
        Outcome::failed(TaskStatus::Aborted, Failure::new("stopped")),
        Outcome::lost("gone", Ran::Unknown),
    ])
}

proptest! {
    #[test]
    fn readers_see_what_the_slave_keeps_in_whichever_order_reports_come_and_however_often(
        (acts, order) in (prop::collection::vec(act(), 0..30), prop::collection::vec(any::<prop::sample::Index>(), 0..40)),
        outcome in verdicts(),
    ) {
        let (mut kept, reports) = reported(acts);
        let mut reader = Parts::default();
        if !reports.is_empty() {
            order.iter().for_each(|any| reader.apply(sent(any.get(&reports))));
        }
        // The rest comes backwards: the last word of each part is enough.
        reports.iter().rev().for_each(|report| reader.apply(sent(report)));
        prop_assert_eq!(&reader, &kept);
        kept.end(&outcome, Some(at(99)));
        reader.end(&outcome, Some(at(99)));
        prop_assert_eq!(&reader, &kept);
        prop_assert!(kept.iter().all(|part| part.status.is_final()));
        prop_assert_eq!(kept.succeeded(), kept.len() - kept.unsuccessful().count());
        prop_assert_eq!(kept.bytes(), kept.iter().map(super::kept).sum::<usize>());
    }
}

/// A part that runs.
fn running(name: &str) -> Parts {
    let mut parts = Parts::default();
    parts.add(name.into(), at(1)).unwrap();
    parts.change(1, PartChange::Begin, at(2)).unwrap();
    parts
}

#[test]
fn what_has_ended_stays_so_and_to_begin_twice_says_nothing() {
    let mut parts = running("a");
    assert!(parts.change(1, PartChange::Begin, at(3)).unwrap().is_none());
    let ended = parts.change(1, PartChange::Succeed(PartResult::none()), at(4)).unwrap().unwrap();
    assert_eq!((ended.began, ended.ended, ended.revision), (Some(at(2)), Some(at(4)), 3));
    let error = parts.change(1, PartChange::Cancel(String::new()), at(5)).unwrap_err();
    assert!(matches!(error, PartError::Ended { status: PartStatus::Success, .. }), "{error}");
}

#[test]
fn names_that_cannot_be_told_apart_or_shown_are_refused() {
    let mut parts = running("a");
    let long = "ä".repeat(200);
    for (name, code) in [("", "E0703"), ("a\tb", "E0703"), (long.as_str(), "E0703"), ("a", "E0703")]
    {
        assert_eq!(parts.add(name.into(), at(1)).unwrap_err().code(), code);
    }
    assert_eq!(parts.len(), 1);
}

#[test]
fn parts_are_bounded_in_number_stages_and_bytes() {
    let mut parts = running("a");
    (1..Parts::MAX_PARTS).for_each(|n| drop(parts.add(n.to_string(), at(1)).unwrap()));
    assert!(matches!(parts.add("x".into(), at(1)), Err(PartError::TooMany { limit: 10_000 })));
    let stages = PartChange::Progress(vec![StageProgress::new("s"); Part::MAX_STAGES + 1]);
    assert!(matches!(parts.change(1, stages, at(1)), Err(PartError::TooManyStages { .. })));
    let more = PartChange::Progress(vec![StageProgress::new("s").percent(101)]);
    assert!(matches!(parts.change(1, more, at(1)), Err(PartError::Stage { .. })));
    let large = |bytes| PartResult::full(Payload::bytes(vec![0; bytes])).unwrap();
    let error = parts.change(1, PartChange::Succeed(large(Part::MAX_BYTES)), at(1)).unwrap_err();
    assert!(matches!(error, PartError::TooLarge { .. }), "{error}");
    let result = large(Part::MAX_BYTES - 10);
    let full = (1..)
        .find_map(|place| parts.change(place, PartChange::Succeed(result.clone()), at(1)).err());
    assert!(matches!(full, Some(PartError::TooLargeTogether { .. })));
    assert!(
        parts.bytes() <= Parts::MAX_BYTES && parts.bytes() > Parts::MAX_BYTES - Part::MAX_BYTES
    );
    // What was refused has changed nothing: it can still end otherwise.
    assert_eq!(parts.get("9999").unwrap().status, PartStatus::Waiting);
}

#[test]
fn short_parts_weigh_what_they_take_and_no_less() {
    let mut parts = Parts::default();
    (0..Parts::MAX_PARTS).for_each(|n| drop(parts.add(n.to_string(), at(1)).unwrap()));
    let names: usize = parts.names().map(str::len).sum();
    let count = parts.len();
    // Each part, and its name once more to find it by.
    let least = count * (size_of::<Part>() + size_of::<String>()) + 2 * names;
    assert!(parts.bytes() >= least && parts.bytes() < 2 * least, "{}", parts.bytes());
    // What is shown of one part is bounded by what was reported, not by what keeping it takes.
    let room = Part::MAX_BYTES - 1;
    let result = PartResult::full(Payload::bytes(vec![0; room])).unwrap();
    parts.change(1, PartChange::Succeed(result), at(2)).unwrap();
    assert_eq!(parts.iter().next().unwrap().content(), Part::MAX_BYTES);
}

#[test]
fn a_stranger_cannot_make_a_reader_keep_more_than_a_slave_may() {
    let (mut parts, mut part) = (Parts::default(), Part::waiting(1, "a".into(), at(1)));
    for place in [0, Parts::MAX_PARTS + 1, u32::MAX] {
        part.place = place;
        parts.apply(part.clone());
    }
    assert!(parts.is_empty());
    part.result = PartResult::full(Payload::bytes(vec![0; Parts::MAX_BYTES])).unwrap();
    parts.apply(Part { place: 1, ..part.clone() });
    assert!(parts.is_empty());
    // A part that is renamed is found by its last name only.
    part.result = PartResult::none();
    parts.apply(Part { place: 1, ..part.clone() });
    parts.apply(Part { place: 1, revision: 2, name: "b".into(), ..part });
    assert!(parts.get("a").is_none() && parts.get("b").is_some());
}

#[test]
fn parts_that_are_open_at_the_end_have_the_status_that_follows_from_the_verdict() {
    let status = |outcome: &Outcome| {
        let mut parts = running("runs");
        parts.add("waits".into(), at(3)).unwrap();
        parts.end(outcome, Some(at(9)));
        assert!(parts.iter().all(|part| part.ended == Some(at(9)) && part.failure.is_some()));
        [parts.get("runs").unwrap().status, parts.get("waits").unwrap().status]
    };
    use PartStatus::{Cancelled, Failed};
    let failed = |verdict| Outcome::failed(verdict, Failure::new("broken"));
    assert_eq!(status(&failed(TaskStatus::Failed)), [Failed, Cancelled]);
    assert_eq!(status(&failed(TaskStatus::TimedOut)), [Failed, Cancelled]);
    assert_eq!(status(&failed(TaskStatus::Aborted)), [Cancelled, Cancelled]);
    assert_eq!(status(&Outcome::completed(Payload::null())), [Cancelled, Cancelled]);
}

#[test]
fn the_result_of_a_part_that_has_not_succeeded_says_why_not() {
    let mut parts = running("a");
    let error = parts.result(None).unwrap_err();
    assert_eq!((error.to_string().as_str(), error.code()), ("part \"a\", status=RUNNING", "E0310"));
    let failure = Box::new(Failure::new("502 Update replicas failed"));
    parts.change(1, PartChange::Fail(failure), at(3)).unwrap();
    let error = parts.result(Some("a")).unwrap_err();
    assert_eq!(error.to_string(), "part \"a\", status=FAILED: 502 Update replicas failed");
    let error = parts.result(Some("b")).unwrap_err();
    assert!(matches!(&error, PartReadError::Unknown { names, .. } if names == "a"), "{error}");
}
