//! What happened to every task, and the check of it: invariants of spec and plan by name.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, MutexGuard};

use selsyn::{Outcome, Ran, TaskStatus};

/// Shared by the master, the slaves and the functions of one simulation. In order of time.
#[derive(Clone, Default)]
pub(crate) struct History(Arc<Mutex<Told>>);

#[derive(Default)]
struct Told {
    trace: String,
    tasks: BTreeMap<u32, Fate>,
}

/// What became of one task, by its number.
#[derive(Default)]
struct Fate {
    runs: u32,
    callbacks: u32,
    /// START_FAILED, with whether it ran.
    refused: Option<Ran>,
    ended: Option<(TaskStatus, Option<Ran>)>,
}

impl History {
    /// Adds a line to the trace, with the simulated time.
    pub(crate) fn note(&self, what: impl std::fmt::Display) {
        self.note_at(turmoil::sim_elapsed().unwrap_or_default().as_secs_f64(), what);
    }

    /// As [`Self::note`], from outside the simulated hosts.
    pub(crate) fn note_at(&self, seconds: f64, what: impl std::fmt::Display) {
        writeln!(self.told().trace, "[{seconds:9.3} s] {what}").unwrap();
    }

    pub(crate) fn ran(&self, task: u32) {
        self.note(format_args!("task {task} runs"));
        self.told().tasks.entry(task).or_default().runs += 1;
    }

    pub(crate) fn told_back(&self, task: u32) {
        self.told().tasks.entry(task).or_default().callbacks += 1;
    }

    pub(crate) fn refused(&self, task: u32, ran: Ran, code: &str) {
        self.note(format_args!("task {task} is not started: {code}, ran: {ran}"));
        self.told().tasks.entry(task).or_default().refused = Some(ran);
    }

    /// The outcome, whose value must be the task's own data.
    pub(crate) fn ended(&self, task: u32, outcome: &Outcome) {
        self.note(format_args!("task {task} ends {}", outcome.status));
        if let Some(value) = outcome.value() {
            assert_eq!(value.to::<u32>().unwrap(), task, "a result is bound to its task");
        }
        let ran = outcome.failure().map(|failure| failure.ran);
        self.told().tasks.entry(task).or_default().ended = Some((outcome.status, ran));
    }

    /// One line an event, in order of time; what happens in the same millisecond, by name: tables
    /// give up what they hold in no order.
    pub(crate) fn trace(&self) -> String {
        let told = self.told();
        let mut lines: Vec<&str> = told.trace.lines().collect();
        lines.sort_unstable();
        lines.into_iter().flat_map(|line| [line, "\n"]).collect()
    }

    /// How many tasks ended like this.
    pub(crate) fn ended_as(&self, status: TaskStatus) -> usize {
        let told = self.told();
        let ends = told.tasks.values().filter_map(|fate| fate.ended);
        ends.filter(|(ended, _)| *ended == status).count()
    }

    /// Panics with the trace when an invariant does not hold.
    pub(crate) fn check(&self, tasks: u32) {
        let told = self.told();
        for task in 0..tasks {
            let problem = match told.tasks.get(&task) {
                Some(fate) => fate.problem(),
                None => Some("JoinReturns: nobody knows of it"),
            };
            if let Some(problem) = problem {
                let trace = told.trace.clone();
                drop(told);
                panic!("task {task}: {problem}\n{trace}");
            }
        }
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.0.lock().unwrap()
    }
}

impl Fate {
    fn problem(&self) -> Option<&'static str> {
        let Self { runs, callbacks, refused, ended } = self;
        if *runs > 1 {
            return Some("AtMostOnceStart: its function ran twice");
        }
        match (refused, ended) {
            (None, None) => Some("JoinReturns: it neither failed to start nor ended"),
            (Some(_), Some(_)) => Some("VerdictOnce: it was refused and ended"),
            (Some(Ran::No), None) if *runs > 0 => Some("StartFailedIsFinal: it ran all the same"),
            (Some(_), None) if *callbacks > 0 => Some("CallbackOnce: it was never started"),
            (None, Some(_)) if *callbacks != 1 => Some("CallbackOnce: not exactly one callback"),
            (None, Some((TaskStatus::Completed, _))) if *runs == 0 => {
                Some("NoSilentRerun: completed without a run")
            }
            (None, Some((_, Some(Ran::No)))) if *runs > 0 => Some("it is said not to have run"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPLETED: Option<(TaskStatus, Option<Ran>)> = Some((TaskStatus::Completed, None));
    const LOST: Option<(TaskStatus, Option<Ran>)> = Some((TaskStatus::Lost, Some(Ran::Unknown)));

    fn fate(
        runs: u32,
        callbacks: u32,
        refused: Option<Ran>,
        ended: Option<(TaskStatus, Option<Ran>)>,
    ) -> Fate {
        Fate { runs, callbacks, refused, ended }
    }

    #[test]
    fn good_histories_pass() {
        for good in [
            fate(1, 1, None, COMPLETED),
            fate(1, 1, None, LOST),
            fate(0, 1, None, LOST),
            fate(0, 0, Some(Ran::No), None),
            fate(1, 0, Some(Ran::Unknown), None),
        ] {
            assert_eq!(good.problem(), None);
        }
    }

    #[test]
    fn bad_histories_are_rejected_with_the_name_of_what_they_break() {
        let not_run = Some((TaskStatus::Aborted, Some(Ran::No)));
        for (bad, name) in [
            (fate(2, 1, None, COMPLETED), "AtMostOnceStart"),
            (fate(1, 0, None, None), "JoinReturns"),
            (fate(1, 1, Some(Ran::No), COMPLETED), "VerdictOnce"),
            (fate(1, 0, Some(Ran::No), None), "StartFailedIsFinal"),
            (fate(0, 1, Some(Ran::No), None), "CallbackOnce"),
            (fate(1, 2, None, COMPLETED), "CallbackOnce"),
            (fate(1, 0, None, LOST), "CallbackOnce"),
            (fate(0, 1, None, COMPLETED), "NoSilentRerun"),
            (fate(1, 1, None, not_run), "it is said not to have run"),
        ] {
            let problem = bad.problem().unwrap();
            assert!(problem.starts_with(name), "{problem} is not {name}");
        }
    }
}
