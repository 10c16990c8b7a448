//! What lets the inline runs of one batch follow each other in one slot, and count their results
//! together: to ask for a slot, and to give it back, costs a good part of a small task.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::environment::Doors;
use super::{Admission, AdmissionLimits};

/// Results that a lease has room for: whoever has used it up asks again, so that many leases that
/// are filled at once are no more than so many tasks that run at once.
const MAX_RESULTS: usize = 64;

/// Bytes of results that a lease has room for.
const MAX_BYTES: usize = 256 * 1024;

/// Lets its holder keep a slot from one run to the next, and count what ends in it without asking.
/// Both end when it is called back.
#[derive(Debug)]
pub(crate) struct Lease {
    word: Arc<Word>,
    results: usize,
    bytes: usize,
}

/// What a holder and admission tell each other without a lock.
#[derive(Debug, Default)]
pub(super) struct Word {
    /// Executions that have ended under the lease; only its holder writes it.
    ended: AtomicU64,
    /// Somebody waits for a slot, or nobody is let in any more.
    is_called_back: AtomicBool,
}

impl Lease {
    /// Whether another task may be let in under it.
    #[inline]
    pub(crate) fn goes_on(&self) -> bool {
        self.results < MAX_RESULTS
            && self.bytes < MAX_BYTES
            && !self.word.is_called_back.load(Ordering::Acquire)
    }

    /// An execution has ended; its result of so many bytes is kept until its master takes it.
    #[inline]
    pub(crate) fn keep(&mut self, bytes: usize) {
        self.results += 1;
        self.bytes += bytes;
        self.word.ended.store(self.results as u64, Ordering::Release);
    }
}

impl Admission {
    /// A lease for whoever has a slot of an async task, if nobody else waits for one, and nothing
    /// may have to be refused because of it. To be [ended](Self::end_lease) soon.
    pub(crate) fn lease(&mut self) -> Option<Lease> {
        let AdmissionLimits { exclusive, queue_tasks, .. } = self.limits;
        let leases = self.leases.len() + 1;
        let has_room = self.untaken.has_room_for(leases * MAX_RESULTS, leases * MAX_BYTES);
        // Where nothing can wait, a slot that is kept would refuse others.
        let is_free = !exclusive && queue_tasks > 0 && self.pools[0].queues.is_empty();
        if self.doors != Doors::Open || !is_free || !has_room {
            return None;
        }
        let word = Arc::<Word>::default();
        self.leases.push(Arc::clone(&word));
        Some(Lease { word, results: 0, bytes: 0 })
    }

    /// Counts what has ended under a lease. The slot, if its holder has one, is still the holder's.
    pub(crate) fn end_lease(&mut self, lease: Lease) {
        let Lease { word, results, bytes } = lease;
        self.leases.retain(|other| !Arc::ptr_eq(other, &word));
        self.untaken.add(results, bytes);
        self.completions += results as u64;
    }

    /// Has all leases end: at the end of the runs that are under way.
    pub(super) fn call_back(&self) {
        for word in &self.leases {
            word.is_called_back.store(true, Ordering::Release);
        }
    }

    /// Executions that have ended under leases.
    pub(super) fn ended_under_leases(&self) -> u64 {
        self.leases.iter().map(|word| word.ended.load(Ordering::Acquire)).sum()
    }
}

#[cfg(test)]
mod tests {
    use selsyn_common::{ErrorCode, ExecutionId, MasterId, TaskId};

    use super::super::{Applicant, Place, Placement};
    use super::*;

    const LIMITS: AdmissionLimits = AdmissionLimits {
        slots: 1,
        blocking_slots: 1,
        queue_tasks: 3,
        queue_bytes: 1_000_000,
        exclusive: false,
    };

    fn applicant(number: u8) -> Applicant {
        Applicant {
            id: ExecutionId::first(TaskId::from_random([number; 16])),
            owner: owner(),
            placement: Placement::Background,
            blocking: false,
            bytes: 10,
        }
    }

    fn owner() -> MasterId {
        MasterId::from_random([0; 16])
    }

    /// A slave whose slot somebody has under a lease.
    fn leased() -> (Admission, Place, Lease) {
        let mut admission = Admission::new(LIMITS, 1_000);
        let slot = admission.apply(applicant(1)).unwrap();
        let lease = admission.lease().unwrap();
        (admission, slot, lease)
    }

    #[test]
    fn what_ended_under_a_lease_is_a_completion_at_once_and_never_twice() {
        let (mut admission, _, mut lease) = leased();
        admission.keep(5);
        for _ in 0..3 {
            lease.keep(7);
        }
        assert_eq!(admission.completions(), 4);
        admission.end_lease(lease);
        assert_eq!(admission.completions(), 4);
        assert_eq!(admission.running(), 1, "the slot is still its holder's");
    }

    #[test]
    fn who_waits_for_a_slot_calls_leases_back_and_is_given_it() {
        let (mut admission, slot, lease) = leased();
        assert!(lease.goes_on());
        let waiting = applicant(2);
        assert!(matches!(admission.apply(waiting), Ok(Place::Queued { .. })));
        assert!(!lease.goes_on());
        assert!(admission.lease().is_none(), "somebody waits");
        admission.end_lease(lease);
        assert_eq!(admission.release(slot, owner()), Some((waiting.id, slot)));
    }

    #[test]
    fn closing_and_draining_call_leases_back() {
        let close: fn(&mut Admission) = |admission| admission.begin_close(false).unwrap();
        for shut in [close, Admission::drain] {
            let (mut admission, _, lease) = leased();
            shut(&mut admission);
            assert!(!lease.goes_on());
            assert!(admission.lease().is_none());
        }
    }

    #[test]
    fn a_lease_has_room_for_so_many_results_and_bytes() {
        let (_, _, mut lease) = leased();
        for _ in 0..MAX_RESULTS {
            assert!(lease.goes_on());
            lease.keep(1);
        }
        assert!(!lease.goes_on());
        let (_, _, mut lease) = leased();
        lease.keep(MAX_BYTES);
        assert!(!lease.goes_on());
    }

    #[test]
    fn where_results_could_become_too_many_there_is_no_lease() {
        let (mut admission, _, lease) = leased();
        admission.keep(LIMITS.queue_bytes - 2 * MAX_BYTES);
        assert!(admission.lease().is_some_and(|lease| lease.goes_on()));
        assert!(admission.lease().is_none(), "there are two");
        admission.end_lease(lease);
        admission.keep(3 * MAX_BYTES);
        assert!(admission.lease().is_none());
        assert_eq!(admission.apply(applicant(2)).unwrap_err().reason, ErrorCode::QueueFull);
    }

    #[test]
    fn where_nothing_can_wait_there_is_no_lease() {
        let no_queue = AdmissionLimits { queue_tasks: 0, ..LIMITS };
        for limits in [no_queue, AdmissionLimits { exclusive: true, ..LIMITS }] {
            assert!(Admission::new(limits, 1_000).lease().is_none());
        }
    }

    #[test]
    fn a_result_may_be_taken_before_its_lease_has_ended() {
        let (mut admission, slot, mut lease) = leased();
        lease.keep(7);
        admission.freed(1, 7);
        admission.end_lease(lease);
        admission.release(slot, owner());
        admission.keep(LIMITS.queue_bytes + 1_000);
        let refusal = admission.apply(applicant(2)).unwrap_err();
        assert!(refusal.message.starts_with("1 results (1001000 bytes)"), "{refusal}");
    }
}
