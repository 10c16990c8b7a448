//! A runtime that ends, or is held up, ends nobody's wait for ever, and nobody is told an untruth.

use std::time::Duration;

use selsyn::{
    ConnectionState, Failure, FailureKind, FunctionExecution, Group, Master, Ran, ServeError,
    Slave, StartError, TaskStatus, blocking, function,
};
use selsyn_testing::functions::{Counter, count};
use selsyn_testing::{Gate, TestCluster, expect, functions, pipe};
use serde_json::json;
use tokio::runtime::{Builder, Runtime};

const SHORT: Duration = Duration::from_millis(300);

/// A runtime for functions, with one thread to hold up.
fn one_thread() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

/// Runs a test beside the runtimes that it ends.
fn beside(test: impl Future<Output = ()>) {
    Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

#[test]
fn a_run_whose_runtime_ends_has_its_verdict_and_what_comes_after_never_ran() {
    let runtime = one_thread();
    let handle = runtime.handle().clone();
    beside(async {
        let cluster = TestCluster::builder(1)
            .slaves(move |_, slave| {
                let block = blocking(|_: FunctionExecution, _: i32| Ok::<_, Failure>(()));
                slave.function_runtime(handle.clone()).function("block", block)
            })
            .start()
            .await
            .unwrap();
        let start = |function: &str| {
            cluster.connection(0).new_task(json!(1)).unwrap().function(function).start()
        };
        let running = start("wait_for_abort").await.unwrap();
        expect::running(&running).await;
        runtime.shutdown_background();
        let failure = expect::failure(&running, TaskStatus::Failed).await;
        assert_eq!((failure.kind, failure.ran), (FailureKind::Killed, Ran::Yes));
        for function in ["echo", "block"] {
            let running = start(function).await.unwrap();
            let failure = expect::failure(&running, TaskStatus::Aborted).await;
            assert_eq!(failure.ran, Ran::No, "{function}");
        }
        assert_eq!(cluster.slave(0).running(), 0);
        cluster.stop().await;
    });
}

#[test]
fn a_start_whose_hook_cannot_be_asked_is_refused_at_once() {
    let runtime = one_thread();
    let (handle, asked) = (runtime.handle().clone(), Gate::closed());
    let asks = asked.clone();
    beside(async {
        let cluster = TestCluster::builder(1)
            .slaves(move |_, slave| {
                let asked = asks.clone();
                slave.function_runtime(handle.clone()).before_task_async(move |_| {
                    asked.open();
                    std::future::pending::<Result<(), _>>()
                })
            })
            .master(|master| master.start_deadline(expect::LIMIT * 2))
            .start()
            .await
            .unwrap();
        let start = || tokio::spawn(cluster.connection(0).new_task(json!(1)).unwrap().start());
        let interrupted = start();
        expect::soon("the hook to be asked", asked.opened()).await;
        runtime.shutdown_background();
        for starting in [interrupted, start()] {
            let error = expect::error(expect::soon("the start", starting).await.unwrap());
            assert_eq!((error.code(), error.ran()), ("E0103", Ran::No));
            assert!(error.to_string().ends_with("the function runtime has ended"), "{error}");
        }
        assert_eq!(cluster.slave(0).running(), 0);
        cluster.stop().await;
    });
}

#[test]
fn a_task_that_times_out_before_its_first_instruction_never_ran_and_never_will() {
    let (runtime, gate, runs) = (one_thread(), Gate::closed(), Counter::default());
    let (handle, opened, counted) = (runtime.handle().clone(), gate.clone(), runs.clone());
    beside(async {
        let hog = function(move |_: FunctionExecution, _: i32| {
            let gate = opened.clone();
            async move {
                while !gate.is_open() {
                    std::thread::sleep(Duration::from_millis(5));
                }
                Ok::<_, Failure>(())
            }
        });
        let cluster = TestCluster::builder(1)
            .slaves(move |_, slave| {
                let slave = slave.function_runtime(handle.clone()).function("hog", hog.clone());
                slave.function("count", count(counted.clone()))
            })
            .start()
            .await
            .unwrap();
        let task = |name: &str| cluster.connection(0).new_task(json!(1)).unwrap().function(name);
        let hog = task("hog").start().await.unwrap();
        expect::running(&hog).await;
        let late = task("count").deadline(SHORT).start().await.unwrap();
        let failure = expect::failure(&late, TaskStatus::TimedOut).await;
        assert_eq!((failure.ran, failure.still_running), (Ran::No, false));
        gate.open();
        expect::completed(&hog).await;
        let next = task("count").start().await.unwrap();
        assert_eq!(next.success::<usize>().await.unwrap(), 1, "the other one never ran");
        cluster.stop().await;
    });
}

#[test]
fn the_end_of_a_masters_runtime_ends_its_connections_and_their_tasks() {
    let runtime = one_thread();
    beside(async {
        let (dialer, listener) = pipe();
        let builder = Slave::builder().function("wait", functions::wait_for_abort());
        let slave = builder.incoming(listener).unwrap().spawn();
        let master = Master::new().unwrap();
        let connecting = master.clone();
        let connected = runtime.spawn(async move {
            let connection =
                connecting.connect_with("it", move || dialer.clone().dial()).await.unwrap();
            let task = connection.new_task(json!(1)).unwrap().function("wait");
            let running = task.on_fail(|_, _| {}).start().await.unwrap();
            (connection, running)
        });
        let (connection, running) = expect::soon("the start", connected).await.unwrap();
        runtime.shutdown_background();
        expect::ended_as(&running, TaskStatus::Lost).await;
        // There is nothing left to run a late callback on; it holds up nobody.
        expect::ended_as(&running.on_fail(|_, _| {}), TaskStatus::Lost).await;
        expect::soon("the end", connection.closed()).await;
        assert_eq!(connection.state(), ConnectionState::Closed);
        let error = expect::error(connection.new_task(json!(1)).unwrap().start().await);
        assert!(matches!(error, StartError::Closed { .. }), "{error}");
        expect::soon("the goodbye", connection.disconnect()).await.unwrap();
        expect::soon("the close", master.close()).await;
        slave.shutdown().await.unwrap();
    });
}

#[test]
fn shutting_down_a_slave_whose_runtime_has_ended_says_so_and_waits_for_nobody() {
    let (runtime, gate) = (one_thread(), Gate::closed());
    let opened = gate.clone();
    beside(async {
        let (dialer, listener) = pipe();
        let served = runtime.spawn(async move {
            let stuck = functions::ignore_abort(opened);
            let builder = Slave::builder().abort_grace(Duration::ZERO).function("stuck", stuck);
            builder.incoming(listener).unwrap().spawn()
        });
        let slave = served.await.unwrap();
        let master = Master::new().unwrap();
        let connecting = master.connect_with("it", move || dialer.clone().dial());
        let connection = connecting.await.unwrap();
        let running =
            connection.new_task(json!(1)).unwrap().function("stuck").start().await.unwrap();
        expect::running(&running).await;
        runtime.shutdown_background();
        let error = expect::error(expect::soon("the shutdown", slave.shutdown()).await);
        assert!(matches!(error, ServeError::RuntimeEnded), "{error}");
        gate.open();
        master.close().await;
    });
}

#[test]
fn those_who_join_a_group_are_told_when_the_runtime_of_its_connections_ends() {
    let runtime = one_thread();
    let (cluster, running) = runtime.block_on(async {
        let cluster = TestCluster::start(2).await.unwrap();
        let group = Group::new(cluster.connections().iter().cloned()).unwrap();
        let task = group.new_task(json!(1)).unwrap().function("wait_for_abort");
        (cluster, task.start().await)
    });
    runtime.shutdown_background();
    beside(async {
        let outcome = expect::soon("the group to end", running.join()).await;
        assert!(outcome.members.iter().all(|member| member.outcome.status == TaskStatus::Lost));
        assert_eq!(outcome.status, TaskStatus::Lost);
    });
    drop(cluster);
}

#[test]
fn connections_on_a_thread_of_their_own_live_on_while_the_program_holds_up_its_runtime() {
    let slaves = one_thread();
    let tolerance = Duration::from_millis(400);
    let (dialer, listener) = pipe();
    let slave = slaves.block_on(async {
        let builder = Slave::builder().function("echo", functions::echo());
        builder.incoming(listener).unwrap().spawn()
    });
    beside(async {
        let master = Master::builder().driver_thread().heartbeat_tolerance(tolerance);
        let master = master.suspect_after(tolerance).build().unwrap();
        let connection = master.connect_with("it", move || dialer.clone().dial()).await.unwrap();
        let mut events = connection.events();
        assert_eq!(events.next().await, Some(ConnectionState::Connected));
        // Nothing on this runtime runs meanwhile.
        std::thread::sleep(tolerance * 3);
        let here = std::thread::current().id();
        let called = connection.new_task(json!(1)).unwrap().function("echo");
        let called = called.on_complete_async(move |_, _| async move {
            assert_eq!(std::thread::current().id(), here, "user code runs where it connects");
        });
        let running = called.start().await.unwrap();
        let outcome = expect::completed(&running).await;
        assert_eq!(outcome.callback_panics, Vec::<String>::new());
        expect::soon("the close", master.close()).await;
        assert_eq!(events.next().await, Some(ConnectionState::Closed), "it was never away");
    });
    slaves.block_on(slave.shutdown()).unwrap();
}

#[test]
fn connections_on_a_thread_of_their_own_outlive_the_runtime_that_made_them() {
    let (runtime, slaves) = (one_thread(), one_thread());
    let (dialer, listener) = pipe();
    let slave = slaves.block_on(async {
        let builder = Slave::builder().function("echo", functions::echo());
        builder.incoming(listener).unwrap().spawn()
    });
    let master = Master::builder().driver_thread().build().unwrap();
    let connection = runtime.block_on(async {
        master.connect_with("it", move || dialer.clone().dial()).await.unwrap()
    });
    runtime.shutdown_background();
    beside(async {
        let running = connection.new_task(json!(7)).unwrap().function("echo").start().await;
        assert_eq!(running.unwrap().success::<i32>().await.unwrap(), 7);
        expect::soon("the close", master.close()).await;
    });
    slaves.block_on(slave.shutdown()).unwrap();
}
