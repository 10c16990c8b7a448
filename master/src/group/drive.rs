//! The task behind a group: starts the members, counts their ends, stops the rest.

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use selsyn_common::{Outcome, Ran, StopSignal, TaskId, TaskStatus};
use tracing::warn;

use super::callbacks::Callback;
use super::policy::{Decision, Policy, Tally};
use super::running::{RunningGroup, Shared};
use super::{GroupMember, GroupOutcome, GroupTask};
use crate::error::StartError;
use crate::hooks::Boxed;
use crate::running::RunningTask;
use crate::task::Task;

/// Starts every member; see [`GroupTask::start`].
pub(super) async fn start(mut task: GroupTask) -> RunningGroup {
    let shared = Arc::new(Shared::default());
    let members = 0..task.group.connections().len();
    let stop = Arc::clone(&shared.stop) as Arc<dyn StopSignal>;
    let tasks: Vec<_> =
        members.map(|member| task.task_of(member).stopped_by(Arc::clone(&stop))).collect();
    let drive = Drive::new(Arc::clone(&shared), &task, &tasks);
    let callbacks = std::mem::take(&mut task.callbacks);
    task.group.connections()[0].link().spawn(drive.run(tasks, callbacks));

    let guard = StopOnDrop(Some(&shared));
    let mut view = shared.view.subscribe();
    // The sender lives in `shared`.
    let _ = view.wait_for(|view| view.is_started).await;
    guard.disarm();
    RunningGroup(shared)
}

/// Cancels a group whose start is dropped before it is done.
struct StopOnDrop<'a>(Option<&'a Shared>);

impl StopOnDrop<'_> {
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        if let Some(shared) = self.0 {
            shared.stop.stop("the start of the group was dropped".to_owned());
        }
    }
}

/// One member, from before its start.
struct Member {
    connection: String,
    task: TaskId,
    function: String,
    /// How it ended, and whether that counts.
    end: Option<(Outcome, bool)>,
}

/// Something that happened to a member.
enum Event {
    /// It may run: wait for its end.
    Started(RunningTask),
    /// Its start failed.
    NotStarted(StartError),
    /// It has ended.
    Ended(Outcome),
}

/// A running group. Dropping it in the middle, at the end of its runtime, lets joins return.
struct Drive {
    shared: Arc<Shared>,
    policy: Policy,
    lets_others_run: bool,
    tally: Tally,
    members: Vec<Member>,
    answered: usize,
    /// The verdict, while callbacks run.
    outcome: Option<GroupOutcome>,
}

impl Drive {
    fn new(shared: Arc<Shared>, task: &GroupTask, tasks: &[Task]) -> Self {
        let members = tasks.iter().map(|task| Member {
            connection: task.connection().to_owned(),
            task: task.id(),
            function: task.function_name().to_owned(),
            end: None,
        });
        Self {
            shared,
            policy: task.policy,
            lets_others_run: task.lets_others_run,
            tally: Tally::new(task.policy, tasks.len()),
            members: members.collect(),
            answered: 0,
            outcome: None,
        }
    }

    async fn run(mut self, tasks: Vec<Task>, callbacks: Vec<Callback>) {
        let starts = tasks.into_iter().enumerate();
        let mut events: FuturesUnordered<Boxed<(usize, Event)>> =
            starts.map(|(member, task)| Box::pin(start_one(member, task)) as _).collect();
        while let Some((member, event)) = events.next().await {
            match event {
                Event::Started(running) => {
                    self.answered += 1;
                    self.shared.started(member, running.clone());
                    events.push(Box::pin(join_one(member, running)));
                }
                Event::NotStarted(error) => {
                    self.answered += 1;
                    let failure = error.failure();
                    self.ended(member, Outcome::failed(TaskStatus::StartFailed, failure));
                }
                Event::Ended(outcome) => self.ended(member, outcome),
            }
            self.tell_started();
        }
        self.conclude(callbacks).await;
    }

    /// Lets `start()` return when every start is answered, or none can change anything.
    fn tell_started(&self) {
        if self.answered == self.members.len() || self.tally.decision() != Decision::Open {
            self.shared
                .view
                .send_if_modified(|view| !std::mem::replace(&mut view.is_started, true));
        }
    }

    fn ended(&mut self, member: usize, outcome: Outcome) {
        let is_open = self.tally.decision() == Decision::Open;
        let counts = is_open || self.lets_others_run || has_own_end(outcome.status);
        let decided = self.tally.ended(member, outcome.is_completed());
        self.members[member].end = Some((outcome, counts));
        if let Some(decision) = decided.filter(|_| !self.lets_others_run) {
            self.shared.stop.stop(self.why(decision, member));
        }
    }

    /// Why the rest is stopped.
    fn why(&self, decision: Decision, by: usize) -> String {
        let demand = self.policy.demand(self.members.len());
        let did = if decision == Decision::Reached { "did" } else { "did not" };
        format!("the group is decided: {demand}, and {} {did}", self.members[by].connection)
    }

    /// Tells the callbacks, then those who join.
    async fn conclude(mut self, callbacks: Vec<Callback>) {
        let mut outcome = self.verdict();
        self.outcome = Some(outcome.clone());
        let mut panics = Vec::new();
        for callback in callbacks {
            let panic = callback.tell(outcome.clone()).await;
            panics.extend(panic.inspect(|panic| warn!("a callback panicked: {panic}")));
        }
        outcome.callback_panics = panics;
        self.outcome = Some(outcome);
    }

    fn verdict(&mut self) -> GroupOutcome {
        for member in 0..self.members.len() {
            if self.members[member].end.is_none() {
                let message = "the runtime of the group has ended before the task";
                self.ended(member, Outcome::lost(message, Ran::Unknown));
            }
        }
        let members = self.members.drain(..).filter_map(Member::verdict);
        GroupOutcome::new(self.policy, &self.tally, members.collect())
    }
}

impl Drop for Drive {
    fn drop(&mut self) {
        let outcome = self.outcome.take().unwrap_or_else(|| self.verdict());
        self.shared.view.send_modify(|view| {
            view.is_started = true;
            view.outcome = Some(outcome);
        });
    }
}

impl Member {
    fn verdict(self) -> Option<GroupMember> {
        let Self { connection, task, function, end } = self;
        let (outcome, counts) = end?;
        Some(GroupMember { connection, task, function, outcome, counts })
    }
}

async fn start_one(member: usize, task: Task) -> (usize, Event) {
    let event = match task.start().await {
        // It may run: it is waited for as if it did, and has been cancelled.
        Ok(running) | Err(StartError::Unknown(running)) => Event::Started(running),
        Err(error) => Event::NotStarted(error),
    };
    (member, event)
}

async fn join_one(member: usize, running: RunningTask) -> (usize, Event) {
    (member, Event::Ended(running.join().await))
}

/// Whether a task that ends so, after it was asked to stop, does so for a reason of its own.
const fn has_own_end(status: TaskStatus) -> bool {
    match status {
        TaskStatus::Failed | TaskStatus::TimedOut | TaskStatus::Lost => true,
        TaskStatus::Idle
        | TaskStatus::Starting
        | TaskStatus::Started
        | TaskStatus::StartFailed
        | TaskStatus::Completed
        | TaskStatus::Aborted => false,
    }
}
