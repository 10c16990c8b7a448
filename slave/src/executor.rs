//! Takes a start to its end: admission, hook, run, verdict.

mod admit;
mod ask;
mod cancel;
mod clock;
mod detached;
mod end;
mod in_place;
mod initialize;
mod ladder;
mod queue;
mod request;
mod retell;
mod round;
mod run;
mod slot;

pub(crate) use admit::{may_admit, start};
pub(crate) use cancel::{cancel, short_reason};
use clock::Clock;
pub(crate) use clock::Epoch;
pub(crate) use detached::start_detached;
pub(crate) use ladder::ask_to_stop;
pub(crate) use queue::{drop_queued, move_queued};
pub(crate) use request::{MAX_LABELS, Particulars, Request};
pub(crate) use retell::hand_over;
pub(crate) use round::Round;
