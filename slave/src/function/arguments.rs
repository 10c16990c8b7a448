//! Reads what a function is given, and writes what it returns.

use selsyn_common::{Failure, FailureKind, FromPayload, IntoPayload, PayloadError, Ran};

use super::Returned;
use crate::execution::FunctionExecution;

/// Arguments that cannot be read fail the task before user code runs.
#[inline(always)]
pub(super) fn read_arguments<A: FromPayload>(
    execution: &FunctionExecution,
) -> Result<A, Box<Failure>> {
    match A::from_payload(execution.data()) {
        Ok(arguments) => Ok(arguments),
        Err(error) => Err(not_readable(execution, &error)),
    }
}

#[cold]
fn not_readable(execution: &FunctionExecution, error: &PayloadError) -> Box<Failure> {
    let why = innermost(error);
    let message = format!("{} cannot read its arguments: {why}", execution.function());
    let mut failure = Failure::of(FailureKind::Encode, message, Ran::No);
    failure.push_trace(error.to_string());
    Box::new(failure)
}

/// A result that cannot be encoded fails the task, and the slave goes on.
#[inline(always)]
pub(super) fn encode<R: IntoPayload, E: Into<Failure>>(returned: Result<R, E>) -> Returned {
    match returned {
        Ok(value) => value.into_payload().map_err(|error| Box::new(not_encodable::<R>(&error))),
        Err(error) => Err(Box::new(error.into())),
    }
}

#[cold]
fn not_encodable<R>(error: &PayloadError) -> Failure {
    let (why, its_type) = (innermost(error), std::any::type_name::<R>());
    let message = format!("the result cannot be encoded: {why} (it is a {its_type})");
    Failure::of(FailureKind::Encode, message, Ran::Yes)
}

/// The part of the error that the user's own types explain.
fn innermost(error: &PayloadError) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}
