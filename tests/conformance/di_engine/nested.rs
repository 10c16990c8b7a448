//! E-70 to E-74: a node that is the slave of a coordinator and the master of four learners.

use std::sync::{Arc, Mutex};

use selsyn::{
    Connection, Failure, FunctionExecution, Group, GroupTask, Master, Payload, Slave, SlaveHandle,
    TaskStatus, function,
};
use selsyn_testing::{TestCluster, expect, pipe};
use serde_json::{Map, Value, json};

use super::read;

const LEARNERS: u64 = 4;

/// Fields of the learners' results that stand for the group: those of the first learner.
const HOMOGENEOUS: [&str; 4] = ["learner_step", "buffer_id", "task_id", "learner_done"];

/// How many rows a learner asks for: another number for each.
const fn batch_size(learner: u64) -> u64 {
    8 * (learner + 1)
}

/// A learner. It gives back the rows that it was given, so that a test sees who had which.
fn learn(learner: u64, task: &Value) -> Result<Value, Failure> {
    match task["name"].as_str() {
        Some("learner_start_task") if task["task_info"]["bad"] == learner => {
            Err(Failure::new("no such model"))
        }
        Some("learner_start_task") => Ok(json!({"message": "learner task has started"})),
        Some("learner_get_data_task") => Ok(json!({"batch_size": batch_size(learner)})),
        Some("learner_learn_task") => Ok(json!({
            "learner_step": 100 * learner,
            "buffer_id": format!("buffer_{learner}"),
            "task_id": format!("task_{learner}"),
            "learner_done": false,
            "rows": task["data"],
            "share": task["data"].as_array().map(Vec::len),
        })),
        _ => Err(name_error()),
    }
}

fn name_error() -> Failure {
    let message = "task name error";
    Failure::new(message).with_data(json!({"message": message}))
}

/// The node in the middle.
#[derive(Clone)]
struct Aggregator {
    learners: Group,
    /// The rows each learner asked for last, in their order.
    demand: Arc<Mutex<Vec<usize>>>,
}

impl Aggregator {
    async fn process(self, execution: FunctionExecution, task: Value) -> Result<Value, Failure> {
        match task["name"].as_str() {
            Some("resource") => Ok(json!({"gpu": self.learners.connections().len()})),
            Some("learner_start_task") => {
                let all = self.learners.new_task(&task)?;
                let replies = results(&execution, all).await?;
                Ok(replies[0].clone())
            }
            Some("learner_get_data_task") => self.get_data(execution, task).await,
            Some("learner_learn_task") => self.learn(execution, task).await,
            _ => Err(name_error()),
        }
    }

    async fn get_data(self, execution: FunctionExecution, task: Value) -> Result<Value, Failure> {
        let demands = results(&execution, self.learners.new_task(&task)?).await?;
        let sizes = demands.iter().map(|demand| demand["batch_size"].as_u64().unwrap_or(0));
        let sizes: Vec<_> = sizes.map(|size| usize::try_from(size).unwrap()).collect();
        let sum: usize = sizes.iter().sum();
        *self.demand.lock().unwrap() = sizes;
        Ok(json!({"batch_size": sum}))
    }

    async fn learn(self, execution: FunctionExecution, task: Value) -> Result<Value, Failure> {
        let sizes = self.demand.lock().unwrap().clone();
        let mut rows = task["data"].as_array().cloned().unwrap_or_default().into_iter();
        let mut sizes = sizes.into_iter();
        let all = self.learners.new_tasks(|_| {
            let share: Vec<_> = rows.by_ref().take(sizes.next().unwrap_or(0)).collect();
            json!({"name": "learner_learn_task", "data": share})
        })?;
        merged(results(&execution, all).await?)
    }
}

/// Runs a task on all learners; the first failure is the aggregator's own.
async fn results(execution: &FunctionExecution, all: GroupTask) -> Result<Vec<Value>, Failure> {
    let running = all.child_of(execution.context()).start().await;
    Ok(running.success().await?)
}

/// One result of many: some fields of the first, lists one after the other, the rest as a list.
fn merged(results: Vec<Value>) -> Result<Value, Failure> {
    let first = results.first().and_then(Value::as_object).ok_or("a learner gives an object")?;
    let merge = |key: &String| {
        let values = results.iter().map(|result| result[key].clone());
        let value = match &first[key] {
            own if HOMOGENEOUS.contains(&key.as_str()) => own.clone(),
            Value::Array(_) => values.flat_map(rows).collect(),
            _ => values.collect(),
        };
        (key.clone(), value)
    };
    Ok(Value::Object(first.keys().map(merge).collect::<Map<_, _>>()))
}

fn rows(value: Value) -> Vec<Value> {
    match value {
        Value::Array(rows) => rows,
        other => vec![other],
    }
}

/// The three levels, over pipes.
struct Tree {
    learners: TestCluster,
    aggregator: SlaveHandle,
    coordinator: Master,
    connection: Connection,
}

impl Tree {
    async fn start() -> Self {
        let learners = TestCluster::builder(usize::try_from(LEARNERS).unwrap())
            .slaves(|index, _| {
                let learner = u64::try_from(index).unwrap();
                Slave::builder().default_function(function(move |_, task: Value| async move {
                    learn(learner, &task)
                }))
            })
            .start()
            .await
            .unwrap();
        let group = Group::new(learners.connections().iter().cloned()).unwrap();
        let node = Aggregator { learners: group, demand: Arc::default() };
        let process = move |execution, task| node.clone().process(execution, task);
        let (dialer, listener) = pipe();
        let aggregator = Slave::builder().default_function(process).incoming(listener).unwrap();
        let (aggregator, coordinator) = (aggregator.spawn(), Master::new().unwrap());
        let connecting = coordinator.connect_with("with_la_slave", move || dialer.clone().dial());
        Self { learners, aggregator, connection: connecting.await.unwrap(), coordinator }
    }

    async fn ask(&self, task: Value, status: TaskStatus) -> Value {
        let running = self.connection.new_task(task).unwrap().start().await.unwrap();
        let outcome = expect::ended_as(&running, status).await;
        let data = outcome.failure().map(|failure| failure.data.clone());
        data.map_or_else(|| read(outcome.value()), |data: Option<Payload>| read(data.as_ref()))
    }

    async fn stop(self) {
        self.coordinator.close().await;
        self.aggregator.shutdown().await.unwrap();
        self.learners.stop().await;
    }
}

#[tokio::test]
async fn e_70_an_aggregator_has_the_resources_of_its_learners() {
    let tree = Tree::start().await;
    let resource = tree.ask(json!({"name": "resource"}), TaskStatus::Completed).await;
    assert_eq!(resource, json!({"gpu": 4}));
    tree.stop().await;
}

#[tokio::test]
async fn e_71_a_start_that_is_fanned_out_completes_only_if_all_four_did() {
    let tree = Tree::start().await;
    let start = json!({"name": "learner_start_task", "task_info": {}});
    let reply = tree.ask(start, TaskStatus::Completed).await;
    assert_eq!(reply, json!({"message": "learner task has started"}));

    let start = json!({"name": "learner_start_task", "task_info": {"bad": 2}});
    let running = tree.connection.new_task(start).unwrap().start().await.unwrap();
    let failure = expect::failure(&running, TaskStatus::Failed).await;
    let said = "1 of 4 slaves failed, first slave-2: FAILED, no such model; all 4 had to complete";
    assert_eq!(failure.message, said);
    assert!(failure.trace[0].starts_with("on slave-2 (task"), "{:?}", failure.trace);
    tree.stop().await;
}

#[tokio::test]
async fn e_72_the_demand_for_data_is_the_sum_over_the_learners() {
    let tree = Tree::start().await;
    let demand = tree.ask(json!({"name": "learner_get_data_task"}), TaskStatus::Completed).await;
    let sum: u64 = (0..LEARNERS).map(batch_size).sum();
    assert_eq!(demand, json!({"batch_size": sum}));
    tree.stop().await;
}

#[tokio::test]
async fn e_73_a_list_is_split_by_demand_and_the_results_are_put_together_in_order() {
    let tree = Tree::start().await;
    let demand = tree.ask(json!({"name": "learner_get_data_task"}), TaskStatus::Completed).await;
    let rows: Vec<_> = (0..demand["batch_size"].as_u64().unwrap()).collect();
    let learn = json!({"name": "learner_learn_task", "data": rows});
    let result = tree.ask(learn, TaskStatus::Completed).await;
    let merged = json!({
        "learner_step": 0,
        "buffer_id": "buffer_0",
        "task_id": "task_0",
        "learner_done": false,
        "rows": rows,
        "share": [8, 16, 24, 32],
    });
    assert_eq!(result, merged);
    tree.stop().await;
}

#[tokio::test]
async fn e_74_an_unknown_task_name_fails_with_the_data_of_the_one_who_does_not_know_it() {
    let tree = Tree::start().await;
    let data = tree.ask(json!({"name": "nonsense"}), TaskStatus::Failed).await;
    assert_eq!(data, json!({"message": "task name error"}));
    tree.stop().await;
}
