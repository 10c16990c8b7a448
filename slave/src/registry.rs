//! Which functions a slave has, and what somebody may have meant.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use selsyn_common::{ErrorCode, Refusal, proto};

use crate::error::BuildError;
use crate::function::{Function, Mode};

/// The name of the function that a task without a name runs, as in DI-engine.
pub const DEFAULT_FUNCTION: &str = "process_task";

/// Longest name of a function, in characters.
const MAX_NAME: usize = 128;

/// A function under its name.
#[derive(Debug)]
pub(crate) struct Registered {
    pub(crate) name: String,
    pub(crate) function: Function,
    slow: AtomicBool,
}

impl Registered {
    /// Whether its first poll may happen on the session's task.
    pub(crate) fn is_inline(&self) -> bool {
        self.function.mode == Mode::Inline && !self.slow.load(Ordering::Relaxed)
    }

    pub(crate) fn is_blocking(&self) -> bool {
        self.function.mode == Mode::Blocking
    }

    /// Ends the privilege of being polled inline; true for the first to do so.
    pub(crate) fn mark_slow(&self) -> bool {
        !self.slow.swap(true, Ordering::Relaxed)
    }
}

/// The table of functions.
#[derive(Debug, Default)]
pub(crate) struct Registry(RwLock<BTreeMap<String, Arc<Registered>>>);

impl Registry {
    pub(crate) fn add(&self, name: &str, function: Function) -> Result<(), BuildError> {
        let visible = name.chars().all(|c| !c.is_whitespace() && !c.is_control());
        if name.is_empty() || name.chars().count() > MAX_NAME || !visible {
            return Err(BuildError::FunctionName { name: name.to_owned() });
        }
        let mut table = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if table.contains_key(name) {
            return Err(BuildError::FunctionTwice { name: name.to_owned() });
        }
        let slow = AtomicBool::new(false);
        let registered = Registered { name: name.to_owned(), function, slow };
        table.insert(name.to_owned(), Arc::new(registered));
        Ok(())
    }

    /// Finds the function a task asks for; an empty name means the default one.
    pub(crate) fn find(&self, name: &str) -> Result<Arc<Registered>, Refusal> {
        let table = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let wanted = if name.is_empty() { DEFAULT_FUNCTION } else { name };
        table.get(wanted).cloned().ok_or_else(|| refuse(name, table.keys()))
    }

    /// The catalogue, sorted by name.
    pub(crate) fn list(&self) -> Vec<proto::Function> {
        let table = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let describe = |name: &String| proto::Function {
            name: name.clone(),
            is_default: name == DEFAULT_FUNCTION,
            number: 0,
        };
        table.keys().map(describe).collect()
    }
}

fn refuse<'a>(name: &str, known: impl Iterator<Item = &'a String>) -> Refusal {
    let known: Vec<_> = known.collect();
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
    use selsyn_common::Failure;

    use super::*;
    use crate::{FunctionExecution, function};

    fn registry(names: &[&str]) -> Registry {
        let registry = Registry::default();
        for name in names {
            let nothing = |_: FunctionExecution, (): ()| async { Ok::<_, Failure>(()) };
            registry.add(name, function(nothing)).unwrap();
        }
        registry
    }

    #[test]
    fn a_slip_of_the_finger_is_answered_with_what_was_meant() {
        let refusal = registry(&["train", "evaluate"]).find("tarin").unwrap_err();
        assert_eq!(refusal.message, "there is no function tarin; did you mean train?");
        assert_eq!(refusal.reason, ErrorCode::UnknownFunction);
    }

    #[test]
    fn a_stranger_is_told_what_there_is() {
        let refusal = registry(&["train", "evaluate"]).find("zzz").unwrap_err();
        assert_eq!(refusal.message, "there is no function zzz; it has evaluate, train");
    }

    #[test]
    fn a_task_without_a_name_needs_a_default_function() {
        let refusal = registry(&[]).find("").unwrap_err();
        assert_eq!(refusal.reason, ErrorCode::NoDefaultFunction);
        registry(&[DEFAULT_FUNCTION]).find("").unwrap();
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
