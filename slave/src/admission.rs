//! Decides whether a task may run here, now or later.
//!
//! Pure: it counts, and knows neither tasks nor time. Refusing is an answer, given at once.

use std::collections::BTreeMap;

use selsyn_common::{ErrorCode, ExecutionId, Refusal};

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
    /// A place in the queue.
    Queued { blocking: bool, ticket: u64 },
}

/// One kind of slots, with the queue before them.
#[derive(Debug, Default)]
struct Pool {
    slots: usize,
    running: usize,
    queue: BTreeMap<u64, Applicant>,
}

/// Counts what runs and what waits on one slave.
#[derive(Debug)]
pub(crate) struct Admission {
    limits: AdmissionLimits,
    foreground: Option<ExecutionId>,
    pools: [Pool; 2],
    queued_bytes: usize,
    tickets: u64,
    draining: bool,
}

impl Admission {
    pub(crate) fn new(limits: AdmissionLimits) -> Self {
        let pool = |slots| Pool { slots, ..Pool::default() };
        Self {
            limits,
            foreground: None,
            pools: [pool(limits.slots), pool(limits.blocking_slots)],
            queued_bytes: 0,
            tickets: 0,
            draining: false,
        }
    }

    /// Gives the applicant a place, or says why there is none.
    pub(crate) fn apply(&mut self, applicant: Applicant) -> Result<Place, Refusal> {
        if self.draining {
            return Err(Refusal::because(ErrorCode::Draining, "the slave is draining"));
        }
        if self.limits.exclusive && self.running() + self.queued() > 0 {
            let message = "the exclusive slave is running another task";
            return Err(Refusal::because(ErrorCode::SlaveBusy, message));
        }
        match applicant.placement {
            Placement::Foreground => self.apply_in_front(applicant),
            Placement::Background => self.apply_behind(applicant),
        }
    }

    fn apply_in_front(&mut self, applicant: Applicant) -> Result<Place, Refusal> {
        if let Some(holder) = self.foreground {
            let message = format!("the foreground is taken by {holder}");
            return Err(Refusal::because(ErrorCode::ForegroundBusy, message));
        }
        self.foreground = Some(applicant.id);
        Ok(Place::Foreground)
    }

    fn apply_behind(&mut self, applicant: Applicant) -> Result<Place, Refusal> {
        let blocking = applicant.blocking;
        let pool = &mut self.pools[usize::from(blocking)];
        if pool.running < pool.slots {
            pool.running += 1;
            return Ok(Place::Slot { blocking });
        }
        self.check_queue(applicant)?;
        self.tickets += 1;
        self.queued_bytes += applicant.bytes;
        let ticket = self.tickets;
        self.pools[usize::from(blocking)].queue.insert(ticket, applicant);
        Ok(Place::Queued { blocking, ticket })
    }

    fn check_queue(&self, applicant: Applicant) -> Result<(), Refusal> {
        let AdmissionLimits { queue_tasks, queue_bytes, .. } = self.limits;
        let running = self.running();
        if self.queued() >= queue_tasks {
            let message = format!("queue is full ({queue_tasks} tasks, {running} running)");
            return Err(queue_full(message));
        }
        if self.queued_bytes + applicant.bytes > queue_bytes {
            let held = self.queued_bytes;
            let message =
                format!("queue is full ({held} of {queue_bytes} bytes, {running} running)");
            return Err(queue_full(message));
        }
        Ok(())
    }

    /// Takes a place back. A freed slot goes to the task that has waited longest; it is named.
    pub(crate) fn release(&mut self, place: Place) -> Option<(ExecutionId, Place)> {
        match place {
            Place::Foreground => {
                self.foreground = None;
                None
            }
            Place::Queued { blocking, ticket } => {
                let withdrawn = self.pools[usize::from(blocking)].queue.remove(&ticket);
                self.queued_bytes -= withdrawn.map_or(0, |applicant| applicant.bytes);
                None
            }
            Place::Slot { blocking } => self.pass_on(blocking),
        }
    }

    fn pass_on(&mut self, blocking: bool) -> Option<(ExecutionId, Place)> {
        let pool = &mut self.pools[usize::from(blocking)];
        let Some((_, next)) = pool.queue.pop_first() else {
            pool.running -= 1;
            return None;
        };
        self.queued_bytes -= next.bytes;
        Some((next.id, Place::Slot { blocking }))
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
        self.pools.iter().map(|pool| pool.queue.len()).sum()
    }
}

fn queue_full(message: String) -> Refusal {
    Refusal::because(ErrorCode::QueueFull, message).with_retry_after(crate::config::QUEUE_PAUSE)
}

#[cfg(test)]
#[path = "admission_tests.rs"]
mod tests;
