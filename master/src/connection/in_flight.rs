//! Which tasks were started and have not ended. Knows no network.

mod unanswered;

use std::collections::{HashMap, VecDeque};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use foldhash::fast::RandomState;
use selsyn_common::{ExecutionId, TaskStatus};
use tokio::time::Instant;

use crate::cell::Cell;
use crate::dispatch::Outgoing;
use unanswered::{Moment, Unanswered};

pub(crate) use unanswered::Patience;

/// Ids in the queue that may wait no more before it is tidied.
const QUEUE_SLACK: usize = 64;

/// Counts the sessions of a connection, from 1.
pub(crate) type Generation = u32;

/// The session of a start that waits for one.
const NONE_YET: Generation = 0;

/// A started task, until its end. What few have is kept apart: there may be a million of them.
struct Entry {
    cell: Arc<Cell>,
    /// The session its start went to.
    sent_in: Generation,
    /// When the patience with its start is over.
    patience: Moment,
}

impl Entry {
    const fn is_waiting(&self) -> bool {
        self.sent_in == NONE_YET
    }
}

/// An id, hashed by its low half alone: all ids in the table were made here, where that half is
/// a counter, so that nobody can choose ids that collide.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Key(ExecutionId);

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let (_, low) = self.0.task.uuid().as_u64_pair();
        state.write_u64(low);
    }
}

/// The table of started tasks.
#[derive(Default)]
pub(crate) struct InFlight {
    entries: HashMap<Key, Entry, RandomState>,
    unanswered: Unanswered,
    /// The starts that wait for a session.
    waiting: HashMap<ExecutionId, Outgoing>,
    /// Those that wait, in the order they were started; may name some that wait no more.
    queue: VecDeque<ExecutionId>,
    /// Why tasks were cancelled.
    cancelled: HashMap<ExecutionId, String>,
    /// Sessions that broke, and when their tasks end.
    broken: VecDeque<(Generation, Instant)>,
}

impl InFlight {
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Adds a task whose start goes out in this session.
    pub(crate) fn add_sent(&mut self, cell: Arc<Cell>, sent_in: Generation, patience: Patience) {
        let patience = self.unanswered.add(patience);
        self.entries.insert(Key(cell.id), Entry { cell, sent_in, patience });
    }

    /// Adds a task whose start waits for a session.
    pub(crate) fn add_waiting(&mut self, cell: Arc<Cell>, start: Outgoing, patience: Patience) {
        self.queue.push_back(cell.id);
        self.waiting.insert(cell.id, start);
        self.add_sent(cell, NONE_YET, patience);
    }

    /// Takes the next start that waits; it counts as sent from here on.
    pub(crate) fn next_waiting(&mut self, sent_in: Generation) -> Option<(Arc<Cell>, Outgoing)> {
        while let Some(id) = self.queue.pop_front() {
            let start = self.waiting.remove(&id);
            if let (Some(entry), Some(start)) = (self.entries.get_mut(&Key(id)), start) {
                entry.sent_in = sent_in;
                return Some((Arc::clone(&entry.cell), start));
            }
        }
        None
    }

    pub(crate) fn get(&self, id: ExecutionId) -> Option<Arc<Cell>> {
        self.entries.get(&Key(id)).map(|entry| Arc::clone(&entry.cell))
    }

    /// Gives a task that was sent, which is in this session from here on.
    pub(crate) fn taken_over(&mut self, id: ExecutionId, by: Generation) -> Option<Arc<Cell>> {
        let entry = self.entries.get_mut(&Key(id)).filter(|entry| !entry.is_waiting())?;
        entry.sent_in = by;
        Some(Arc::clone(&entry.cell))
    }

    /// As [`Self::taken_over`]: the slave has answered the start.
    pub(crate) fn accepted(&mut self, id: ExecutionId, by: Generation) -> Option<Arc<Cell>> {
        let cell = self.taken_over(id, by)?;
        let patience =
            self.entries.get_mut(&Key(id)).map(|entry| std::mem::take(&mut entry.patience));
        self.unanswered.remove(patience.unwrap_or_default());
        Some(cell)
    }

    /// Whether the task's start still waits for a session.
    pub(crate) fn is_waiting(&self, id: ExecutionId) -> bool {
        self.waiting.contains_key(&id)
    }

    /// Notes that a task was cancelled: a session that breaks may take the word along. False when
    /// it was before, or has ended: there is nothing new to say.
    pub(crate) fn cancelled(&mut self, id: ExecutionId, reason: &str) -> bool {
        let is_news = self.entries.contains_key(&Key(id)) && !self.cancelled.contains_key(&id);
        if is_news {
            self.cancelled.insert(id, reason.to_owned());
        }
        is_news
    }

    /// Every task that was cancelled and has not ended, with the reason.
    pub(crate) fn all_cancelled(&self) -> Vec<(ExecutionId, String)> {
        self.cancelled.iter().map(|(id, reason)| (*id, reason.clone())).collect()
    }

    /// Takes a task out.
    pub(crate) fn remove(&mut self, id: ExecutionId) -> Option<Arc<Cell>> {
        self.take(id).map(|entry| entry.cell)
    }

    /// Takes a task out, and says whether its start went out in this session.
    pub(crate) fn remove_sent_in(
        &mut self,
        id: ExecutionId,
        session: Generation,
    ) -> Option<(Arc<Cell>, bool)> {
        self.take(id).map(|entry| (entry.cell, entry.sent_in == session))
    }

    fn take(&mut self, id: ExecutionId) -> Option<Entry> {
        let entry = self.entries.remove(&Key(id))?;
        self.forget(id, &entry);
        if entry.is_waiting() && self.queue.len() > 2 * self.waiting.len() + QUEUE_SLACK {
            let waiting = &self.waiting;
            self.queue.retain(|id| waiting.contains_key(id));
        }
        Some(entry)
    }

    /// Forgets what is kept apart of a task that was taken out.
    fn forget(&mut self, id: ExecutionId, entry: &Entry) {
        self.unanswered.remove(entry.patience);
        if entry.is_waiting() {
            self.waiting.remove(&id);
        }
        if !self.cancelled.is_empty() {
            self.cancelled.remove(&id);
        }
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

    /// When something is over next: the tasks of a session that broke end, or the patience with a
    /// start does.
    pub(crate) fn next_end(&self) -> Option<Instant> {
        let ends = self.broken.iter().map(|(_, until)| *until);
        ends.chain(self.unanswered.next()).min()
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

    /// The tasks whose start has no answer, and the patience with it is over; told once.
    pub(crate) fn unanswered(&mut self, now: Instant) -> Vec<Arc<Cell>> {
        let Some(last) = self.unanswered.over(now) else { return Vec::new() };
        let mut overdue = Vec::new();
        for entry in self.entries.values_mut() {
            if (1..=last).contains(&entry.patience) {
                self.unanswered.remove(std::mem::take(&mut entry.patience));
                overdue.push(Arc::clone(&entry.cell));
            }
        }
        overdue
    }

    /// Takes out every task that was sent in a session up to `last`.
    pub(crate) fn take_sent(&mut self, last: Generation) -> Vec<Arc<Cell>> {
        self.take_if(|entry| !entry.is_waiting() && entry.sent_in <= last)
    }

    /// Takes out the tasks whose start went out in this session and has no answer.
    pub(crate) fn take_unanswered(&mut self, session: Generation) -> Vec<Arc<Cell>> {
        self.take_if(|entry| {
            let is_sent = !entry.is_waiting() && entry.sent_in == session;
            is_sent && entry.cell.state().status == TaskStatus::Starting
        })
    }

    /// Takes out the tasks whose start still waits.
    pub(crate) fn take_waiting(&mut self) -> Vec<Arc<Cell>> {
        self.queue.clear();
        self.take_if(Entry::is_waiting)
    }

    fn take_if(&mut self, wanted: impl Fn(&Entry) -> bool) -> Vec<Arc<Cell>> {
        let taken: Vec<_> = self.entries.extract_if(|_, entry| wanted(entry)).collect();
        let forget = |(Key(id), entry): (Key, Entry)| {
            self.forget(id, &entry);
            entry.cell
        };
        taken.into_iter().map(forget).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use selsyn_common::{ExecutionId, Payload};

    use super::*;
    use crate::Master;

    #[tokio::test]
    async fn starts_that_were_taken_back_leave_no_ids_in_the_queue() {
        let dial = std::future::pending::<std::io::Result<tokio::net::TcpStream>>;
        let connecting = Master::new().unwrap().connect_with("it", dial);
        let connection = connecting.lazy().await.unwrap();
        let mut tasks = InFlight::default();
        let add = |tasks: &mut InFlight| {
            let id = ExecutionId::first(connection.link().next_task_id());
            let link = Arc::clone(connection.link());
            let cell = Cell::new(id, Payload::null(), link);
            tasks.add_waiting(
                cell,
                Outgoing::default(),
                Patience::new(Instant::now(), Duration::MAX),
            );
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
