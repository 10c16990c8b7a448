//! Decides whether a task may run here, now or later.
//!
//! Pure: it counts, and knows neither tasks nor time. Refusing is an answer, given at once.

mod queue;
mod untaken;

use std::collections::BTreeMap;

use selsyn_common::{ErrorCode, ExecutionId, MasterId, Refusal};

use queue::{Queue, Waiter};
use untaken::Untaken;

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

/// One kind of slots, with the queues before them, one for each owner.
#[derive(Debug, Default)]
struct Pool {
    slots: usize,
    running: usize,
    queues: BTreeMap<MasterId, Queue>,
    /// Whose turn it was last.
    last: Option<MasterId>,
}

/// What waits, of one owner or of all.
#[derive(Clone, Copy, Debug, Default)]
struct Waiting {
    tasks: usize,
    bytes: usize,
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
    draining: bool,
}

impl Admission {
    pub(crate) fn new(limits: AdmissionLimits, max_payload_bytes: usize) -> Self {
        let pool = |slots| Pool { slots, ..Pool::default() };
        Self {
            limits,
            foreground: None,
            pools: [pool(limits.slots), pool(limits.blocking_slots)],
            queued: Waiting::default(),
            shares: BTreeMap::new(),
            owners: 0,
            tickets: 0,
            untaken: Untaken::new(limits, max_payload_bytes),
            draining: false,
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
        self.tickets += 1;
        let ticket = self.tickets;
        let waiter = Waiter::new(ticket, applicant.id, applicant.bytes);
        pool.queues.entry(owner).or_default().push(waiter);
        self.queued.add(waiter);
        self.shares.entry(owner).or_default().add(waiter);
        Ok(Place::Queued { blocking, ticket })
    }

    /// Whether a slot is free for it, and nothing else is in its way: mostly so, and soon said.
    fn has_slot_for(&self, applicant: Applicant) -> bool {
        let pool = &self.pools[usize::from(applicant.blocking)];
        let is_open = !self.draining && !self.limits.exclusive && self.untaken.has_room();
        is_open && applicant.placement == Placement::Background && pool.running < pool.slots
    }

    /// Says why there is no place for the applicant, if there is none; takes none.
    pub(crate) fn check(&self, applicant: Applicant) -> Result<(), Refusal> {
        self.untaken.check()?;
        if self.draining {
            return Err(Refusal::because(ErrorCode::Draining, "the slave is draining"));
        }
        if self.limits.exclusive && self.running() + self.queued() > 0 {
            let message = "the exclusive slave is running another task";
            return Err(Refusal::because(ErrorCode::SlaveBusy, message));
        }
        if applicant.placement == Placement::Foreground {
            return self.foreground.map_or(Ok(()), |holder| {
                let message = format!("the foreground is taken by {holder}");
                Err(Refusal::because(ErrorCode::ForegroundBusy, message))
            });
        }
        let pool = &self.pools[usize::from(applicant.blocking)];
        if pool.running < pool.slots { Ok(()) } else { self.check_queue(applicant) }
    }

    fn check_queue(&self, applicant: Applicant) -> Result<(), Refusal> {
        let AdmissionLimits { queue_tasks, queue_bytes, .. } = self.limits;
        let (running, Waiting { tasks, bytes }) = (self.running(), self.queued);
        if tasks >= queue_tasks {
            let message = format!("queue is full ({queue_tasks} tasks, {running} running)");
            return Err(queue_full(message));
        }
        if bytes + applicant.bytes > queue_bytes {
            let message =
                format!("queue is full ({bytes} of {queue_bytes} bytes, {running} running)");
            return Err(queue_full(message));
        }
        self.check_share(applicant)
    }

    /// An owner may fill the queue while it is alone. Where several are connected, none may hold
    /// more than its equal share.
    fn check_share(&self, applicant: Applicant) -> Result<(), Refusal> {
        let owners = self.owners.max(1);
        let share = self.shares.get(&applicant.owner).copied().unwrap_or_default();
        let tasks = self.limits.queue_tasks.div_ceil(owners);
        let bytes = self.limits.queue_bytes.div_ceil(owners);
        if share.tasks < tasks && (share.tasks == 0 || share.bytes + applicant.bytes <= bytes) {
            return Ok(());
        }
        let message = format!(
            "this master's share of the queue is full ({} tasks and {} bytes of {tasks} and {bytes}; \
             {owners} masters share it, {} running)",
            share.tasks,
            share.bytes,
            self.running()
        );
        Err(queue_full(message))
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

    /// A result of so many bytes is kept until its master takes it.
    pub(crate) const fn keep(&mut self, bytes: usize) {
        self.untaken.add(bytes);
    }

    /// So many results, of so many bytes, are kept no more.
    pub(crate) const fn freed(&mut self, results: usize, bytes: usize) {
        self.untaken.remove(results, bytes);
    }

    /// Notes how many masters are connected: they share the queue.
    pub(crate) const fn set_owners(&mut self, owners: usize) {
        self.owners = owners;
    }

    /// Refuses everything from here on; what has a place keeps it.
    pub(crate) const fn drain(&mut self) {
        self.draining = true;
    }

    pub(crate) const fn is_draining(&self) -> bool {
        self.draining
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

impl Pool {
    /// Takes the oldest task of the owner whose turn it is.
    fn next(&mut self) -> Option<(MasterId, Waiter)> {
        use std::ops::Bound::{Excluded, Unbounded};
        let after = |last| self.queues.range((Excluded(last), Unbounded)).next();
        let (owner, _) = self.last.and_then(after).or_else(|| self.queues.first_key_value())?;
        let owner = *owner;
        self.last = Some(owner);
        let taken = self.take(owner, Queue::pop)?;
        Some((owner, taken))
    }

    fn withdraw(&mut self, owner: MasterId, ticket: u64) -> Option<Waiter> {
        self.take(owner, |queue| queue.withdraw(ticket))
    }

    /// Takes a task out of its owner's queue, which goes with its last one.
    fn take(
        &mut self,
        owner: MasterId,
        take: impl FnOnce(&mut Queue) -> Option<Waiter>,
    ) -> Option<Waiter> {
        let queue = self.queues.get_mut(&owner)?;
        let taken = take(queue);
        if queue.is_empty() {
            self.queues.remove(&owner);
        }
        taken
    }
}

impl Waiting {
    const fn add(&mut self, waiter: Waiter) {
        self.tasks += 1;
        self.bytes += waiter.bytes();
    }

    const fn remove(&mut self, waiter: Waiter) {
        self.tasks -= 1;
        self.bytes -= waiter.bytes();
    }
}

fn queue_full(message: String) -> Refusal {
    Refusal::because(ErrorCode::QueueFull, message).with_retry_after(crate::config::QUEUE_PAUSE)
}

#[cfg(test)]
#[path = "admission_tests.rs"]
mod tests;
