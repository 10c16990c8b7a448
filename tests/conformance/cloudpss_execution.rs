//! The A cases about one execution: identity, arguments, abort, exit, input.

use std::sync::{Arc, Mutex};

use selsyn::{
    ArgumentError, Call, CloudPssVerdict, Failure, FailureKind, Function, FunctionExecution,
    Outcome, Payload, RunningTask, SlaveBuilder, TaskStatus, blocking, function,
};
use selsyn_testing::{Gate, TestCluster, expect};
use serde_json::{Value, json};

async fn slave_of(function: Function) -> TestCluster {
    let slaves = move |_, slave: SlaveBuilder| slave.function("f", function.clone());
    TestCluster::builder(1).slaves(slaves).start().await.expect("a cluster in memory starts")
}

async fn started(cluster: &TestCluster, data: impl selsyn::IntoPayload) -> RunningTask {
    let task = cluster.connection(0).new_task(data).expect("JSON is JSON").function("f");
    let running = expect::soon("the start to be answered", task.start()).await;
    running.expect("the slave takes the task")
}

/// What was called, in order.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    fn add(&self, what: impl Into<String>) {
        self.0.lock().expect("no call panics while it holds this").push(what.into());
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().expect("no call panics while it holds this").clone()
    }
}

#[tokio::test]
async fn a_11_a_callback_that_comes_after_the_abort_is_called_at_once() {
    let seen = Seen::default();
    let called = seen.clone();
    let cluster = slave_of(function(move |execution: FunctionExecution, (): ()| {
        let (first, second) = (called.clone(), called.clone());
        async move {
            execution.cancelled().await;
            assert!(execution.is_aborted());
            execution.on_abort(move || first.add("late"));
            second.add("after it");
            Ok::<_, Failure>(execution.abort_reason())
        }
    }))
    .await;
    let running = started(&cluster, json!(null)).await;
    expect::running(&running).await;
    running.cancel("enough");
    let failure = expect::failure(&running, TaskStatus::Aborted).await;
    assert_eq!(seen.all(), ["late", "after it"]);
    let reason = failure.partial.unwrap().to::<String>().unwrap();
    assert_eq!(reason, "cancelled by the master: enough");
    cluster.stop().await;
}

#[tokio::test]
async fn a_12_a_callback_that_panics_keeps_no_other_from_being_called() {
    let seen = Seen::default();
    let called = seen.clone();
    let cluster = slave_of(function(move |execution: FunctionExecution, (): ()| {
        let seen = called.clone();
        async move {
            let (first, done) = (seen.clone(), Gate::closed());
            let open = done.clone();
            execution.on_abort(|| panic!("not my day"));
            execution.on_abort(move || first.add("second"));
            execution.on_abort(move || {
                let is_found = FunctionExecution::current().is_some();
                seen.add(format!("third, in its execution: {is_found}"));
                open.open();
            });
            done.opened().await;
            Ok::<_, Failure>(())
        }
    }))
    .await;
    let running = started(&cluster, json!(null)).await;
    expect::running(&running).await;
    running.cancel("");
    let outcome = expect::ended(&running).await;
    assert_eq!(outcome.status, TaskStatus::Aborted);
    assert_eq!(seen.all(), ["second", "third, in its execution: true"]);
    let tail = outcome.log_tail.unwrap();
    assert_eq!(tail.whole(), Some("an abort callback panicked: not my day\n"));
    cluster.stop().await;
}

#[tokio::test]
async fn a_12_no_callback_is_called_after_the_end() {
    let seen = Seen::default();
    let called = seen.clone();
    let cluster = slave_of(function(move |execution: FunctionExecution, (): ()| {
        let called = called.clone();
        async move {
            execution.on_abort(move || called.add("too late"));
            Ok::<_, Failure>(())
        }
    }))
    .await;
    let running = started(&cluster, json!(null)).await;
    expect::completed(&running).await;
    running.cancel("");
    cluster.stop().await;
    assert_eq!(seen.all(), [""; 0]);
}

/// How an execution ends that exits with a code, once it was asked to stop or at once.
async fn exits(code: i32, aborted: bool, exit: Function) -> Outcome {
    let cluster = slave_of(exit).await;
    let running = started(&cluster, json!([code, aborted])).await;
    if aborted {
        expect::running(&running).await;
        running.cancel("");
    }
    let outcome = expect::ended(&running).await;
    cluster.stop().await;
    outcome
}

#[tokio::test]
async fn a_14_exit_gives_each_cell_of_the_verdict_table() {
    let from_async = |execution: FunctionExecution, (code, aborted): (i32, bool)| async move {
        if aborted {
            execution.cancelled().await;
        }
        execution.exit(code).await;
        Ok::<_, Failure>("never reached")
    };
    let from_blocking = |execution: FunctionExecution, (code, aborted): (i32, bool)| {
        while aborted && execution.checkpoint().is_ok() {
            std::thread::yield_now();
        }
        Err::<(), Failure>(execution.exit(code).into())
    };
    let functions = [function(from_async), function(from_async).inline(), blocking(from_blocking)];
    let cells = [
        (0, false, CloudPssVerdict::Resolved, TaskStatus::Completed),
        (1, false, CloudPssVerdict::Rejected, TaskStatus::Failed),
        (0, true, CloudPssVerdict::Aborted, TaskStatus::Aborted),
        (1, true, CloudPssVerdict::Rejected, TaskStatus::Failed),
    ];
    for exit in functions {
        for (code, aborted, verdict, status) in cells {
            let outcome = exits(code, aborted, exit.clone()).await;
            assert_eq!((outcome.cloudpss_verdict(), outcome.status), (verdict, status));
            if let Some(failure) = outcome.failure().filter(|_| code == 1) {
                assert_eq!(failure.message, "the function ended with exit code 1");
            }
        }
    }
}

#[tokio::test]
async fn a_14_a_checkpoint_ends_a_function_that_was_asked_to_stop_aborted() {
    let cluster = slave_of(blocking(|execution: FunctionExecution, (): ()| {
        loop {
            execution.checkpoint()?;
            std::thread::yield_now();
        }
        #[expect(unreachable_code, reason = "gives the closure its type")]
        Ok::<(), Failure>(())
    }))
    .await;
    let running = started(&cluster, json!(null)).await;
    expect::running(&running).await;
    running.cancel("enough");
    let outcome = expect::ended(&running).await;
    assert_eq!(outcome.status, TaskStatus::Aborted);
    assert_eq!(outcome.failure().unwrap().kind, FailureKind::Aborted);
    cluster.stop().await;
}

#[tokio::test]
async fn a_16_a_thread_in_scope_finds_the_execution_logs_and_exits() {
    let cluster = slave_of(function(|execution: FunctionExecution, (): ()| async move {
        let scoped = execution.clone();
        std::thread::spawn(move || {
            scoped.scope(|| {
                let found = FunctionExecution::current().expect("the thread is in its scope");
                found.info("from a thread");
                found.exit(0);
                found.exit(1);
            });
        });
        // Whatever it waits for, it is not waited for.
        std::future::pending::<Result<(), Failure>>().await
    }))
    .await;
    let outcome = expect::ended(&started(&cluster, json!(null)).await).await;
    assert_eq!(outcome.status, TaskStatus::Completed);
    assert_eq!(outcome.value().unwrap().json().unwrap(), Value::Null);
    assert_eq!(outcome.log_tail.unwrap().whole(), Some("from a thread\n"));
    cluster.stop().await;
}

#[tokio::test]
async fn a_16_two_threads_see_the_same_execution_and_hear_the_same_abort() {
    let cluster = slave_of(function(|execution: FunctionExecution, (): ()| async move {
        let (here, there) = (execution.clone(), execution.clone());
        let heard = tokio::spawn(async move { there.cancelled().await });
        here.cancelled().await;
        heard.await.map_err(Failure::from)
    }))
    .await;
    let running = started(&cluster, json!(null)).await;
    expect::running(&running).await;
    running.cancel("");
    assert_eq!(expect::ended(&running).await.status, TaskStatus::Aborted);
    cluster.stop().await;
}

#[tokio::test]
async fn a_17_an_input_handler_hears_every_input_and_keeps_no_run_from_ending() {
    let seen = Seen::default();
    let called = seen.clone();
    let cluster = slave_of(function(move |execution: FunctionExecution, (): ()| {
        let (seen, three) = (called.clone(), Gate::closed());
        let open = three.clone();
        execution.on_input(move |input| {
            let is_found = FunctionExecution::current().is_some();
            seen.add(format!("{input} {is_found}"));
            if seen.all().len() == 3 {
                open.open();
            }
            assert!(!input.to_string().contains("panic"), "as asked");
        });
        async move {
            three.opened().await;
            Ok::<_, Failure>(())
        }
    }))
    .await;
    let running = started(&cluster, json!(null)).await;
    for input in [json!(1), json!("panic"), json!({"a": 3})] {
        running.send_input(input).unwrap();
    }
    expect::completed(&running).await;
    assert_eq!(seen.all(), ["1 true", "\"panic\" true", "{\"a\":3} true"]);
    assert_eq!(running.send_input(4).unwrap_err().code(), "E0508");
    cluster.stop().await;
}

#[tokio::test]
async fn a_17_inputs_before_the_first_question_wait_and_a_stream_ends_with_the_run() {
    let (gate, left) = (Gate::closed(), Gate::closed());
    let (opened, leaves) = (gate.clone(), left.clone());
    let cluster = slave_of(function(move |execution: FunctionExecution, (): ()| {
        let (gate, left) = (opened.clone(), leaves.clone());
        async move {
            gate.opened().await;
            let mut inputs = execution.inputs();
            let (first, second) = (inputs.next().await, inputs.next().await);
            let sum: i64 =
                [first, second].iter().flatten().filter_map(|n| n.to::<i64>().ok()).sum();
            tokio::spawn(async move {
                if inputs.next().await.is_none() {
                    left.open();
                }
            });
            Ok::<_, Failure>(sum)
        }
    }))
    .await;
    let running = started(&cluster, json!(null)).await;
    running.send_input(40).unwrap();
    // One that travels in parts, and one that is no number.
    running.send_input(Payload::bytes(vec![7; 100_000])).unwrap();
    gate.open();
    let sum = expect::soon("the sum", running.success::<i64>()).await.unwrap();
    assert_eq!(sum, 40);
    expect::soon("the end of the inputs", left.opened()).await;
    cluster.stop().await;
}

#[tokio::test]
async fn a_17_inputs_beyond_the_bounds_are_dropped_and_counted() {
    let gate = Gate::closed();
    let opened = gate.clone();
    let cluster = slave_of(function(move |execution: FunctionExecution, (): ()| {
        let gate = opened.clone();
        async move {
            gate.opened().await;
            while execution.missed_inputs() < 6 {
                tokio::task::yield_now().await;
            }
            let mut inputs = execution.inputs();
            let mut last = 0;
            for _ in 0..1_024 {
                last = inputs.next().await.map_or(0, |input| input.to().unwrap_or(0));
            }
            Ok::<_, Failure>((execution.missed_inputs(), last))
        }
    }))
    .await;
    let running = started(&cluster, json!(null)).await;
    (1..=1_030_u64).for_each(|n| running.send_input(n).unwrap());
    gate.open();
    let got = expect::soon("the count", running.success::<(u64, u64)>()).await.unwrap();
    assert_eq!(got, (6, 1_024));
    cluster.stop().await;
}

#[tokio::test]
async fn a_16_arguments_are_read_one_by_one_from_wherever_the_code_is() {
    async fn read(execution: FunctionExecution, _: Payload) -> Result<Value, Failure> {
        let found = FunctionExecution::current().expect("this is its task");
        let missing = matches!(found.arg::<u8>("nothing"), Err(ArgumentError::Missing { .. }));
        let wrong = found.arg::<String>("epochs").map_err(|error| error.to_string());
        Ok(json!([
            execution.arg::<u8>("epochs").ok(),
            found.arg_at::<u8>(0).ok(),
            missing,
            wrong.err()
        ]))
    }
    let cluster = slave_of(function(read)).await;
    let call = Call::new().arg(7).unwrap().kwarg("epochs", 3).unwrap();
    let wrong = "argument epochs cannot be read as alloc::string::String: invalid type: integer `3`, expected a string";
    let cases = [
        (Payload::encode(&json!({"epochs": 3})).unwrap(), json!([3, null, true, wrong])),
        (
            Payload::encode(&json!([7])).unwrap(),
            json!([null, 7, true, "there is no argument epochs"]),
        ),
        (call.into_payload().unwrap(), json!([3, 7, true, wrong])),
    ];
    for (data, expected) in cases {
        let running = started(&cluster, data).await;
        let got: Value = expect::soon("the arguments", running.success()).await.unwrap();
        assert_eq!(got, expected);
    }
    cluster.stop().await;
}
