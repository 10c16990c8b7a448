//! What a hook says instead of yes.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// What a hook says instead of yes. Any error, and any text, turns into one through `?`.
///
/// For that reason it is not itself a [`std::error::Error`].
#[derive(Clone)]
pub struct HookError(Arc<dyn Error + Send + Sync>);

impl HookError {
    pub(crate) fn panicked(message: &str) -> Self {
        Self::from(format!("it panicked: {message}"))
    }
}

impl<E: Into<Box<dyn Error + Send + Sync>>> From<E> for HookError {
    fn from(error: E) -> Self {
        let error: Box<dyn Error + Send + Sync> = error.into();
        Self(error.into())
    }
}

impl fmt::Display for HookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for HookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
