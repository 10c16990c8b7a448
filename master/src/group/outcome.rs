//! How a group ended: who completed, who did not, and who failed first.

use std::fmt;

use selsyn_common::{FailedTask, Failure, FromPayload, Outcome, Payload, TaskId, TaskStatus};

use super::policy::{Decision, Policy, Tally};
use crate::error::GroupError;

/// How one member of a group ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct GroupMember {
    /// The connection.
    pub connection: String,
    /// Which task.
    pub task: TaskId,
    /// The function it named; empty for the default one.
    pub function: String,
    /// How it ended. A start that failed is START_FAILED, with the reason as its failure.
    pub outcome: Outcome,
    /// Whether it counts. Once the policy is decided the rest is stopped: what is stopped then
    /// counts neither for nor against, nor does a value that comes all the same.
    pub counts: bool,
}

impl GroupMember {
    fn has_failed(&self) -> bool {
        self.counts && !self.outcome.is_completed()
    }

    fn failure(&self) -> Option<&Failure> {
        self.outcome.failure().filter(|_| self.counts)
    }
}

/// How a group ended. Every member has its verdict.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct GroupOutcome {
    /// COMPLETED when as many completed as the policy demands. Otherwise the status of the first
    /// failure, with FAILED for a start that failed.
    pub status: TaskStatus,
    /// The members, in the order of the group.
    pub members: Vec<GroupMember>,
    /// Messages of the group's callbacks that panicked; the others ran all the same.
    pub callback_panics: Vec<String>,
    first_failure: Option<usize>,
    policy: Policy,
}

impl GroupOutcome {
    pub(super) fn new(policy: Policy, tally: &Tally, members: Vec<GroupMember>) -> Self {
        let counts = |member: &usize| members[*member].has_failed();
        let first_failure = tally.failed().iter().copied().find(counts);
        let status = match (tally.decision(), first_failure) {
            (Decision::Reached, _) => TaskStatus::Completed,
            (Decision::Open | Decision::Missed, None) => TaskStatus::Failed,
            (Decision::Open | Decision::Missed, Some(first)) => match members[first].outcome.status
            {
                TaskStatus::StartFailed => TaskStatus::Failed,
                status => status,
            },
        };
        Self { status, members, callback_panics: Vec::new(), first_failure, policy }
    }

    /// Whether as many completed as the policy demands.
    pub fn is_completed(&self) -> bool {
        self.status == TaskStatus::Completed
    }

    /// The member that was the first to fail; also when the group completed without it.
    pub fn first_failure(&self) -> Option<&GroupMember> {
        Some(&self.members[self.first_failure?])
    }

    /// Connection and value of every member that completed in time, in the order of the group.
    pub fn values(&self) -> impl Iterator<Item = (&str, &Payload)> {
        let counted = self.members.iter().filter(|member| member.counts);
        counted.filter_map(|member| Some((member.connection.as_str(), member.outcome.value()?)))
    }

    /// The values of all that completed in time, read as `T`, in the order of the group.
    ///
    /// # Errors
    ///
    /// [`GroupError::NotCompleted`] when too few completed; [`GroupError::Unreadable`] when a
    /// value is not a `T`.
    pub fn success<T: FromPayload>(&self) -> Result<Vec<T>, GroupError> {
        if !self.is_completed() {
            return Err(self.not_completed());
        }
        let values = self.values().map(|(connection, value)| {
            let connection = connection.to_owned();
            T::from_payload(value).map_err(|source| GroupError::Unreadable { connection, source })
        });
        values.collect()
    }

    /// The error of a group that did not complete: it fails as its first failure did.
    fn not_completed(&self) -> GroupError {
        let message = self.to_string();
        let first = self.first_failure().unwrap_or(&self.members[0]);
        let failure = first.failure().cloned().unwrap_or_else(|| Failure::new(""));
        let source = FailedTask {
            connection: first.connection.as_str().into(),
            task: first.task,
            function: first.function.as_str().into(),
            status: first.outcome.status,
            failure: Box::new(Failure { message, ..failure }),
        };
        GroupError::NotCompleted { outcome: Box::new(self.clone()), source }
    }
}

/// One sentence: `2 of 8 slaves failed, first trainer-3: LOST, …; all 8 had to complete`.
impl fmt::Display for GroupOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.members.len();
        if let Some(first) = self.first_failure() {
            let failed = self.members.iter().filter(|member| member.has_failed()).count();
            let GroupMember { connection, outcome, .. } = first;
            write!(f, "{failed} of {all} slaves failed, first {connection}: {}", outcome.status)?;
            let why = first.failure().map_or("", |failure| &failure.message);
            // Some messages begin with the name, which stands here already.
            let why = why.strip_prefix(&format!("{connection}: ")).unwrap_or(why);
            write!(f, ", {why}")?;
        } else {
            write!(f, "{} of {all} slaves completed", self.values().count())?;
        }
        write!(f, "; {}", self.policy.demand(all))
    }
}
