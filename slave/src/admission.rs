//! Decides whether a task may run here, now or later.
//!
//! Pure: it counts, and knows neither tasks nor time. Refusing is an answer, given at once.

mod check;
mod environment;
mod lease;
mod line;
mod pool;
mod queue;
mod untaken;
mod waiting;

use std::collections::BTreeMap;
use std::sync::Arc;

use selsyn_common::{ExecutionId, MasterId, Refusal};

pub(crate) use environment::Doors;
pub(crate) use lease::Lease;
pub(crate) use line::InLine;
use pool::Pool;
use queue::{STEP, Waiter};
use untaken::Untaken;
use waiting::Waiting;

/// In front of the first ticket is room for as many as will ever be moved there, and behind it for
/// more than will ever come.
const FIRST_TICKET: u64 = 1 << 62;

/// Where an execution runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placement {
    /// Beside others, in a slot.
    Background,
    /// Alone in front.
    Foreground,
}

/// How many may run and wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AdmissionLimits {
    pub(crate) slots: usize,
    pub(crate) blocking_slots: usize,
    pub(crate) queue_tasks: usize,
    pub(crate) queue_bytes: usize,
    pub(crate) exclusive: bool,
}

/// What admission needs to know of a task.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Applicant {
    pub(crate) id: ExecutionId,
    pub(crate) owner: MasterId,
    pub(crate) placement: Placement,
    pub(crate) blocking: bool,
    pub(crate) bytes: usize,
}

/// What an accepted execution holds; given back exactly once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The one place in front.
    Foreground,
    /// A slot.
    Slot { blocking: bool },
    /// A place in the queue of its owner.
    Queued { blocking: bool, ticket: u64 },
}

/// Counts what runs and what waits on one slave.
#[derive(Debug)]
pub(crate) struct Admission {
    limits: AdmissionLimits,
    foreground: Option<ExecutionId>,
    pools: [Pool; 2],
    queued: Waiting,
    shares: BTreeMap<MasterId, Waiting>,
    /// Masters that are connected.
    owners: usize,
    tickets: u64,
    untaken: Untaken,
    doors: Doors,
    /// How many are at it to close the doors.
    closers: usize,
    /// Executions that have ended, but for those that [leases](Lease) count.
    completions: u64,
    /// Those that there are: at most one a thread.
    leases: Vec<Arc<lease::Word>>,
}

impl Admission {
    pub(crate) fn new(limits: AdmissionLimits, max_payload_bytes: usize) -> Self {
        Self {
            limits,
            foreground: None,
            pools: [Pool::new(limits.slots), Pool::new(limits.blocking_slots)],
            queued: Waiting::default(),
            shares: BTreeMap::new(),
            owners: 0,
            tickets: FIRST_TICKET,
            untaken: Untaken::new(limits, max_payload_bytes),
            doors: Doors::Open,
            closers: 0,
            completions: 0,
            leases: Vec::new(),
        }
    }

    /// Gives the applicant a place, or says why there is none.
    pub(crate) fn apply(&mut self, applicant: Applicant) -> Result<Place, Refusal> {
        if !self.has_slot_for(applicant) {
            self.check(applicant)?;
        }
        let Applicant { owner, blocking, .. } = applicant;
        if applicant.placement == Placement::Foreground {
            self.foreground = Some(applicant.id);
            return Ok(Place::Foreground);
        }
        let pool = &mut self.pools[usize::from(blocking)];
        if pool.running < pool.slots {
            pool.running += 1;
            return Ok(Place::Slot { blocking });
        }
        self.tickets += STEP;
        let ticket = self.tickets;
        let waiter = Waiter::new(ticket, applicant.id, applicant.bytes);
        pool.queues.entry(owner).or_default().push(waiter);
        self.queued.add(waiter);
        self.shares.entry(owner).or_default().add(waiter);
        if !blocking {
            self.call_back();
        }
        Ok(Place::Queued { blocking, ticket })
    }

    /// Takes a place back from its owner. A freed slot goes to the next owner's task that has
    /// waited longest; it is named.
    #[inline(always)]
    pub(crate) fn release(
        &mut self,
        place: Place,
        owner: MasterId,
    ) -> Option<(ExecutionId, Place)> {
        match place {
            Place::Foreground => self.foreground = None,
            Place::Queued { blocking, ticket } => self.withdraw(owner, blocking, ticket),
            Place::Slot { .. } => return self.pass_on(place),
        }
        None
    }

    fn withdraw(&mut self, owner: MasterId, blocking: bool, ticket: u64) {
        if let Some(waiter) = self.pools[usize::from(blocking)].withdraw(owner, ticket) {
            self.left_queue(owner, waiter);
        }
    }

    /// Gives a slot to the next owner's task that has waited longest, which is named.
    #[inline(always)]
    pub(crate) fn pass_on(&mut self, slot: Place) -> Option<(ExecutionId, Place)> {
        let Place::Slot { blocking } = slot else { return None };
        let pool = &mut self.pools[usize::from(blocking)];
        if pool.queues.is_empty() {
            pool.running -= 1;
            return None;
        }
        self.give(slot, blocking)
    }

    fn give(&mut self, slot: Place, blocking: bool) -> Option<(ExecutionId, Place)> {
        let (owner, next) = self.pools[usize::from(blocking)].next()?;
        self.left_queue(owner, next);
        Some((next.id, slot))
    }

    fn left_queue(&mut self, owner: MasterId, waiter: Waiter) {
        self.queued.remove(waiter);
        if let Some(share) = self.shares.get_mut(&owner) {
            share.remove(waiter);
            if share.tasks == 0 {
                self.shares.remove(&owner);
            }
        }
    }

    /// An execution has ended; its result of so many bytes is kept until its master takes it.
    pub(crate) fn keep(&mut self, bytes: usize) {
        self.untaken.add(1, bytes);
        self.completions += 1;
    }

    /// So many results, of so many bytes, are kept no more.
    pub(crate) fn freed(&mut self, results: usize, bytes: usize) {
        self.untaken.remove(results, bytes);
    }

    /// Notes how many masters are connected: they share the queue.
    pub(crate) const fn set_owners(&mut self, owners: usize) {
        self.owners = owners;
    }

    /// Refuses everything from here on; what has a place keeps it.
    pub(crate) fn drain(&mut self) {
        self.doors = Doors::Draining;
        self.call_back();
    }

    pub(crate) const fn is_draining(&self) -> bool {
        matches!(self.doors, Doors::Draining)
    }

    /// Executions that hold a slot or the foreground.
    pub(crate) fn running(&self) -> usize {
        let slots: usize = self.pools.iter().map(|pool| pool.running).sum();
        slots + usize::from(self.foreground.is_some())
    }

    /// Tasks that wait for a slot.
    pub(crate) fn queued(&self) -> usize {
        self.queued.tasks
    }
}

#[cfg(test)]
#[path = "admission_tests.rs"]
mod tests;
