//! Takes a start to its end: admission, hook, run, verdict.

mod admit;
mod ask;
mod cancel;
mod clock;
mod end;
mod in_place;
mod initialize;
mod ladder;
mod request;
mod retell;
mod run;
mod slot;

pub(crate) use admit::{may_admit, start};
pub(crate) use cancel::cancel;
pub(crate) use clock::{Clock, Epoch};
pub(crate) use ladder::ask_to_stop;
pub(crate) use request::Request;
pub(crate) use retell::hand_over;
