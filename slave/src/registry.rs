//! Which functions a slave has, and what somebody may have meant.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use selsyn_common::{ErrorCode, Refusal, proto};

use crate::about::Executor;
use crate::error::BuildError;
use crate::function::{Function, Mode};
use crate::initializer::Instance;

/// The name of the function that a task without a name runs, as in DI-engine.
pub const DEFAULT_FUNCTION: &str = "process_task";

/// Longest name of a function, in characters.
const MAX_NAME: usize = 128;

/// A function under its name.
#[derive(Debug)]
pub(crate) struct Registered {
    pub(crate) name: String,
    /// Names it too, on this boot of the slave: from 1, and never given to another one.
    pub(crate) number: u32,
    pub(crate) function: Function,
    /// The slave it is registered with.
    pub(crate) executor: Arc<Executor>,
    /// What its initializer makes, if it has one.
    pub(crate) instance: Option<Instance>,
    /// Not begun in place, whatever it promises: its first polls were long, or its initializer is
    /// to run before.
    elsewhere: AtomicBool,
    /// How many of the next first polls are measured closely.
    watched: AtomicU32,
    /// How many of those that were measured closely, one after another, were long.
    strikes: AtomicU32,
}

/// First polls of an inline function that are measured closely, at first and after one that may
/// have been long: the clock is not read before each of them.
const WATCHED: u32 = 64;

/// Long ones among them that end the privilege. One or two say little: a busy machine takes its
/// core from a thread in the middle of a short poll.
const STRIKES: u32 = 3;

impl Registered {
    /// Whether its first poll may happen on the session's task.
    pub(crate) fn is_inline(&self) -> bool {
        self.function.mode == Mode::Inline && !self.elsewhere.load(Ordering::Relaxed)
    }

    pub(crate) fn is_blocking(&self) -> bool {
        self.function.mode == Mode::Blocking
    }

    /// Whether this first poll is to be measured closely.
    pub(crate) fn is_watched(&self) -> bool {
        let left = self.watched.load(Ordering::Relaxed);
        if left > 0 {
            // Two at once may count as one: nothing hangs on the number.
            self.watched.store(left - 1, Ordering::Relaxed);
        }
        left > 0
    }

    /// Has the next ones measured closely.
    pub(crate) fn watch(&self) {
        self.strikes.store(0, Ordering::Relaxed);
        self.watched.store(WATCHED, Ordering::Relaxed);
    }

    /// Notes a long first poll. Too many end the privilege of being polled inline; true for the
    /// one that does.
    pub(crate) fn strike(&self) -> bool {
        let strikes = self.strikes.fetch_add(1, Ordering::Relaxed) + 1;
        strikes >= STRIKES && !self.elsewhere.swap(true, Ordering::Relaxed)
    }

    /// Its initializer has run: it may be begun in place, if it still has the privilege.
    pub(crate) fn is_initialized(&self) {
        let lost = self.strikes.load(Ordering::Relaxed) >= STRIKES;
        self.elsewhere.store(lost, Ordering::Relaxed);
    }

    /// Its initializer is to run before the next call.
    pub(crate) fn is_to_be_initialized(&self) {
        self.elsewhere.store(true, Ordering::Relaxed);
    }
}

/// The table of functions.
#[derive(Debug)]
pub(crate) struct Registry {
    executor: Arc<Executor>,
    table: RwLock<Table>,
}

#[derive(Debug, Default)]
struct Table {
    by_name: BTreeMap<String, Arc<Registered>>,
    /// The place is the number less one.
    by_number: Vec<Arc<Registered>>,
}

/// How a task names the function that it asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Its number in the catalogue; 0 where it is named.
    pub(crate) number: u32,
    /// Its name; empty for the default one.
    pub(crate) name: String,
}

impl Wanted {
    /// Whether it is this one.
    pub(crate) fn is(&self, function: &Registered) -> bool {
        match (self.number, self.name.as_str()) {
            (0, "") => function.name == DEFAULT_FUNCTION,
            (0, name) => function.name == name,
            (number, _) => function.number == number,
        }
    }
}

impl Registry {
    /// The functions of this slave: none yet.
    pub(crate) fn new(executor: Executor) -> Self {
        Self { executor: Arc::new(executor), table: RwLock::default() }
    }

    pub(crate) fn executor(&self) -> &Executor {
        &self.executor
    }

    pub(crate) fn all(&self) -> Vec<Arc<Registered>> {
        self.table().by_number.clone()
    }

    fn table(&self) -> RwLockReadGuard<'_, Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, name: &str, function: Function) -> Result<(), BuildError> {
        let visible = name.chars().all(|c| !c.is_whitespace() && !c.is_control());
        if name.is_empty() || name.chars().count() > MAX_NAME || !visible {
            return Err(BuildError::FunctionName { name: name.to_owned() });
        }
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        if table.by_name.contains_key(name) {
            return Err(BuildError::FunctionTwice { name: name.to_owned() });
        }
        let number = u32::try_from(table.by_number.len() + 1).unwrap_or(u32::MAX);
        let registered = Arc::new(Registered {
            name: name.to_owned(),
            number,
            executor: Arc::clone(&self.executor),
            instance: function.initializer.clone().map(Instance::new),
            elsewhere: AtomicBool::new(function.initializer.is_some()),
            function,
            watched: AtomicU32::new(WATCHED),
            strikes: AtomicU32::new(0),
        });
        table.by_number.push(Arc::clone(&registered));
        table.by_name.insert(name.to_owned(), registered);
        Ok(())
    }

    /// Finds the function a task asks for.
    pub(crate) fn find(&self, wanted: &Wanted) -> Result<Arc<Registered>, Refusal> {
        let table = self.table();
        let found = match (wanted.number, wanted.name.as_str()) {
            (0, "") => table.by_name.get(DEFAULT_FUNCTION),
            (0, name) => table.by_name.get(name),
            (number, _) => table.by_number.get(number as usize - 1),
        };
        found.cloned().ok_or_else(|| refuse(wanted, table.by_name.keys()))
    }

    /// The catalogue, sorted by name.
    pub(crate) fn list(&self) -> Vec<proto::Function> {
        let table = self.table();
        let describe = |function: &Arc<Registered>| proto::Function {
            name: function.name.clone(),
            is_default: function.name == DEFAULT_FUNCTION,
            number: function.number,
        };
        table.by_name.values().map(describe).collect()
    }
}

fn refuse<'a>(wanted: &Wanted, known: impl Iterator<Item = &'a String>) -> Refusal {
    let known: Vec<_> = known.collect();
    let Wanted { number, name } = wanted;
    if *number > 0 {
        let message = format!("there is no function number {number}; {}", catalogue(&known));
        return Refusal::because(ErrorCode::UnknownFunction, message);
    }
    if name.is_empty() {
        let message = format!("the slave has no default function; {}", catalogue(&known));
        return Refusal::because(ErrorCode::NoDefaultFunction, message);
    }
    // A peer may send any name: only so much of it is worth comparing and repeating.
    let name: String = name.chars().take(MAX_NAME).collect();
    let nearest = known.iter().min_by_key(|known| strsim::damerau_levenshtein(&name, known));
    let meant = nearest.filter(|known| strsim::jaro_winkler(&name, known) > 0.75);
    let advice = meant.map_or_else(|| catalogue(&known), |meant| format!("did you mean {meant}?"));
    Refusal::because(ErrorCode::UnknownFunction, format!("there is no function {name}; {advice}"))
}

/// Names at most eight functions: a hint, not a listing.
fn catalogue(known: &[&String]) -> String {
    const SHOWN: usize = 8;
    let names: Vec<_> = known.iter().take(SHOWN).map(|name| name.as_str()).collect();
    match known.len() {
        0 => "it has no functions at all".to_owned(),
        count if count > SHOWN => format!("it has {} and {} more", names.join(", "), count - SHOWN),
        _ => format!("it has {}", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use selsyn_common::{Failure, SlaveId};

    use super::*;
    use crate::{FunctionExecution, function};

    fn named(name: &str) -> Wanted {
        Wanted { number: 0, name: name.to_owned() }
    }

    fn numbered(number: u32) -> Wanted {
        Wanted { number, ..Wanted::default() }
    }

    fn registry(names: &[&str]) -> Registry {
        let registry = Registry::new(Executor {
            id: SlaveId::from_random([0; 16]),
            name: String::new(),
            version: String::new(),
            endpoints: BTreeMap::new(),
            credentials: None,
            listens: None,
            links: Arc::default(),
        });
        for name in names {
            let nothing = |_: FunctionExecution, (): ()| async { Ok::<_, Failure>(()) };
            registry.add(name, function(nothing)).unwrap();
        }
        registry
    }

    #[test]
    fn a_slip_of_the_finger_is_answered_with_what_was_meant() {
        let refusal = registry(&["train", "evaluate"]).find(&named("tarin")).unwrap_err();
        assert_eq!(refusal.message, "there is no function tarin; did you mean train?");
        assert_eq!(refusal.reason, ErrorCode::UnknownFunction);
    }

    #[test]
    fn a_stranger_is_told_what_there_is() {
        let refusal = registry(&["train", "evaluate"]).find(&named("zzz")).unwrap_err();
        assert_eq!(refusal.message, "there is no function zzz; it has evaluate, train");
    }

    #[test]
    fn a_number_names_the_function_that_was_given_it_whatever_came_after() {
        let registry = registry(&["train", "evaluate"]);
        assert_eq!(registry.find(&numbered(1)).unwrap().name, "train");
        let listed = registry.list().into_iter().map(|function| (function.name, function.number));
        assert_eq!(listed.collect::<Vec<_>>(), [("evaluate".into(), 2), ("train".into(), 1)]);
    }

    #[test]
    fn a_number_that_was_never_given_is_refused_by_name() {
        for number in [3, u32::MAX] {
            let registry = registry(&["train", "evaluate"]);
            let refusal = registry.find(&numbered(number)).unwrap_err();
            assert_eq!(refusal.reason, ErrorCode::UnknownFunction);
            let expected = format!("there is no function number {number}; it has evaluate, train");
            assert_eq!(refusal.message, expected);
        }
    }

    #[test]
    fn a_task_without_a_name_needs_a_default_function() {
        let refusal = registry(&[]).find(&named("")).unwrap_err();
        assert_eq!(refusal.reason, ErrorCode::NoDefaultFunction);
        registry(&[DEFAULT_FUNCTION]).find(&named("")).unwrap();
    }

    #[test]
    fn a_name_is_taken_once_and_must_be_visible() {
        let registry = registry(&["train"]);
        let nothing = || function(|_: FunctionExecution, (): ()| async { Ok::<_, Failure>(()) });
        assert_eq!(registry.add("train", nothing()).unwrap_err().code(), "E0401");
        for name in ["", "a b", "line\nbreak", &"x".repeat(129)] {
            assert_eq!(registry.add(name, nothing()).unwrap_err().code(), "E0402");
        }
    }
}
