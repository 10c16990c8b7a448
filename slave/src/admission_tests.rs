//! What admission promises, over random histories.

use proptest::prelude::*;
use selsyn_common::{ErrorCode, TaskId};

use super::*;

const LIMITS: AdmissionLimits = AdmissionLimits {
    slots: 2,
    blocking_slots: 1,
    queue_tasks: 3,
    queue_bytes: 100,
    exclusive: false,
};

fn applicant(number: u8, placement: Placement, blocking: bool) -> Applicant {
    let id = ExecutionId::first(TaskId::from_random([number; 16]));
    Applicant { id, owner: owner(), placement, blocking, bytes: 10 }
}

fn owner() -> MasterId {
    MasterId::from_random([0; 16])
}

fn background(number: u8) -> Applicant {
    applicant(number, Placement::Background, false)
}

#[test]
fn a_freed_slot_goes_to_the_task_that_waited_longest() {
    let mut admission = Admission::new(LIMITS, 1_000);
    let places: Vec<_> = (0..4).map(|n| admission.apply(background(n)).unwrap()).collect();
    let next = admission.release(places[0], owner());
    assert_eq!(next, Some((background(2).id, Place::Slot { blocking: false })));
}

fn of(owner: u8, number: u8) -> Applicant {
    Applicant { owner: MasterId::from_random([owner; 16]), ..background(number) }
}

#[test]
fn where_masters_share_a_queue_none_takes_more_than_its_share_and_slots_take_turns() {
    let mut admission =
        Admission::new(AdmissionLimits { slots: 1, queue_tasks: 6, ..LIMITS }, 1_000);
    admission.set_owners(2);
    let slot = admission.apply(of(1, 0)).unwrap();
    let _held: Vec<_> = (1..4).map(|n| admission.apply(of(1, n)).unwrap()).collect();
    let refusal = admission.apply(of(1, 4)).unwrap_err();
    assert!(refusal.message.contains("2 masters share it"), "{refusal}");
    assert!(refusal.retry_after.is_some());
    let _others: Vec<_> = (5..8).map(|n| admission.apply(of(2, n)).unwrap()).collect();
    let turns: Vec<_> = (0..6).map(|_| admission.release(slot, owner()).unwrap().0).collect();
    assert_eq!(turns, [1, 5, 2, 6, 3, 7].map(|n| background(n).id));
}

#[test]
fn a_line_is_told_in_the_order_of_its_turns_also_after_a_move() {
    let mut admission =
        Admission::new(AdmissionLimits { slots: 1, queue_tasks: 9, ..LIMITS }, 1_000);
    let slot = admission.apply(of(1, 0)).unwrap();
    let places = [(1, 1), (1, 2), (2, 3), (3, 4), (1, 5)]
        .map(|(owner, number)| admission.apply(of(owner, number)).unwrap());
    // The second owner has had the last turn.
    assert_eq!(admission.release(slot, owner()).unwrap().0, background(1).id);
    assert_eq!(admission.release(slot, owner()).unwrap().0, background(3).id);
    let told = |admission: &Admission| -> Vec<_> {
        admission.in_line(9).iter().map(|it| (it.id, it.position)).collect()
    };
    let ids = |of: [(u8, usize); 3]| of.map(|(number, position)| (background(number).id, position));
    assert_eq!(told(&admission), ids([(4, 0), (2, 0), (5, 1)]));
    let [_, second, third, _, fifth] = places;
    assert_eq!(admission.move_to(fifth, of(1, 0).owner, 0), Some(0));
    assert_eq!(told(&admission), ids([(4, 0), (5, 0), (2, 1)]));
    assert_eq!(admission.move_to(second, of(1, 0).owner, 7), Some(1));
    assert_eq!(admission.move_to(third, of(2, 0).owner, 0), None, "it has a slot");
    assert_eq!(admission.in_line(1).len(), 1);
    let turns: Vec<_> = (0..3).map(|_| admission.release(slot, owner()).unwrap().0).collect();
    assert_eq!(turns, [4, 5, 2].map(|n| background(n).id));
}

#[test]
fn neither_kind_of_slots_hides_those_that_wait_for_the_other() {
    let limits = AdmissionLimits { slots: 1, queue_tasks: 9, ..LIMITS };
    let mut admission = Admission::new(limits, 1_000);
    // One of each kind has a slot.
    for number in 0..5 {
        admission.apply(background(number)).unwrap();
    }
    for number in 5..8 {
        admission.apply(applicant(number, Placement::Background, true)).unwrap();
    }
    let told = |limit| -> Vec<_> {
        admission.in_line(limit).iter().map(|it| (it.id, it.blocking)).collect()
    };
    let all = [(1, false), (6, true), (2, false), (7, true), (3, false), (4, false)]
        .map(|(number, blocking)| (background(number).id, blocking));
    assert_eq!((told(2), told(9)), (all[..2].to_vec(), all.to_vec()));
}

#[test]
fn a_master_that_is_alone_may_fill_the_queue() {
    let mut admission = Admission::new(LIMITS, 1_000);
    admission.set_owners(1);
    let _held: Vec<_> = (0..5).map(|n| admission.apply(of(1, n)).unwrap()).collect();
    assert_eq!(admission.queued(), LIMITS.queue_tasks);
}

#[test]
fn a_full_queue_is_a_refusal_that_says_how_full() {
    let mut admission = Admission::new(LIMITS, 1_000);
    let _held = [0, 1, 2, 3, 4].map(|n| admission.apply(background(n)).unwrap());
    let refusal = admission.apply(background(9)).unwrap_err();
    assert_eq!(refusal.message, "queue is full (3 tasks, 2 running)");
    assert!(refusal.retry_after.is_some());
}

#[test]
fn queued_bytes_are_bounded_too() {
    let mut admission = Admission::new(LIMITS, 1_000);
    let _held = [0, 1].map(|n| admission.apply(background(n)).unwrap());
    let large = Applicant { bytes: 101, ..background(3) };
    assert_eq!(admission.apply(large).unwrap_err().reason, ErrorCode::QueueFull);
}

#[test]
fn results_that_nobody_takes_shut_the_door_until_they_are_taken() {
    let mut admission = Admission::new(LIMITS, 1_000);
    admission.keep(LIMITS.queue_bytes + 1_000);
    let refusal = admission.apply(background(1)).unwrap_err();
    assert_eq!(refusal.message, "1 results (1100 bytes) wait for their masters to take them");
    assert!(refusal.retry_after.is_some());
    admission.freed(1, LIMITS.queue_bytes + 1_000);
    admission.apply(background(1)).unwrap();
}

#[test]
fn the_second_in_front_is_refused_with_the_name_of_the_first() {
    let mut admission = Admission::new(LIMITS, 1_000);
    let first = applicant(1, Placement::Foreground, false);
    admission.apply(first).unwrap();
    let refusal = admission.apply(applicant(2, Placement::Foreground, false)).unwrap_err();
    assert!(refusal.message.contains(&first.id.to_string()));
}

#[test]
fn an_exclusive_slave_takes_one_task_and_queues_none() {
    let mut admission = Admission::new(AdmissionLimits { exclusive: true, ..LIMITS }, 1_000);
    let place = admission.apply(background(1)).unwrap();
    assert_eq!(admission.apply(background(2)).unwrap_err().code, 601);
    admission.release(place, owner());
    admission.apply(background(3)).unwrap();
}

#[test]
fn a_draining_slave_refuses_and_keeps_what_it_has() {
    let mut admission = Admission::new(LIMITS, 1_000);
    admission.apply(background(1)).unwrap();
    admission.drain();
    assert_eq!(admission.apply(background(2)).unwrap_err().code, 101);
    assert_eq!(admission.running(), 1);
}

proptest! {
    #[test]
    fn slots_are_never_lost_and_never_given_twice(steps in prop::collection::vec((any::<bool>(), any::<bool>(), any::<bool>(), any::<prop::sample::Index>()), 0..200)) {
        let mut admission = Admission::new(LIMITS, 1_000);
        let mut held: Vec<(ExecutionId, Place)> = Vec::new();
        for (number, (apply, in_front, blocking, which)) in steps.into_iter().enumerate() {
            if apply || held.is_empty() {
                let placement = if in_front { Placement::Foreground } else { Placement::Background };
                let applicant = applicant(number as u8, placement, blocking);
                held.extend(admission.apply(applicant).ok().map(|place| (applicant.id, place)));
            } else {
                let (_, place) = held.swap_remove(which.index(held.len()));
                if let Some((id, slot)) = admission.release(place, owner()) {
                    let waiting = held.iter_mut().find(|(held, place)| *held == id && matches!(place, Place::Queued { .. }));
                    waiting.expect("only a task that waits is given a slot").1 = slot;
                }
            }
            let count = |wanted: fn(&Place) -> bool| held.iter().filter(|(_, place)| wanted(place)).count();
            prop_assert!(count(|place| *place == Place::Foreground) <= 1);
            let slots = [false, true].map(|blocking| held.iter().filter(|(_, place)| *place == Place::Slot { blocking }).count());
            prop_assert!(slots[0] <= LIMITS.slots && slots[1] <= LIMITS.blocking_slots);
            let queued = count(|place| matches!(place, Place::Queued { .. }));
            prop_assert_eq!(queued, admission.queued());
            prop_assert_eq!(held.len(), admission.queued() + admission.running());
        }
    }
}
