//! Whoever listens to the library's own events may ask it about their tasks.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use selsyn::{RunningTask, TaskStatus};
use selsyn_testing::{Gate, TestCluster, expect, functions};
use tracing::Subscriber;
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::prelude::*;

/// A layer that asks for the status of each task that the master tells of.
#[derive(Clone, Default)]
struct Asks {
    tasks: Arc<Mutex<Vec<RunningTask>>>,
    /// What it was told; nothing where no answer came.
    told: Arc<Mutex<Vec<Option<TaskStatus>>>>,
}

/// The task that an event tells of.
#[derive(Default)]
struct Of(String);

impl Visit for Of {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "task.id" {
            self.0 = format!("{value:?}");
        }
    }
}

impl<S: Subscriber> Layer<S> for Asks {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let mut of = Of::default();
        event.record(&mut of);
        let tasks = self.tasks.lock().unwrap();
        let task = tasks.iter().find(|task| task.execution_id().to_string() == of.0).cloned();
        drop(tasks);
        if let Some(task) = task.filter(|_| event.metadata().target().starts_with("selsyn_master"))
        {
            self.told.lock().unwrap().push(ask(task));
        }
    }
}

/// Its status; none when it cannot be told before the event is over.
fn ask(task: RunningTask) -> Option<TaskStatus> {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || tell.send(task.status()));
    told.recv_timeout(expect::LIMIT / 6).ok()
}

#[tokio::test]
async fn a_layer_that_hears_of_an_end_may_ask_for_the_status_of_its_task() {
    let gate = Gate::closed();
    let wait = functions::wait_for(gate.clone());
    let slaves =
        TestCluster::builder(1).slaves(move |_, slave| slave.function("wait", wait.clone()));
    let cluster = slaves.start().await.unwrap();
    let asks = Asks::default();
    let _guard = tracing_subscriber::registry().with(asks.clone()).set_default();
    let start = async |function| {
        let task = cluster.connection(0).new_task(1).unwrap().function(function);
        let task = task.start().await.unwrap();
        asks.tasks.lock().unwrap().push(task.clone());
        task
    };
    let (completes, aborts) = (start("wait").await, start("wait_for_abort").await);
    // Somebody is to be told of this one, so that it ends in the other way.
    let watched = start("wait").await.on_complete(|_, _| {});
    gate.open();
    aborts.cancel("enough");
    for task in [&completes, &watched, &aborts] {
        expect::soon("the end", task.join()).await;
    }
    let mut told = asks.told.lock().unwrap().clone();
    told.sort_by_key(|status| status.map(|status| status.name()));
    let [completed, aborted] = [TaskStatus::Completed, TaskStatus::Aborted].map(Some);
    assert_eq!(told, [aborted, completed, completed], "each is answered while its end is told");
    cluster.stop().await;
}
