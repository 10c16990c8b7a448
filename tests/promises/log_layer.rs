//! What a function logs through `tracing` stands in its execution's log, and nothing else does.

use std::sync::{Arc, Mutex};

use selsyn::{ExecutionLogLayer, Failure, FunctionExecution, LogLevel};
use selsyn_testing::{TestCluster, expect};
use serde_json::json;
use tokio::runtime::Handle;
use tracing::{Instrument, Span, debug, error, info, info_span, trace, warn};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::prelude::*;

/// Everything that can be logged, from everywhere.
async fn logs(execution: FunctionExecution, name: String) -> Result<(), Failure> {
    error!(%name, "broken");
    warn!(left = 3_u64, ratio = 0.5, last = true, "slow");
    let inner = async { info!(step = -1, "inside") };
    inner.instrument(info_span!("step")).await;
    debug!("more");
    trace!(below = 1);
    let spawned = tokio::spawn(async { info!("spawned") }.instrument(Span::current()));
    spawned.await?;
    // This one is nobody's.
    tokio::spawn(async { info!("stray") }).await?;
    execution.info("by hand");
    Ok(())
}

#[tokio::test]
async fn events_in_an_executions_span_stand_in_its_log() {
    let log = ExecutionLogLayer::new().with_filter(LevelFilter::TRACE);
    let _guard = tracing_subscriber::registry().with(log).set_default();
    // On this thread, as the subscriber is its alone.
    let cluster = TestCluster::builder(1)
        .slaves(|_, slave| slave.function_runtime(Handle::current()).function("logs", logs))
        .start()
        .await
        .unwrap();
    info!("before");
    let heard = Arc::new(Mutex::new(Vec::new()));
    let lines = Arc::clone(&heard);
    let task = cluster.connection(0).new_task(json!("first")).unwrap().function("logs");
    let running = task
        .on_log(move |line| lines.lock().unwrap().push((line.level, line.content.clone())))
        .start()
        .await
        .unwrap();
    expect::completed(&running).await;
    let expected = [
        (LogLevel::Error, r#"broken {"name":"first"}"#),
        (LogLevel::Warning, r#"slow {"last":true,"left":3,"ratio":0.5}"#),
        (LogLevel::Info, r#"inside {"step":-1}"#),
        (LogLevel::Verbose, "more"),
        (LogLevel::Debug, r#"{"below":1}"#),
        (LogLevel::Info, "spawned"),
        (LogLevel::Info, "by hand"),
    ];
    let expected = expected.map(|(level, line)| (level, line.to_owned()));
    assert_eq!(*heard.lock().unwrap(), expected);
    cluster.stop().await;
}

#[tokio::test]
async fn each_execution_has_its_own_log_and_a_thread_in_its_scope_adds_to_it() {
    let log = ExecutionLogLayer::new().with_filter(LevelFilter::INFO);
    let subscriber = tracing_subscriber::registry().with(log);
    let dispatch = tracing::Dispatch::new(subscriber);
    let _guard = tracing::dispatcher::set_default(&dispatch);
    let threaded = move |execution: FunctionExecution, name: String| {
        let dispatch = dispatch.clone();
        async move {
            let thread = move || tracing::dispatcher::with_default(&dispatch, || info!("{name}"));
            let thread = std::thread::spawn(move || execution.scope(thread));
            thread.join().map_err(|_| Failure::new("the thread panicked"))
        }
    };
    let cluster = TestCluster::builder(1)
        .slaves(move |_, slave| slave.function("threaded", threaded.clone()))
        .start()
        .await
        .unwrap();
    for name in ["a", "b"] {
        let task = cluster.connection(0).new_task(name).unwrap().function("threaded");
        let running = task.keep_picture().start().await.unwrap();
        expect::completed(&running).await;
        let picture = running.picture().unwrap();
        assert_eq!(picture.log().map(|line| line.content.as_str()).collect::<Vec<_>>(), [name]);
    }
    cluster.stop().await;
}
