//! Starts a task on one member of a group: whoever takes it.

use std::time::Duration;

use futures_util::future::select_all;
use selsyn_common::BootId;
use tokio::time::{Instant, sleep_until};

use super::GroupTask;
use super::choice::{Candidate, Next, after, choose};
use crate::connection::{Connection, ConnectionState};
use crate::error::{NotStarted, StartError};
use crate::hooks::Boxed;
use crate::running::RunningTask;
use crate::task::Task;
use crate::task::start::{Failed, attempt, fail};
use crate::task::stops::Stops;

/// Pause at least between two tries on one slave, whatever it says: it shall not be flooded.
const MIN_PAUSE: Duration = Duration::from_millis(10);

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

/// A member of the group.
struct Member {
    connection: Connection,
    /// What it looked like when it was last looked at.
    seen: ConnectionState,
    /// What it said last.
    said: Option<StartError>,
    out: Out,
}

/// How long a member is not asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Out {
    No,
    Until(Instant),
    /// Until another slave, or another life of it, answers there. It is about to go.
    Leaving(Option<BootId>),
    /// The same, and nothing says that it goes.
    Staying(Option<BootId>),
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

impl Member {
    fn new(connection: Connection) -> Self {
        let seen = connection.state();
        Self { connection, seen, said: None, out: Out::No }
    }

    fn refused(&mut self, said: StartError, next: Next) {
        let boot = self.connection.link().boot_id();
        self.out = match next {
            Next::Again(pause) => {
                let again = Instant::now().checked_add(pause.max(MIN_PAUSE));
                again.map_or(Out::Staying(boot), Out::Until)
            }
            Next::WhenBack => Out::Leaving(boot),
            Next::Elsewhere | Next::Over => Out::Staying(boot),
        };
        self.said = Some(said);
    }

    fn look(&mut self, now: Instant) -> Candidate {
        self.seen = self.connection.state();
        let link = self.connection.link();
        let is_out = match self.out {
            Out::No => false,
            Out::Until(again) => now < again,
            Out::Leaving(boot) | Out::Staying(boot) => link.boot_id() == boot,
        };
        Candidate { state: self.seen, room: link.room(), is_out }
    }

    /// When it may be asked again, if its connection is up.
    fn again(&self) -> Option<Instant> {
        match self.out {
            Out::Until(again) if self.seen.is_up() => Some(again),
            Out::No | Out::Until(_) | Out::Leaving(_) | Out::Staying(_) => None,
        }
    }

    /// Whether there is nothing to wait for: it is gone, or up and of another mind.
    fn never_will(&self) -> bool {
        self.seen.is_final() || (self.seen.is_up() && matches!(self.out, Out::Staying(_)))
    }

    /// What it said last; in its place, if it said nothing.
    fn last_word(self, task: &NotStarted, waited: Duration) -> StartError {
        let (task, connection) = (task.clone(), self.connection.name().to_owned());
        let link = self.connection.link();
        match (self.said, link.why_given_up().map(Box::new)) {
            (_, Some(source)) => StartError::NotConnected { task, connection, source },
            (Some(said), None) => said,
            (None, None) if self.seen.is_final() => StartError::Closed { task, connection },
            (None, None) => {
                let source = link.last_dial().map(Box::new);
                StartError::Deadline { task, connection, waited, source }
            }
        }
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
