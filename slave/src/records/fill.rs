//! Makes the record of a start, and makes it blank again.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use selsyn_common::link::batch::MAX_BATCH_BYTES;
use selsyn_common::{ExecutionId, Payload, TaskId};
use tokio::time::Instant;

use super::{Record, State};
use crate::admission::{Place, Placement};
use crate::executor::Request;
use crate::registry::Registered;
use crate::session::Session;

/// Data up to this size is copied out of the buffer that it was read into before it is parked: a
/// few bytes would keep the whole buffer. Larger data is worth its buffer.
const COPIED: usize = 8 * 1024;

/// What admission says of a start.
pub(crate) struct Admitted {
    pub(crate) place: Place,
    /// When it came.
    pub(crate) came: u64,
    /// When its first instruction runs, if it does right here.
    pub(crate) begins: Option<u64>,
    /// The moment it is ended at the latest, as far as is known.
    pub(crate) deadline: Option<Instant>,
    /// Bytes of the buffer that its data was read into, as far as is known.
    pub(crate) buffer: usize,
}

/// A size in steps of what a common batch has, rounded up, one at the least; a stranger's is at most
/// 64 of them.
fn in_steps(bytes: usize) -> u8 {
    u8::try_from(bytes.div_ceil(MAX_BATCH_BYTES).max(1)).unwrap_or(u8::MAX)
}

impl Record {
    /// A record that is still to be [filled](Self::fill).
    pub(super) fn blank(function: Arc<Registered>, origin: &Arc<Session>) -> Self {
        Self {
            id: ExecutionId::first(TaskId::from_random([0; 16])),
            placement: Placement::Background,
            asked: AtomicBool::new(false),
            awaited: AtomicBool::new(false),
            function,
            data: Payload::null(),
            pinned: 0,
            origin: Arc::clone(origin),
            state: Mutex::new(State::new(Place::Foreground, 0)),
        }
    }

    /// Makes a blank record that of a start.
    #[inline(always)]
    pub(super) fn fill(
        &mut self,
        function: &Arc<Registered>,
        request: Request,
        admitted: Admitted,
    ) {
        let Admitted { place, came, begins, deadline, buffer } = admitted;
        if !Arc::ptr_eq(&self.function, function) {
            self.function = Arc::clone(function);
        }
        (self.id, self.placement, self.data) = (request.id, request.placement, request.data);
        let state = self.state_mut();
        state.renew(place, came);
        if let Some(now) = begins {
            state.begin_here(now);
        }
        if deadline.is_some() || request.particulars.is_some() {
            state.limit(deadline);
            state.set_particulars(request.particulars);
        }
        self.pinned = 0;
        match begins {
            Some(_) => self.pinned = in_steps(buffer),
            None if self.data.len() > COPIED => self.pinned = in_steps(buffer),
            None => self.unpin_data(),
        }
    }

    /// Makes it a blank one that can be used again.
    #[inline(always)]
    pub(super) fn clear(&mut self) {
        self.data = Payload::null();
        // Nobody is left to look, or to wait.
        (self.asked, self.awaited) = (AtomicBool::new(false), AtomicBool::new(false));
        self.state_mut().clear();
    }

    /// Copies small data out of the buffer that it came in, as it will wait: for its hook, for a
    /// slot, or for a thread. A run that begins right here needs none: slots bound how many of
    /// them pause, and one that is kept for a while counts with its buffer.
    fn unpin_data(&mut self) {
        let copy = Bytes::copy_from_slice(self.data.as_bytes());
        self.data = Payload::from_parts(self.data.kind(), copy);
    }
}
