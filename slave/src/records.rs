//! What the slave keeps of each execution: until its result is taken, and then for a while.

mod course;
mod fill;
mod forbidden;
mod gone;
mod kept;
mod log;
mod record;
mod retention;
mod spares;
mod state;
mod table;

pub(crate) use fill::Admitted;
pub(crate) use forbidden::ForbiddenIds;
pub(crate) use log::{EventBytes, LogLimits, Logs, Reading};
pub(crate) use record::{Record, RecordRef};
pub(crate) use retention::{Retention, RetentionLimits};
pub(crate) use spares::{Found, Known, Spares};
pub(crate) use state::State;
pub(crate) use table::{Freed, Records, TakenResults};
