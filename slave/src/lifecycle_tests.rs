//! Every arrow of the picture, and every cell of the verdict table.

use proptest::prelude::*;

use super::*;

fn cancelled() -> StopCause {
    StopCause::Cancelled("enough".to_owned())
}

fn running() -> Lifecycle {
    let mut life = Lifecycle::new();
    assert!(life.begin());
    life
}

fn asked(cause: StopCause) -> Lifecycle {
    let mut life = running();
    assert_eq!(life.stop(cause), Stop::Ask);
    life
}

fn value() -> End {
    End::Value(Payload::null())
}

fn error() -> End {
    End::Error(Failure::new("broken"))
}

#[test]
fn the_verdict_table_has_these_cells() {
    let cells = [
        (None, value(), TaskStatus::Completed, None),
        (None, error(), TaskStatus::Failed, Some(FailureKind::Function)),
        (None, End::Dropped, TaskStatus::Failed, Some(FailureKind::Killed)),
        (None, End::Exited(0), TaskStatus::Completed, None),
        (None, End::Exited(3), TaskStatus::Failed, Some(FailureKind::Function)),
        (Some(cancelled()), End::Exited(0), TaskStatus::Aborted, Some(FailureKind::Aborted)),
        (Some(cancelled()), End::Exited(3), TaskStatus::Failed, Some(FailureKind::Function)),
        (Some(cancelled()), value(), TaskStatus::Aborted, Some(FailureKind::Aborted)),
        (Some(cancelled()), error(), TaskStatus::Failed, Some(FailureKind::Function)),
        (Some(cancelled()), End::Dropped, TaskStatus::Aborted, Some(FailureKind::Killed)),
        (Some(StopCause::Deadline), value(), TaskStatus::TimedOut, Some(FailureKind::TimedOut)),
        (Some(StopCause::Deadline), error(), TaskStatus::TimedOut, Some(FailureKind::TimedOut)),
        (
            Some(StopCause::Deadline),
            End::Dropped,
            TaskStatus::TimedOut,
            Some(FailureKind::TimedOut),
        ),
        (Some(StopCause::Disconnected), value(), TaskStatus::Aborted, Some(FailureKind::Aborted)),
        (
            Some(StopCause::ShuttingDown),
            End::Dropped,
            TaskStatus::Aborted,
            Some(FailureKind::Killed),
        ),
    ];
    for (cause, end, status, kind) in cells {
        let mut life = cause.clone().map_or_else(running, asked);
        let outcome = life.end(end.clone()).unwrap();
        let got = (outcome.status, outcome.failure().map(|failure| failure.kind));
        assert_eq!(got, (status, kind), "{cause:?} {end:?}");
    }
}

#[test]
fn a_function_that_leaves_by_its_abort_error_is_aborted() {
    let left = End::Error(Failure::of(FailureKind::Aborted, "leaving", Ran::Yes));
    assert_eq!(asked(cancelled()).end(left).unwrap().status, TaskStatus::Aborted);
}

#[test]
fn a_task_stopped_while_it_waits_never_runs() {
    let mut life = Lifecycle::new();
    let Stop::NeverRan(outcome) = life.stop(cancelled()) else { panic!("it has not run") };
    assert_eq!(outcome.status, TaskStatus::Aborted);
    assert_eq!(outcome.failure().unwrap().ran, Ran::No);
    assert!(!life.begin());
}

#[test]
fn a_value_returned_after_the_request_is_kept_as_partial() {
    let outcome = asked(cancelled()).end(value()).unwrap();
    assert_eq!(outcome.failure().unwrap().partial.as_deref(), Some(&Payload::null()));
}

#[test]
fn a_deadline_outranks_a_cancel_that_came_before() {
    let mut life = asked(cancelled());
    assert_eq!(life.stop(StopCause::Deadline), Stop::Nothing);
    assert_eq!(life.end(value()).unwrap().status, TaskStatus::TimedOut);
}

#[test]
fn a_cancelled_function_that_is_stuck_keeps_its_verdict_open() {
    let mut life = asked(cancelled());
    assert_eq!(life.stuck(), None);
    assert_eq!(life.end(value()).unwrap().status, TaskStatus::Aborted);
}

#[test]
fn a_stuck_function_past_its_deadline_is_timed_out_at_once() {
    let mut life = asked(StopCause::Deadline);
    let outcome = life.stuck().unwrap();
    assert_eq!(outcome.status, TaskStatus::TimedOut);
    assert!(outcome.failure().unwrap().still_running);
    assert_eq!(life.end(value()), None);
}

#[test]
fn a_stuck_function_is_lost_when_its_session_is_disconnected() {
    let mut life = asked(cancelled());
    life.stuck();
    let Stop::GiveUp(outcome) = life.stop(StopCause::Disconnected) else { panic!("stuck") };
    assert_eq!(outcome.status, TaskStatus::Lost);
    let failure = outcome.failure().unwrap();
    assert!(failure.still_running && failure.ran == Ran::Yes);
}

#[derive(Clone, Debug)]
enum Input {
    Begin,
    Stop(StopCause),
    Stuck,
    End(End),
}

fn input() -> impl Strategy<Value = Input> {
    let causes = vec![
        cancelled(),
        StopCause::Stopped(String::new()),
        StopCause::Deadline,
        StopCause::Disconnected,
        StopCause::EnvironmentClosed,
        StopCause::ShuttingDown,
    ];
    prop_oneof![
        Just(Input::Begin),
        Just(Input::Stuck),
        prop::sample::select(causes).prop_map(Input::Stop),
        prop::sample::select(vec![value(), error(), End::Dropped]).prop_map(Input::End),
    ]
}

proptest! {
    #[test]
    fn there_is_one_verdict_and_nothing_runs_after_it(inputs in prop::collection::vec(input(), 0..30)) {
        let mut life = Lifecycle::new();
        let mut verdicts = 0;
        for input in inputs {
            let before = verdicts;
            match input {
                Input::Begin => prop_assert!(!life.begin() || before == 0),
                Input::Stop(cause) => {
                    let stop = life.stop(cause);
                    verdicts += usize::from(matches!(stop, Stop::NeverRan(_) | Stop::GiveUp(_)));
                }
                Input::Stuck => verdicts += usize::from(life.stuck().is_some()),
                Input::End(end) => verdicts += usize::from(life.end(end).is_some()),
            }
            prop_assert!(verdicts <= 1);
            prop_assert_eq!(verdicts == 1, life.is_ended());
        }
    }
}

/// Otherwise a slave that shuts down would wait for the verdict of a function that never returns.
#[test]
fn a_cancel_after_the_slave_has_asked_keeps_nobody_waiting() {
    for cause in [StopCause::Disconnected, StopCause::EnvironmentClosed, StopCause::ShuttingDown] {
        let mut life = Lifecycle::new();
        life.begin();
        life.stop(cause.clone());
        life.stop(cancelled());
        assert_eq!(life.stuck().map(|outcome| outcome.status), Some(TaskStatus::Lost), "{cause:?}");
    }
}

#[test]
fn only_a_run_that_nobody_asked_to_stop_completes_the_short_way() {
    let mut life = Lifecycle::new();
    assert!(!life.complete(), "it has not begun");
    life.begin();
    assert!(life.complete() && life.is_ended());
    assert!(!life.complete() && life.end(value()).is_none(), "it has ended");
    let mut asked = Lifecycle::new();
    asked.begin();
    asked.stop(StopCause::Deadline);
    assert!(!asked.complete() && !asked.is_ended());
}
