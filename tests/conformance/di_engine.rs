//! The E cases: what DI-engine's `ding.interaction` promises, or should have.

mod codes;
mod connection;
mod failure;
mod frames;
mod nested;
mod paused;
mod refusal;
mod service;
mod start;
mod task;
mod tools;

use std::sync::{Arc, Mutex};

use selsyn::{Connection, Failure, Payload, SlaveBuilder, SlaveHandle, TaskId};
use selsyn_testing::expect;
use serde_json::{Value, json};

/// Starts a slave on a free port of this machine.
async fn on_tcp(slave: SlaveBuilder) -> SlaveHandle {
    let bound = slave.bind("127.0.0.1:0").await;
    bound.expect("a port is free").spawn()
}

/// Runs a task on the connection, to show that it works: 2 and 3 are 5.
async fn works(connection: &Connection) -> TaskId {
    let task = connection.new_task(json!({"a": 2, "b": 3})).expect("JSON is JSON").function("add");
    let running = expect::soon("the start to be answered", task.start()).await;
    let running = running.expect("the slave takes the task");
    let outcome = expect::completed(&running).await;
    assert_eq!(read(outcome.value()), json!({"sum": 5}));
    running.id()
}

/// What a payload says; null where there is none.
fn read(payload: Option<&Payload>) -> Value {
    payload.map_or(Value::Null, |payload| payload.json().expect("the payload is JSON"))
}

/// Which callbacks ran, in order, with the data and the result they were given.
#[derive(Clone, Default)]
struct Calls(Arc<Mutex<Vec<Call>>>);

type Call = (&'static str, Value, Value);

impl Calls {
    fn add(&self, name: &'static str, data: &Payload, result: Option<&Payload>) {
        let call = (name, read(Some(data)), read(result));
        self.0.lock().expect("no call panics").push(call);
    }

    /// A complete-callback that only says that it ran.
    fn complete(&self, name: &'static str) -> impl FnOnce(&Payload, &Payload) + Send + 'static {
        let calls = self.clone();
        move |data, value| calls.add(name, data, Some(value))
    }

    /// A fail-callback that only says that it ran.
    fn fail(&self, name: &'static str) -> impl FnOnce(&Payload, &Failure) + Send + 'static {
        let calls = self.clone();
        move |data, failure| calls.add(name, data, failure.data.as_ref())
    }

    fn seen(&self) -> Vec<Call> {
        self.0.lock().expect("no call panics").clone()
    }

    fn names(&self) -> Vec<&'static str> {
        self.seen().iter().map(|(name, ..)| *name).collect()
    }
}
