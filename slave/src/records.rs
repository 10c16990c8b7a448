//! What the slave keeps of each execution, from its start until its result is taken.

mod forbidden;
mod record;
mod table;

pub(crate) use forbidden::ForbiddenIds;
pub(crate) use record::{Record, State};
pub(crate) use table::{Freed, Records};
