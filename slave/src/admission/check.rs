//! Why there is no place for a task.

use selsyn_common::{ErrorCode, Refusal};

use super::waiting::Waiting;
use super::{Admission, AdmissionLimits, Applicant, Doors, Placement};

impl Admission {
    /// Whether a slot is free for it, and nothing else is in its way: mostly so, and soon said.
    pub(super) fn has_slot_for(&self, applicant: Applicant) -> bool {
        let pool = &self.pools[usize::from(applicant.blocking)];
        let is_open =
            self.doors == Doors::Open && !self.limits.exclusive && self.untaken.has_room();
        is_open && applicant.placement == Placement::Background && pool.running < pool.slots
    }

    /// Says why there is no place for the applicant, if there is none; takes none.
    pub(crate) fn check(&self, applicant: Applicant) -> Result<(), Refusal> {
        self.untaken.check()?;
        self.check_doors()?;
        if self.limits.exclusive && self.running() + self.queued() > 0 {
            let message = "the exclusive slave is running another task";
            return Err(Refusal::because(ErrorCode::SlaveBusy, message));
        }
        if applicant.placement == Placement::Foreground {
            return self.foreground.map_or(Ok(()), |holder| {
                let message = format!(
                    "the slave has to be idle, and is executing_task: the foreground is taken by {holder}"
                );
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
}

fn queue_full(message: String) -> Refusal {
    Refusal::because(ErrorCode::QueueFull, message).with_retry_after(crate::config::QUEUE_PAUSE)
}
