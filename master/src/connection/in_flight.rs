//! Which tasks were started and have not ended. Knows no network.

mod moment;
mod table;
mod turns;

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use selsyn_common::{ExecutionId, TaskStatus};
use tokio::time::Instant;

use crate::cell::SharedCell;
use crate::dispatch::Terms;
pub(crate) use moment::Moment;
use table::{Kept, Table};
use turns::Turns;

/// Ids in the queue that may wait no more before it is tidied.
const QUEUE_SLACK: usize = 64;

/// Between two looks at whose patience is over, if the first has left some: so much longer may it
/// last, as a look is at all tasks.
const GRAIN: Duration = Duration::from_millis(10);

/// Counts the sessions of a connection, from 1.
pub(crate) type Generation = u64;

/// The session of a start that waits for one.
const NONE_YET: Generation = 0;

/// A started task, until its end. What few have is kept apart: there may be a million of them.
struct Entry {
    cell: SharedCell,
    /// The session its start went to.
    sent_in: Generation,
    /// When the patience with its start is over; `None` is never, or that it was answered.
    patience: Option<Moment>,
}

impl Entry {
    const fn is_waiting(&self) -> bool {
        self.sent_in == NONE_YET
    }
}

impl Kept for Entry {
    #[inline]
    fn id(&self) -> ExecutionId {
        self.cell.id
    }
}

/// The table of started tasks.
#[derive(Default)]
pub(crate) struct InFlight {
    entries: Table<Entry>,
    /// Before this moment the patience with no start is over: one for all of them, so that a start
    /// costs no timer of its own. Found anew when it has come.
    no_sooner: Option<Moment>,
    /// When starts begin that need not look at the clock.
    pub(crate) turns: Turns,
    /// The starts that wait for a session.
    waiting: HashMap<ExecutionId, Option<Box<Terms>>>,
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

    /// Adds a task whose start goes out in this session. True when something is over
    /// [sooner](Self::next_end) than before.
    #[inline]
    pub(crate) fn add_sent(
        &mut self,
        cell: SharedCell,
        sent_in: Generation,
        patience: Option<Moment>,
    ) -> bool {
        self.entries.insert(cell.id, || Entry { cell, sent_in, patience });
        let Some(until) = patience else { return false };
        let is_sooner = self.no_sooner.is_none_or(|at| until < at);
        if is_sooner {
            self.no_sooner = Some(until);
        }
        is_sooner
    }

    /// Adds a task whose start waits for a session; true as for [`Self::add_sent`].
    pub(crate) fn add_waiting(
        &mut self,
        cell: SharedCell,
        terms: Option<Box<Terms>>,
        patience: Option<Moment>,
    ) -> bool {
        self.queue.push_back(cell.id);
        self.waiting.insert(cell.id, terms);
        self.add_sent(cell, NONE_YET, patience)
    }

    /// Takes the next start that waits; it counts as sent from here on.
    pub(crate) fn next_waiting(
        &mut self,
        sent_in: Generation,
    ) -> Option<(SharedCell, Option<Box<Terms>>)> {
        while let Some(id) = self.queue.pop_front() {
            let terms = self.waiting.remove(&id);
            if let (Some(entry), Some(terms)) = (self.entries.get_mut(id), terms) {
                entry.sent_in = sent_in;
                return Some((SharedCell::clone(&entry.cell), terms));
            }
        }
        None
    }

    pub(crate) fn get(&self, id: ExecutionId) -> Option<SharedCell> {
        self.entries.get(id).map(|entry| SharedCell::clone(&entry.cell))
    }

    /// Gives a task that was sent, which is in this session from here on.
    pub(crate) fn taken_over(&mut self, id: ExecutionId, by: Generation) -> Option<SharedCell> {
        let entry = self.entries.get_mut(id).filter(|entry| !entry.is_waiting())?;
        entry.sent_in = by;
        Some(SharedCell::clone(&entry.cell))
    }

    /// As [`Self::taken_over`]: the slave has answered the start.
    pub(crate) fn accepted(&mut self, id: ExecutionId, by: Generation) -> Option<SharedCell> {
        let entry = self.entries.get_mut(id).filter(|entry| !entry.is_waiting())?;
        (entry.sent_in, entry.patience) = (by, None);
        Some(SharedCell::clone(&entry.cell))
    }

    /// Whether the task's start still waits for a session.
    pub(crate) fn is_waiting(&self, id: ExecutionId) -> bool {
        self.waiting.contains_key(&id)
    }

    /// Notes that a task was cancelled: a session that breaks may take the word along. False when
    /// it was before, or has ended: there is nothing new to say.
    pub(crate) fn cancelled(&mut self, id: ExecutionId, reason: &str) -> bool {
        let is_news = self.entries.get(id).is_some() && !self.cancelled.contains_key(&id);
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
    #[inline(always)]
    pub(crate) fn remove(&mut self, id: ExecutionId) -> Option<SharedCell> {
        let wanted = |entry: Entry| (entry.is_waiting(), entry.cell);
        let (is_waiting, cell) = self.entries.remove(id, wanted)?;
        if is_waiting || !self.cancelled.is_empty() {
            self.forget(id, is_waiting);
        }
        Some(cell)
    }

    /// Takes a task out, and says whether its start went out in this session.
    pub(crate) fn remove_sent_in(
        &mut self,
        id: ExecutionId,
        session: Generation,
    ) -> Option<(SharedCell, bool)> {
        let is_of_session = self.entries.get(id)?.sent_in == session;
        Some((self.remove(id)?, is_of_session))
    }

    /// Forgets what is kept apart of a task that was taken out.
    #[cold]
    fn forget(&mut self, id: ExecutionId, is_waiting: bool) {
        self.cancelled.remove(&id);
        if !is_waiting {
            return;
        }
        self.waiting.remove(&id);
        if self.queue.len() > 2 * self.waiting.len() + QUEUE_SLACK {
            let waiting = &self.waiting;
            self.queue.retain(|id| waiting.contains_key(id));
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
        ends.chain(self.no_sooner.map(|at| self.turns.epoch.instant(at))).min()
    }

    /// Takes out the tasks of broken sessions whose time is over.
    pub(crate) fn take_overdue(&mut self, now: Instant) -> Vec<SharedCell> {
        let is_over = |until: &Instant| *until <= now;
        let over = self.broken.iter().filter(|(_, until)| is_over(until));
        let Some(last) = over.map(|(session, _)| *session).max() else {
            return Vec::new();
        };
        self.broken.retain(|(_, until)| !is_over(until));
        self.take_sent(last)
    }

    /// The tasks whose start has no answer, and the patience with it is over; told once.
    pub(crate) fn unanswered(&mut self, now: Instant) -> Vec<SharedCell> {
        let soon = self.turns.epoch.moment(now + GRAIN);
        let now = self.turns.epoch.moment(now);
        if self.no_sooner.is_none_or(|at| now < at) {
            return Vec::new();
        }
        let (mut overdue, mut next) = (Vec::new(), None);
        for entry in self.entries.values_mut() {
            let Some(until) = entry.patience else { continue };
            let until = if until <= now { self.turns.in_truth(until) } else { until };
            if until <= now {
                entry.patience = None;
                overdue.push(SharedCell::clone(&entry.cell));
            } else {
                entry.patience = Some(until);
                next = next.into_iter().chain([until]).min();
            }
        }
        self.turns.forget(now);
        self.no_sooner = next.map(|next: Moment| next.max(soon));
        overdue
    }

    /// Takes out every task that was sent in a session up to `last`.
    pub(crate) fn take_sent(&mut self, last: Generation) -> Vec<SharedCell> {
        self.take_if(|entry| !entry.is_waiting() && entry.sent_in <= last)
    }

    /// Takes out the tasks whose start went out in this session and has no answer.
    pub(crate) fn take_unanswered(&mut self, session: Generation) -> Vec<SharedCell> {
        self.take_if(|entry| {
            let is_sent = !entry.is_waiting() && entry.sent_in == session;
            is_sent && entry.cell.state().status == TaskStatus::Starting
        })
    }

    /// Takes out the tasks whose start still waits.
    pub(crate) fn take_waiting(&mut self) -> Vec<SharedCell> {
        self.queue.clear();
        self.take_if(Entry::is_waiting)
    }

    fn take_if(&mut self, wanted: impl Fn(&Entry) -> bool) -> Vec<SharedCell> {
        let taken = self.entries.take_if(wanted);
        let forget = |entry: Entry| {
            self.forget(entry.cell.id, entry.is_waiting());
            entry.cell
        };
        taken.into_iter().map(forget).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::cell::tests::{cell, connection};

    #[tokio::test]
    async fn starts_that_were_taken_back_leave_no_ids_in_the_queue() {
        let connection = connection().await;
        let mut tasks = InFlight::default();
        let add = |tasks: &mut InFlight| {
            let cell = cell(&connection);
            tasks.add_waiting(SharedCell::clone(&cell), None, None);
            cell.id
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

    #[tokio::test]
    async fn nobody_is_given_up_early_and_nobody_much_later() {
        let (connection, now) = (connection().await, Instant::now());
        let mut tasks = InFlight::default();
        let mut waits: Vec<u64> = vec![700, 20, 21, 45, 300, 20, 44, 1_000];
        for wait in &waits {
            let until = now + Duration::from_millis(*wait);
            let sooner = tasks.next_end().is_none_or(|next| until < next);
            let until = tasks.turns.epoch.moment(until);
            assert_eq!(tasks.add_sent(cell(&connection), 1, Some(until)), sooner);
        }
        waits.sort_unstable();
        let mut given_up = 0;
        while let Some(next) = tasks.next_end() {
            assert!(tasks.unanswered(next - Duration::from_millis(1)).is_empty());
            let early = waits.iter().filter(|wait| now + Duration::from_millis(**wait) <= next);
            given_up += tasks.unanswered(next).len();
            assert_eq!(given_up, early.count());
            let late = now + Duration::from_millis(waits[given_up - 1]) + GRAIN;
            assert!(next <= late, "{given_up}");
        }
        assert_eq!(given_up, waits.len());
    }

    #[tokio::test]
    async fn a_start_is_given_its_patience_however_long_the_turn_takes_it_began_in() {
        let (connection, now) = (connection().await, Instant::now());
        let (patience, long) = (Duration::from_secs(1), Duration::from_millis(700));
        let mut tasks = InFlight::default();
        tasks.turns.begins(now);
        let (_, until) = tasks.turns.start(patience);
        tasks.add_sent(cell(&connection), 1, until);
        tasks.turns.ends(patience, || now + long);
        let mut looks = 0;
        while tasks.unanswered(tasks.next_end().unwrap()).is_empty() {
            looks += 1;
        }
        assert_eq!((looks, tasks.next_end()), (1, None));
        let in_truth = now + long + patience;
        tasks.turns.begins(now);
        tasks.add_sent(cell(&connection), 1, until);
        tasks.turns.ends(patience, || now + long);
        assert!(tasks.unanswered(in_truth - Duration::from_millis(1)).is_empty());
        assert_eq!(tasks.unanswered(in_truth + GRAIN).len(), 1);
    }

    #[tokio::test]
    async fn starts_that_were_answered_are_not_given_up_and_waited_for_no_more() {
        let (connection, now) = (connection().await, Instant::now());
        let mut tasks = InFlight::default();
        let cells: Vec<_> = (0..4).map(|_| cell(&connection)).collect();
        let (until, later) = (now + Duration::from_millis(5), now + Duration::from_secs(10));
        let [soon, late] = [until, later].map(|at| Some(tasks.turns.epoch.moment(at)));
        for (cell, until) in cells.iter().zip([soon, None, late, late]) {
            tasks.add_sent(SharedCell::clone(cell), 1, until);
        }
        assert!(tasks.accepted(cells[0].id, 1).is_some());
        assert!(tasks.unanswered(until).is_empty());
        assert_eq!(tasks.next_end(), Some(later));
        cells[2..].iter().for_each(|cell| assert!(tasks.remove(cell.id).is_some()));
        assert!(tasks.unanswered(later).is_empty());
        assert_eq!((tasks.next_end(), tasks.len()), (None, 2));
    }
}
