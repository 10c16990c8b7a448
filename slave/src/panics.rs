//! What a panic said.

use std::any::Any;

use selsyn_common::{Failure, FailureKind, Ran};

/// The message of a caught panic.
pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned())
}

/// The failure of a function that panicked.
pub(crate) fn panicked(panic: &(dyn Any + Send)) -> Failure {
    let message = format!("the function panicked: {}", panic_message(panic));
    Failure::of(FailureKind::Panicked, message, Ran::Yes)
}
