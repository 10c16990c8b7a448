//! Whoever may hands a running function something, by its id.

use std::sync::{Arc, Mutex};

use selsyn::{
    Control, ControlError, ExecutionId, Failure, FunctionExecution, Master, Payload, Slave,
    SlaveBuilder, SlaveHandle, TaskId, TaskStatus,
};
use selsyn_common::proto::{SendInputReply, SendInputRequest};
use selsyn_testing::{Gate, expect};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::control::unary;

/// Gives what it is handed, up to "end".
async fn collect(execution: FunctionExecution, (): ()) -> Result<Vec<Value>, Failure> {
    let (mut inputs, mut got) = (execution.inputs(), Vec::new());
    while let Some(input) = inputs.next().await {
        match input.to::<Value>()? {
            end if end == "end" => break,
            input => got.push(input),
        }
    }
    Ok(got)
}

/// Takes its inputs once the gate is open, and says how many it missed.
fn takes_late(slave: SlaveBuilder, gate: &Gate) -> SlaveBuilder {
    let gate = gate.clone();
    slave.function("late", move |execution: FunctionExecution, (): ()| {
        let gate = gate.clone();
        async move {
            gate.opened().await;
            let mut inputs = execution.inputs();
            inputs.next().await;
            Ok::<_, Failure>(execution.missed_inputs())
        }
    })
}

async fn on_a_socket(slave: SlaveBuilder) -> (SlaveHandle, Control, Master) {
    let slave = slave.function("collect", collect).bind("127.0.0.1:0").await.unwrap().spawn();
    let master = Master::new().unwrap();
    let control = master.control(slave.addr()).unwrap();
    (slave, control, master)
}

async fn started(control: &Control, function: &str) -> ExecutionId {
    control.start(function, ()).unwrap().await.unwrap().id()
}

fn code(result: Result<(), ControlError>) -> &'static str {
    result.expect_err("it is refused").code()
}

#[tokio::test]
async fn inputs_reach_detached_and_session_tasks_alike_in_order_and_each_once() {
    let (slave, control, master) = on_a_socket(Slave::builder()).await;
    let connection = master.connect("slave", slave.addr()).await.unwrap();
    let task = connection.new_task(()).unwrap().function("collect").start().await.unwrap();
    for id in [started(&control, "collect").await, task.execution_id()] {
        for input in [json!(1), json!({"two": 2}), json!([3]), json!("end")] {
            control.send_input(id, input).await.unwrap();
        }
        let got: Value = control.wait_for_success(id, Some(expect::LIMIT)).await.unwrap();
        assert_eq!(got, json!([1, {"two": 2}, [3]]));
    }
    master.close().await;
    slave.shutdown().await.unwrap();
}

#[tokio::test]
async fn an_input_that_is_sent_again_under_its_number_is_handed_over_once() {
    let (slave, control, _master) = on_a_socket(Slave::builder()).await;
    let id = started(&control, "collect").await;
    for (number, input) in [(7, 1), (7, 1), (8, 2), (0, 3), (0, 3)] {
        let data = Some(Payload::encode(&input).unwrap().into());
        let request = SendInputRequest { execution: Some(id.into()), data, number };
        let path = "/selsyn.v1.Control/SendInput";
        let _: SendInputReply = unary(slave.addr().to_string(), path, request).await.unwrap();
    }
    control.send_input(id, "end").await.unwrap();
    let got: Value = control.wait_for_success(id, Some(expect::LIMIT)).await.unwrap();
    assert_eq!(got, json!([1, 2, 3, 3]));
    slave.shutdown().await.unwrap();
}

#[tokio::test]
async fn an_input_that_nobody_can_take_is_refused_with_its_reason() {
    let gate = Gate::closed();
    let (slave, control, _master) = on_a_socket(takes_late(Slave::builder(), &gate)).await;
    let nobody = ExecutionId::first(TaskId::from_random([9; 16]));
    assert_eq!(code(control.send_input(nobody, 1).await), "E0301");
    let id = started(&control, "late").await;
    assert_eq!(code(control.send_input(id, "x".repeat(5 << 20)).await), "E0106");
    for n in 0..1_024 {
        control.send_input(id, n).await.unwrap();
    }
    let full = control.send_input(id, 1_024).await.unwrap_err();
    assert!(matches!(full, ControlError::InputFull { id: of } if of == id), "{full}");
    assert_eq!((full.code(), full.execution()), ("E0307", Some(id)));
    gate.open();
    let missed: u64 = control.wait_for_success(id, Some(expect::LIMIT)).await.unwrap();
    assert_eq!(missed, 1);
    let ended = control.send_input(id, 1).await.unwrap_err();
    let ControlError::AlreadyTerminal { status, .. } = ended else { panic!("{ended}") };
    assert_eq!(status, TaskStatus::Completed);
    slave.shutdown().await.unwrap();
}

#[tokio::test]
async fn inputs_that_wait_in_all_executions_together_are_bounded() {
    let gate = Gate::closed();
    let builder = takes_late(Slave::builder().all_inputs(10_000), &gate);
    let (slave, control, _master) = on_a_socket(builder).await;
    let (one, other) = (started(&control, "late").await, started(&control, "late").await);
    let half = || Payload::bytes(vec![7; 6_000]);
    control.send_input(one, half()).await.unwrap();
    assert_eq!(code(control.send_input(other, half()).await), "E0307");
    gate.open();
    control.wait_for_completion(one, Some(expect::LIMIT)).await.unwrap();
    control.send_input(other, half()).await.unwrap();
    let missed: u64 = control.wait_for_success(other, Some(expect::LIMIT)).await.unwrap();
    assert_eq!(missed, 1);
    slave.shutdown().await.unwrap();
}

#[tokio::test]
async fn what_waits_for_an_execution_that_never_runs_gives_its_room_back() {
    let gate = Gate::closed();
    let builder = takes_late(Slave::builder().slots(1).all_inputs(10_000), &gate);
    let (slave, control, _master) = on_a_socket(builder).await;
    let (runs, waits) = (started(&control, "late").await, started(&control, "late").await);
    let half = || Payload::bytes(vec![7; 6_000]);
    control.send_input(waits, half()).await.unwrap();
    assert_eq!(code(control.send_input(runs, half()).await), "E0307");
    control.stop(waits, "enough").await.unwrap();
    control.wait_for_completion(waits, Some(expect::LIMIT)).await.unwrap();
    control.send_input(runs, half()).await.unwrap();
    gate.open();
    control.wait_for_completion(runs, Some(expect::LIMIT)).await.unwrap();
    slave.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_input_callback_keeps_its_caller_no_longer_than_for_what_came_before() {
    let [ready, back, over] = [(); 3].map(|()| Gate::closed());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (called, mut calls) = mpsc::unbounded_channel();
    let (go_on, waits) = std::sync::mpsc::channel::<()>();
    let waits = Arc::new(Mutex::new(waits));
    let (gates, notes) = ([&ready, &back, &over].map(Gate::clone), Arc::clone(&seen));
    let takes = move |execution: FunctionExecution, (): ()| {
        let ([ready, back, over], notes) = (gates.clone(), Arc::clone(&notes));
        let (called, waits) = (called.clone(), Arc::clone(&waits));
        async move {
            ready.opened().await;
            execution.on_input(move |input| {
                notes.lock().unwrap().push(input.to_string());
                called.send(()).unwrap();
                let _ = waits.lock().unwrap().recv();
            });
            back.open();
            over.opened().await;
            Ok::<_, Failure>(())
        }
    };
    let (slave, control, master) = on_a_socket(Slave::builder().function("takes", takes)).await;
    let id = started(&control, "takes").await;
    control.send_input(id, 0).await.unwrap();
    ready.open();
    expect::soon("the first call", calls.recv()).await.unwrap();
    control.send_input(id, 1).await.unwrap();
    control.send_input(id, 2).await.unwrap();
    go_on.send(()).unwrap();
    // The second call has begun, and does not end before the caller is back.
    expect::soon("the caller", back.opened()).await;
    expect::soon("the second call", calls.recv()).await.unwrap();
    drop(go_on);
    expect::soon("the third call", calls.recv()).await.unwrap();
    assert_eq!(*seen.lock().unwrap(), ["0", "1", "2"]);
    over.open();
    master.close().await;
    slave.shutdown().await.unwrap();
}
