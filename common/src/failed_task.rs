//! Carries the failure of a task up to the function that started it.

use std::error::Error;
use std::fmt;

use crate::{Failure, FailureKind, Ran, Stopped, TaskId, TaskStatus};

/// A task that gave no value, as the source of an error.
///
/// A function that passes the error on with `?` fails with the kind and the data of this task's
/// failure, and with a line in its trace that says where that was: over many slaves, the trace is
/// the path.
#[derive(Clone, Debug)]
pub struct FailedTask {
    /// The connection it was started on.
    pub connection: Box<str>,
    /// Which task.
    pub task: TaskId,
    /// The function it named; empty for the default one.
    pub function: Box<str>,
    /// The verdict, or START_FAILED.
    pub status: TaskStatus,
    /// Why.
    pub failure: Box<Failure>,
}

impl Error for FailedTask {}

/// One line of a trace: `on learner-2 (task …0a1b2c3d, function learn): FAILED`.
impl fmt::Display for FailedTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { connection, task, status, .. } = self;
        write!(f, "on {connection} (task {task}, ")?;
        match &*self.function {
            "" => f.write_str("default function")?,
            name => write!(f, "function {name}")?,
        }
        write!(f, "): {status}")?;
        match self.failure.ran {
            Ran::Yes => Ok(()),
            ran @ (Ran::No | Ran::Unknown) => write!(f, ", {ran}"),
        }
    }
}

/// What any error is as the failure of the function that returns it.
pub(crate) fn failure_of(error: &(dyn Error + 'static)) -> Failure {
    let chain: Vec<_> = std::iter::successors(Some(error), |&error| error.source()).collect();
    let child = chain.iter().find_map(|error| error.downcast_ref::<FailedTask>());
    match child {
        Some(child) => came_up(&chain, child),
        None => {
            let mut failure = Failure::new(error.to_string());
            if chain.iter().any(|error| error.is::<Stopped>()) {
                failure.kind = FailureKind::Aborted;
            }
            chain.iter().for_each(|error| failure.push_trace(error.to_string()));
            failure
        }
    }
}

/// The failure of a child becomes that of its parent.
fn came_up(chain: &[&(dyn Error + 'static)], child: &FailedTask) -> Failure {
    let below = &child.failure;
    let mut failure = Failure::of(below.kind, below.message.clone(), below.ran);
    // The parent itself did run: to say No would invite somebody to run it twice.
    if failure.ran == Ran::No {
        failure.ran = Ran::Yes;
    }
    failure.data.clone_from(&below.data);
    let above = chain.iter().take_while(|error| !error.is::<FailedTask>()).count();
    // The error right above only words what the child says. What is further up was added by the
    // user, and stands in front.
    if above > 1 {
        failure.message = chain[0].to_string();
        chain[..above].iter().for_each(|error| failure.push_trace(error.to_string()));
    }
    failure.push_trace(child.to_string());
    below.trace.iter().for_each(|line| failure.push_trace(line));
    failure
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FailureKind, Payload};

    #[derive(Debug, thiserror::Error)]
    #[error("task ended FAILED: no memory")]
    struct Joined(#[source] FailedTask);

    #[derive(Debug, thiserror::Error)]
    #[error("step 5")]
    struct Step(#[source] Joined);

    fn child(connection: &str, failure: Failure) -> FailedTask {
        FailedTask {
            connection: connection.into(),
            task: TaskId::from_uuid(uuid::Uuid::from_u128(0xabcd)),
            function: "learn".into(),
            status: TaskStatus::Failed,
            failure: Box::new(failure),
        }
    }

    #[test]
    fn three_levels_up_a_failure_has_its_kind_its_data_and_its_path() {
        let data = Payload::encode(&7).unwrap();
        let first =
            Failure::of(FailureKind::OutOfMemory, "no memory", Ran::Yes).with_data(data.clone());
        let second = Failure::from(Joined(child("gpu-0", first)));
        let third = Failure::from(Joined(child("learner-2", second)));
        assert_eq!((third.kind, third.message.as_str()), (FailureKind::OutOfMemory, "no memory"));
        assert_eq!(third.data, Some(data));
        let path = ["learner-2", "gpu-0"]
            .map(|name| format!("on {name} (task …0000abcd, function learn): FAILED"));
        assert_eq!(third.trace, path);
    }

    #[test]
    fn what_the_user_says_about_a_failure_stands_in_front_of_it() {
        let failure = Failure::from(Step(Joined(child("gpu-0", Failure::new("no memory")))));
        assert_eq!(failure.message, "step 5");
        assert_eq!(failure.trace[..2], ["step 5", "task ended FAILED: no memory"]);
        assert!(failure.trace[2].starts_with("on gpu-0"), "{:?}", failure.trace);
    }

    #[test]
    fn a_parent_never_says_that_it_did_not_run() {
        let refused = Failure::of(FailureKind::Refused, "queue is full", Ran::No);
        let failure = Failure::from(Joined(child("gpu-0", refused)));
        assert_eq!((failure.kind, failure.ran), (FailureKind::Refused, Ran::Yes));
        assert!(failure.trace[0].ends_with("the function did not run"), "{:?}", failure.trace);
    }
}
