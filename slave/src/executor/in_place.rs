//! Runs an inline function on the session's task, up to its first pause.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use tracing::warn;

use super::Round;
use super::end::{ended, returned};
use super::run;
use crate::execution::FunctionExecution;
use crate::function::{Body, First, KeptRoom};
use crate::lifecycle::End;
use crate::panics::panicked;
use crate::records::{Known, RecordRef};
use crate::registry::Registered;
use crate::session::Leaves;

/// A first poll longer than this, in microseconds, was no short step: the network waited for it.
const LONG_POLL: u64 = 1_000;

/// Polls a run that has begun once; what is pending then moves to the function runtime. Accepted
/// and Running are not said for one that ends here: its verdict says so too.
pub(super) fn run_here(round: &mut Round<'_>, known: &mut Known, record: RecordRef) {
    let Known { function, room } = known;
    let (core, clock) = (round.core, &mut round.clock);
    let closely = function.is_watched();
    let began = if closely { clock.read() } else { clock.now() };
    let mut polled = None;
    let record = first_poll(function, room, record, &mut polled);
    let now = clock.read();
    let took = now.saturating_sub(began);
    if took > LONG_POLL {
        long_poll(function, closely, Duration::from_micros(took));
    }
    match polled {
        Some(First::Ended(Ok(value))) => {
            returned(core, &record, value, now, Some(round));
        }
        Some(First::Ended(Err(failure))) => {
            // It overtakes nobody who ended before.
            round.say_verdicts();
            ended(core, &record, End::Error(*failure), now, Leaves::WithBatch);
        }
        Some(First::Paused(rest)) => {
            record.begins(Leaves::WithBatch);
            core.spawn_function(run::rest(core, &record, rest));
        }
        None => unreachable!("a poll that gives nothing has panicked, and gives that"),
    }
}

/// A poll that was measured closely was long. Another one may have been: the thread may have lost
/// its core a little before, so that the next ones are measured closely.
fn long_poll(function: &Registered, closely: bool, took: Duration) {
    if !closely {
        function.watch();
    } else if function.strike() {
        let name = &function.name;
        warn!(function = %name, ?took, "an inline function held up the network; it runs elsewhere from now on");
    }
}

/// Polls it in its scope, and gives the record back: each further handle costs all cores a cache
/// line. What the poll gives is written where it is read: to move it takes longer than to make it.
fn first_poll(
    function: &Registered,
    room: &mut KeptRoom,
    record: RecordRef,
    polled: &mut Option<First>,
) -> RecordRef {
    let Body::Async(body) = &*function.function.body else {
        unreachable!("a blocking function is never begun in place")
    };
    let execution = FunctionExecution::new(record);
    let given = execution.clone();
    let span = run::enter_span(&execution);
    let poll = AssertUnwindSafe(|| *polled = Some(room.first_poll(body, given)));
    let (execution, caught) = execution.lent_to_scope(|| catch_unwind(poll));
    drop(span);
    if let Err(panic) = caught {
        *polled = Some(First::Ended(Err(Box::new(panicked(panic.as_ref())))));
    }
    execution.into_record()
}
