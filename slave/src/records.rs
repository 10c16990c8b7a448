//! What the slave keeps of each execution, from its start until its result is taken.

mod course;
mod fill;
mod forbidden;
mod kept;
mod record;
mod spares;
mod state;
mod table;

pub(crate) use fill::Admitted;
pub(crate) use forbidden::ForbiddenIds;
pub(crate) use record::Record;
pub(crate) use spares::Spares;
pub(crate) use state::State;
pub(crate) use table::{Freed, Records};
