//! What is done in one go for the frames of one batch.

use std::sync::Arc;

use tokio::time::Instant;

use super::Clock;
use crate::core::Core;
use crate::session::{Ahead, Session};

/// The frames of one batch are being dealt with: what each of them needs is done once for all.
#[derive(Debug)]
pub(crate) struct Round<'a> {
    pub(super) core: &'a Arc<Core>,
    pub(super) session: &'a Arc<Session>,
    pub(super) clock: Clock,
    pub(super) ahead: Ahead<'a>,
}

impl<'a> Round<'a> {
    /// A batch of this session has come at this moment.
    pub(crate) fn new(core: &'a Arc<Core>, session: &'a Arc<Session>, came: Instant) -> Self {
        Self { core, session, clock: Clock::new(core.epoch, came), ahead: session.ahead() }
    }

    /// Something else was done than to run a task right here.
    pub(crate) const fn passes(&mut self) {
        self.clock.passes();
    }
}
