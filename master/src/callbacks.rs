//! What runs at the end of a task.

use selsyn_common::{Failure, Payload};

use crate::hooks::Boxed;

type OnComplete = Box<dyn FnOnce(&Payload, &Payload) + Send>;
type OnFail = Box<dyn FnOnce(&Payload, &Failure) + Send>;
type OnCompleteAsync = Box<dyn FnOnce(Payload, Payload) -> Boxed<()> + Send>;
type OnFailAsync = Box<dyn FnOnce(Payload, Failure) -> Boxed<()> + Send>;

/// A callback of the user.
pub(crate) enum Callback {
    Complete(OnComplete),
    Fail(OnFail),
    CompleteAsync(OnCompleteAsync),
    FailAsync(OnFailAsync),
}

/// Writes the setters that a task and a running task have in common; both have a method
/// `callback`.
macro_rules! callback_setters {
    () => {
        /// Runs when the task completes, with the data and the value.
        pub fn on_complete(self, f: impl FnOnce(&Payload, &Payload) + Send + 'static) -> Self {
            self.callback(Callback::Complete(Box::new(f)))
        }

        /// The async form of [`Self::on_complete`]; it may await other tasks.
        pub fn on_complete_async<F, Fut>(self, f: F) -> Self
        where
            F: FnOnce(Payload, Payload) -> Fut + Send + 'static,
            Fut: Future<Output = ()> + Send + 'static,
        {
            let f = move |data, value| Box::pin(f(data, value)) as _;
            self.callback(Callback::CompleteAsync(Box::new(f)))
        }

        /// Runs when the task ends with any verdict but COMPLETED, with the data and the
        /// failure.
        pub fn on_fail(self, f: impl FnOnce(&Payload, &Failure) + Send + 'static) -> Self {
            self.callback(Callback::Fail(Box::new(f)))
        }

        /// The async form of [`Self::on_fail`]; it may await other tasks.
        pub fn on_fail_async<F, Fut>(self, f: F) -> Self
        where
            F: FnOnce(Payload, Failure) -> Fut + Send + 'static,
            Fut: Future<Output = ()> + Send + 'static,
        {
            let f = move |data, failure| Box::pin(f(data, failure)) as _;
            self.callback(Callback::FailAsync(Box::new(f)))
        }
    };
}

pub(crate) use callback_setters;
