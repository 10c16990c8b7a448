//! Which tasks were started and have not ended. Knows no network.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use selsyn_common::{ExecutionId, TaskStatus};
use tokio::time::Instant;

use crate::cell::Cell;
use crate::dispatch::Outgoing;

/// Ids in the queue that may wait no more before it is tidied.
const QUEUE_SLACK: usize = 64;

/// Counts the sessions of a connection, from 1.
pub(crate) type Generation = u64;

/// A started task, until its end.
struct Entry {
    cell: Arc<Cell>,
    /// The start, while it waits for a session.
    waiting: Option<Outgoing>,
    /// The session its start went to.
    sent_in: Generation,
    /// Why it was cancelled, if it was.
    cancelled: Option<String>,
}

/// The table of started tasks.
#[derive(Default)]
pub(crate) struct InFlight {
    entries: HashMap<ExecutionId, Entry>,
    /// Those that wait, in the order they were started; may name some that wait no more.
    queue: VecDeque<ExecutionId>,
    /// Sessions that broke, and when their tasks end.
    broken: VecDeque<(Generation, Instant)>,
}

impl InFlight {
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Adds a task whose start goes out in this session.
    pub(crate) fn add_sent(&mut self, cell: Arc<Cell>, sent_in: Generation) {
        self.entries.insert(cell.id, Entry { cell, waiting: None, sent_in, cancelled: None });
    }

    /// Adds a task whose start waits for a session.
    pub(crate) fn add_waiting(&mut self, cell: Arc<Cell>, start: Outgoing) {
        self.queue.push_back(cell.id);
        self.entries
            .insert(cell.id, Entry { cell, waiting: Some(start), sent_in: 0, cancelled: None });
    }

    /// Takes the next start that waits; it counts as sent from here on.
    pub(crate) fn next_waiting(&mut self, sent_in: Generation) -> Option<(Arc<Cell>, Outgoing)> {
        while let Some(id) = self.queue.pop_front() {
            let Some(entry) = self.entries.get_mut(&id) else {
                continue;
            };
            if let Some(start) = entry.waiting.take() {
                entry.sent_in = sent_in;
                return Some((Arc::clone(&entry.cell), start));
            }
        }
        None
    }

    pub(crate) fn get(&self, id: ExecutionId) -> Option<Arc<Cell>> {
        self.entries.get(&id).map(|entry| Arc::clone(&entry.cell))
    }

    /// Gives a task that was sent, which is in this session from here on.
    pub(crate) fn taken_over(&mut self, id: ExecutionId, by: Generation) -> Option<Arc<Cell>> {
        let entry = self.entries.get_mut(&id).filter(|entry| entry.waiting.is_none())?;
        entry.sent_in = by;
        Some(Arc::clone(&entry.cell))
    }

    /// Whether the task's start still waits for a session.
    pub(crate) fn is_waiting(&self, id: ExecutionId) -> bool {
        self.entries.get(&id).is_some_and(|entry| entry.waiting.is_some())
    }

    /// Notes that a task was cancelled: a session that breaks may take the word along. False when
    /// it was before, or has ended: there is nothing new to say.
    pub(crate) fn cancelled(&mut self, id: ExecutionId, reason: &str) -> bool {
        match self.entries.get_mut(&id) {
            Some(entry) if entry.cancelled.is_none() => {
                entry.cancelled = Some(reason.to_owned());
                true
            }
            Some(_) | None => false,
        }
    }

    /// Every task that was cancelled and has not ended, with the reason.
    pub(crate) fn all_cancelled(&self) -> Vec<(ExecutionId, String)> {
        let cancelled = self.entries.iter();
        cancelled.filter_map(|(id, entry)| Some((*id, entry.cancelled.clone()?))).collect()
    }

    /// Takes a task out.
    pub(crate) fn remove(&mut self, id: ExecutionId) -> Option<Arc<Cell>> {
        let entry = self.entries.remove(&id)?;
        if entry.waiting.is_some() && self.queue.len() > 2 * self.entries.len() + QUEUE_SLACK {
            let entries = &self.entries;
            self.queue.retain(|id| entries.get(id).is_some_and(|entry| entry.waiting.is_some()));
        }
        Some(entry.cell)
    }

    /// Takes a task out, and says whether its start went out in this session.
    pub(crate) fn remove_sent_in(
        &mut self,
        id: ExecutionId,
        session: Generation,
    ) -> Option<(Arc<Cell>, bool)> {
        let is_of_session = self.entries.get(&id)?.sent_in == session;
        self.remove(id).map(|cell| (cell, is_of_session))
    }

    /// Notes that a session broke; its tasks end at `until`, or never.
    pub(crate) fn session_broke(&mut self, session: Generation, until: Option<Instant>) {
        // Tasks that are never given up need no note of it.
        self.broken.extend(until.map(|until| (session, until)));
    }

    /// The session goes on: nothing in it was lost.
    pub(crate) fn session_resumed(&mut self, session: Generation) {
        self.broken.retain(|(broken, _)| *broken != session);
    }

    /// When the tasks of the session that broke first end.
    pub(crate) fn next_end(&self) -> Option<Instant> {
        self.broken.iter().map(|(_, until)| *until).min()
    }

    /// Takes out the tasks of broken sessions whose time is over.
    pub(crate) fn take_overdue(&mut self, now: Instant) -> Vec<Arc<Cell>> {
        let is_over = |until: &Instant| *until <= now;
        let over = self.broken.iter().filter(|(_, until)| is_over(until));
        let Some(last) = over.map(|(session, _)| *session).max() else {
            return Vec::new();
        };
        self.broken.retain(|(_, until)| !is_over(until));
        self.take_sent(last)
    }

    /// Takes out every task that was sent in a session up to `last`.
    pub(crate) fn take_sent(&mut self, last: Generation) -> Vec<Arc<Cell>> {
        self.take_if(|entry| entry.waiting.is_none() && entry.sent_in <= last)
    }

    /// Takes out the tasks whose start went out in this session and has no answer.
    pub(crate) fn take_unanswered(&mut self, session: Generation) -> Vec<Arc<Cell>> {
        self.take_if(|entry| {
            let is_sent = entry.waiting.is_none() && entry.sent_in == session;
            is_sent && entry.cell.state().status == TaskStatus::Starting
        })
    }

    /// Takes out the tasks whose start still waits.
    pub(crate) fn take_waiting(&mut self) -> Vec<Arc<Cell>> {
        self.queue.clear();
        self.take_if(|entry| entry.waiting.is_some())
    }

    fn take_if(&mut self, wanted: impl Fn(&Entry) -> bool) -> Vec<Arc<Cell>> {
        let taken = self.entries.extract_if(|_, entry| wanted(entry));
        taken.map(|(_, entry)| entry.cell).collect()
    }
}

#[cfg(test)]
mod tests {
    use selsyn_common::{ExecutionId, Payload, proto::Placement};

    use super::*;
    use crate::Master;
    use crate::delivery::Mailbox;

    #[tokio::test]
    async fn starts_that_were_taken_back_leave_no_ids_in_the_queue() {
        let dial = std::future::pending::<std::io::Result<tokio::net::TcpStream>>;
        let connecting = Master::new().unwrap().connect_with("it", dial);
        let connection = connecting.lazy().await.unwrap();
        let mut tasks = InFlight::default();
        let add = |tasks: &mut InFlight| {
            let id = ExecutionId::first(connection.link().master.next_task_id());
            let link = Arc::clone(connection.link());
            let cell = Cell::new(id, Payload::null(), link, Mailbox::default());
            let start = Outgoing {
                function: String::new(),
                data: Payload::null(),
                deadline: None,
                placement: Placement::Background,
                lineage: None,
            };
            tasks.add_waiting(Arc::new(cell), start);
            id
        };
        let first = add(&mut tasks);
        for _ in 0..1_000 {
            let id = add(&mut tasks);
            tasks.remove(id).unwrap();
        }
        let last = add(&mut tasks);
        assert!(tasks.queue.len() <= 2 * tasks.len() + QUEUE_SLACK, "{}", tasks.queue.len());
        let sent = std::iter::from_fn(|| tasks.next_waiting(1)).map(|(cell, _)| cell.id);
        assert_eq!(sent.collect::<Vec<_>>(), [first, last]);
    }
}
