//! Starts a task on one member of a group: whoever takes it.

mod member;

use futures_util::future::select_all;
use tokio::time::{Instant, sleep_until};

use super::GroupTask;
use super::choice::{Next, after, choose};
use crate::connection::Connection;
use crate::error::StartError;
use crate::hooks::Boxed;
use crate::running::RunningTask;
use crate::task::Task;
use crate::task::start::{Failed, attempt, fail};
use crate::task::stops::Stops;
use member::Member;

/// See [`GroupTask::start_any`].
pub(super) async fn start_any(task: GroupTask) -> Result<RunningTask, StartError> {
    let mut search = Search::new(task);
    loop {
        let Some(member) = search.choose() else {
            if search.is_over() || search.stops.reason().is_some() {
                return search.nobody();
            }
            search.wait().await;
            continue;
        };
        let failed = match search.ask(member).await {
            Ok(running) => return Ok(running),
            Err(failed) => *failed,
        };
        match after(&failed.error) {
            Next::Over => return failed.tell(),
            next => search.members[member].refused(failed.error, next),
        }
    }
}

/// One search for a slave that takes the task.
struct Search {
    task: GroupTask,
    members: Vec<Member>,
    stops: Stops,
    begun: Instant,
    /// `None`: too far away to be told apart from never.
    until: Option<Instant>,
}

impl Search {
    fn new(mut task: GroupTask) -> Self {
        let begun = Instant::now();
        let first = task.task_of(0);
        let until = begun.checked_add(first.start_patience());
        let stops = first.stops().clone();
        let connections = task.group.connections().iter().cloned();
        let members = connections.map(Member::new).collect();
        Self { task, members, stops, begun, until }
    }

    /// Who is asked next.
    fn choose(&mut self) -> Option<usize> {
        let now = Instant::now();
        let candidates = self.members.iter_mut().map(|member| member.look(now));
        choose(&candidates.collect::<Vec<_>>()).filter(|_| !self.is_late())
    }

    fn is_late(&self) -> bool {
        self.until.is_some_and(|until| until <= Instant::now())
    }

    /// Whether nobody will take it any more.
    fn is_over(&self) -> bool {
        self.is_late() || self.members.iter().all(Member::never_will)
    }

    /// Tries one member, as long as it is up.
    async fn ask(&mut self, member: usize) -> Result<RunningTask, Box<Failed>> {
        let mut task = self.task.task_of(member).only_if_up();
        if let Some(until) = self.until {
            task = task.start_deadline(until.saturating_duration_since(Instant::now()));
        }
        try_on(&self.members[member].connection, task).await
    }

    /// Waits until somebody may be asked again, looks different, or the time is over.
    async fn wait(&mut self) {
        let again = self.members.iter().filter_map(Member::again);
        let next = again.chain(self.until).min();
        let changed = self.members.iter().map(|member| -> Boxed<()> {
            let (connection, seen) = (member.connection.clone(), member.seen);
            Box::pin(async move {
                if seen.is_final() {
                    return std::future::pending().await;
                }
                connection.wait_until(|state| state != seen).await;
            })
        });
        let pause = async {
            match next {
                Some(next) => sleep_until(next).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = select_all(changed) => {}
            () = pause => {}
            () = self.stops.stopped() => {}
        }
    }

    /// The error that says what each said.
    fn nobody(mut self) -> Result<RunningTask, StartError> {
        let (task, waited) = (self.task.task_of(0), self.begun.elapsed());
        fail(task, |task| {
            let words = |member: Member| member.last_word(&task, waited);
            let said = self.members.into_iter().map(words).collect();
            StartError::NoSlaveTook { task, waited, said }
        })
    }
}

/// Starts the task on a connection that is up. When it goes down before the start is sent, the
/// start is taken back.
async fn try_on(connection: &Connection, task: Task) -> Result<RunningTask, Box<Failed>> {
    let (link, id) = (connection.link(), task.execution_id());
    let attempt = attempt(task);
    tokio::pin!(attempt);
    tokio::select! {
        biased;
        done = &mut attempt => return done,
        _ = link.wait_until(|state| !state.is_up()) => {}
    }
    link.take_back(id);
    attempt.await
}
