//! Functions that do one thing, for tests of what surrounds them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use selsyn::{Failure, Function, FunctionExecution, Payload, SlaveBuilder, blocking, function};
use serde_json::{Value, json};

use crate::Gate;

/// Gives a slave the functions `echo`, `add` (its default too), `fail`, `panic` and
/// `wait_for_abort`.
pub fn all(slave: SlaveBuilder) -> SlaveBuilder {
    slave
        .default_function(add())
        .function("add", add())
        .function("echo", echo())
        .function("fail", fail())
        .function("panic", panic())
        .function("wait_for_abort", wait_for_abort())
}

/// Gives back what it is given, of any kind.
pub fn echo() -> Function {
    function(|_: FunctionExecution, data: Payload| async move { Ok::<_, Failure>(data) })
}

/// Adds `a` and `b` of `{"a": 2, "b": 3}` to `{"sum": 5}`; fails with the data
/// `{"message": "ab not found"}` when one is missing (DI-engine's own test function).
pub fn add() -> Function {
    function(|_: FunctionExecution, data: Value| async move {
        let (Some(a), Some(b)) = (data["a"].as_i64(), data["b"].as_i64()) else {
            let message = "ab not found";
            return Err(Failure::new(message).with_data(json!({"message": message})));
        };
        Ok(json!({"sum": a + b}))
    })
}

/// Fails with the message it is given.
pub fn fail() -> Function {
    function(
        |_: FunctionExecution, message: String| async move { Err::<(), _>(Failure::new(message)) },
    )
}

/// Panics with the message it is given.
pub fn panic() -> Function {
    function(|_: FunctionExecution, message: String| async move {
        std::panic::panic_any(message);
        #[expect(unreachable_code, reason = "gives the closure its type")]
        Ok::<(), Failure>(())
    })
}

/// Waits until the gate is open, then gives back its data. Dropped at its grace when it is asked
/// to stop.
pub fn wait_for(gate: Gate) -> Function {
    function(move |_: FunctionExecution, data: Payload| {
        let gate = gate.clone();
        async move {
            gate.opened().await;
            Ok::<_, Failure>(data)
        }
    })
}

/// Waits until it is asked to stop, and then stops at once with its data.
pub fn wait_for_abort() -> Function {
    function(|execution: FunctionExecution, data: Payload| async move {
        execution.cancelled().await;
        Ok::<_, Failure>(data)
    })
}

/// Blocks its thread until the gate is open, whatever it is asked: a function that gets stuck.
pub fn ignore_abort(gate: Gate) -> Function {
    blocking(move |_: FunctionExecution, data: Payload| {
        while !gate.is_open() {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        Ok::<_, Failure>(data)
    })
}

/// Counts its runs.
#[derive(Clone, Debug, Default)]
pub struct Counter(Arc<AtomicUsize>);

impl Counter {
    /// How often [`count`] ran.
    pub fn runs(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    /// Counts one more; gives the number from 1.
    pub fn count(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }
}

/// Counts each run, and gives its number from 1.
pub fn count(counter: Counter) -> Function {
    function(move |_: FunctionExecution, _: Payload| {
        let number = counter.count();
        async move { Ok::<_, Failure>(number) }
    })
}

/// Logs `n` lines and shows its progress after each, then completes with `n`.
pub fn flood() -> Function {
    function(|execution: FunctionExecution, n: u32| async move {
        for line in 1..=n {
            execution.info(format_args!("line {line}"));
            execution.progress(f64::from(line) / f64::from(n))?;
        }
        Ok::<_, Failure>(n)
    })
}
