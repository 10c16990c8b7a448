//! Hooks may change and veto; the most specific one counts, and one that panics vetoes.

use std::sync::{Arc, Mutex};

use selsyn::{ConnectionState, OnStartError, Payload, Ran, Refusal, StartError};
use selsyn_testing::functions::Counter;
use selsyn_testing::{Gate, TestCluster, expect, functions, pipe};
use serde_json::json;

fn stamped(text: &'static str) -> impl Fn(Payload) -> Result<Payload, selsyn::HookError> {
    move |_| Ok(Payload::encode(text)?)
}

#[tokio::test]
async fn what_before_start_gives_is_what_is_sent_and_both_are_kept() {
    let cluster = TestCluster::start(1).await.unwrap();
    let task = cluster.connection(0).new_task(json!("plain")).unwrap().function("echo");
    let running = task.before_start(stamped("stamped")).start().await.unwrap();
    assert_eq!(running.success::<String>().await.unwrap(), "stamped");
    assert_eq!(running.data().to_string(), r#""plain""#);
    assert_eq!(running.sent_data().to_string(), r#""stamped""#);
    cluster.stop().await;
}

#[tokio::test]
async fn the_hook_of_the_task_replaces_that_of_the_connection_and_that_the_masters() {
    let cluster = TestCluster::builder(1)
        .master(|master| master.before_start(stamped("master")))
        .start()
        .await
        .unwrap();
    let dialer = cluster.dialer(0);
    let own = cluster.master().connect_with("own", move || dialer.clone().dial());
    let own = own.before_start(stamped("connection")).await.unwrap();
    let sent = async |task: selsyn::Task| {
        task.function("echo").start().await.unwrap().success::<String>().await.unwrap()
    };
    assert_eq!(sent(cluster.connection(0).new_task(1).unwrap()).await, "master");
    assert_eq!(sent(own.new_task(1).unwrap()).await, "connection");
    assert_eq!(sent(own.new_task(1).unwrap().before_start(stamped("task"))).await, "task");
    cluster.stop().await;
}

#[tokio::test]
async fn a_before_start_that_panics_vetoes_and_says_so() {
    let cluster = TestCluster::start(1).await.unwrap();
    let task = cluster.connection(0).new_task(1).unwrap();
    let error =
        expect::error(task.before_start_async(|_| async { panic!("no stamp") }).start().await);
    assert!(matches!(error, StartError::Hook { .. }));
    assert_eq!(error.to_string(), "the before_start hook failed: it panicked: no stamp");
    cluster.stop().await;
}

#[tokio::test]
async fn after_start_hears_what_before_task_replied() {
    let cluster = TestCluster::builder(1)
        .slaves(|_, slave| slave.before_task(|task| Ok(json!({"welcome": task.function}))))
        .start()
        .await
        .unwrap();
    let heard = Arc::new(Mutex::new(None));
    let hears = Arc::clone(&heard);
    let task = cluster.connection(0).new_task(json!({"a": 1, "b": 1})).unwrap();
    let running = task
        .after_start(move |accepted| *hears.lock().unwrap() = accepted.reply)
        .start()
        .await
        .unwrap();
    assert_eq!(heard.lock().unwrap().take().unwrap().to_string(), r#"{"welcome":"process_task"}"#);
    expect::completed(&running).await;
    cluster.stop().await;
}

#[tokio::test]
async fn an_after_start_that_panics_is_recorded_and_changes_nothing() {
    let cluster = TestCluster::start(1).await.unwrap();
    let task = cluster.connection(0).new_task(json!({"a": 1, "b": 1})).unwrap();
    let running = task.after_start(|_| panic!("oops")).start().await.unwrap();
    let outcome = expect::completed(&running).await;
    assert!(outcome.callback_panics.len() <= 1);
    cluster.stop().await;
}

#[tokio::test]
async fn a_before_task_that_panics_refuses_and_the_slave_goes_on() {
    let cluster = TestCluster::builder(1)
        .slaves(|_, slave| {
            slave.before_task(|task| {
                assert!(task.function != "echo", "no echoes");
                Ok(())
            })
        })
        .start()
        .await
        .unwrap();
    let error =
        expect::error(cluster.connection(0).new_task(1).unwrap().function("echo").start().await);
    assert_eq!((error.code(), error.ran()), ("E0103", Ran::No));
    assert!(error.to_string().contains("no echoes"), "{error}");
    let next =
        cluster.connection(0).new_task(json!({"a": 1, "b": 1})).unwrap().start().await.unwrap();
    expect::completed(&next).await;
    cluster.stop().await;
}

#[tokio::test]
async fn every_failed_start_is_told_once_with_its_data() {
    let told = Counter::default();
    let count = told.clone();
    let cluster = TestCluster::builder(1)
        .slaves(|_, slave| slave.before_task(|_| Err::<(), _>(Refusal::new("busy").with_code(77))))
        .master(move |master| {
            master.on_start_error(move |data, error| {
                assert_eq!((data.to_string().as_str(), error.refusal().unwrap().code), ("5", 77));
                count.count();
                OnStartError::Propagate
            })
        })
        .start()
        .await
        .unwrap();
    expect::error(cluster.connection(0).new_task(5).unwrap().start().await);
    assert_eq!(told.runs(), 1);
    cluster.stop().await;
}

#[tokio::test]
async fn connect_and_disconnect_hooks_run_around_a_session() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let note = |what: &'static str| {
        let seen = Arc::clone(&seen);
        move |said: String| seen.lock().unwrap().push(format!("{what} {said}"))
    };
    let (connecting, connected, leaving, left) =
        (note("before"), note("after"), note("leaving"), note("left"));
    let (asked, goodbye) = (note("slave asked"), note("slave left"));
    let asked = Arc::new(asked);
    let goodbye = Arc::new(goodbye);
    let cluster = TestCluster::builder(1)
        .slaves(move |_, slave| {
            let (asked, goodbye) = (Arc::clone(&asked), Arc::clone(&goodbye));
            slave
                .before_connection(move |request| {
                    asked(request.data.to_string());
                    Ok("hello")
                })
                .before_disconnection(move |request| {
                    goodbye(request.peer.connection);
                    Ok("bye")
                })
        })
        .master(move |master| {
            master
                .before_connect(move |_| {
                    connecting(String::new());
                    Ok(Payload::encode("let me in")?)
                })
                .after_connect(move |told| connected(told.reply.unwrap().to_string()))
                .before_disconnect(move |data| {
                    leaving(String::new());
                    Ok(data)
                })
                .after_disconnect(move |told| left(told.reply.unwrap().to_string()))
        })
        .start()
        .await
        .unwrap();
    expect::eventually("after_connect", || seen.lock().unwrap().len() == 3).await;
    cluster.connection(0).disconnect().await.unwrap();
    let expected = [
        "before ",
        "slave asked \"let me in\"",
        "after \"hello\"",
        "leaving ",
        "slave left slave-0",
        "left \"bye\"",
    ];
    assert_eq!(*seen.lock().unwrap(), expected);
    cluster.stop().await;
}

#[tokio::test]
async fn a_veto_before_connect_dials_nobody_and_is_told_to_the_error_hook() {
    let told = Counter::default();
    let count = told.clone();
    let master = selsyn::Master::builder()
        .before_connect(|_| Err("not today".into()))
        .on_connect_error(move |_| {
            count.count();
        })
        .build()
        .unwrap();
    let dials = Counter::default();
    let dialed = dials.clone();
    let dial = move || {
        dialed.count();
        std::future::ready(Err::<tokio::io::DuplexStream, _>(std::io::ErrorKind::Other.into()))
    };
    let error = expect::error(master.connect_with("it", dial).await);
    assert_eq!(error.to_string(), "the before_connect hook of it failed: not today");
    assert_eq!((error.code(), dials.runs(), told.runs()), ("E0215", 0, 1));
}

#[tokio::test]
async fn lost_connection_is_told_once_and_only_of_sessions_without_a_goodbye() {
    let lost = Counter::default();
    let count = lost.clone();
    let cluster = TestCluster::builder(2)
        .slaves(move |_, slave| {
            let count = count.clone();
            slave.lost_connection(move |_| {
                count.count();
            })
        })
        .start()
        .await
        .unwrap();
    cluster.connection(0).disconnect().await.unwrap();
    cluster.connection(1).detach();
    expect::eventually("lost_connection", || lost.runs() == 1).await;
    cluster.stop().await;
    assert_eq!(lost.runs(), 1);
}

#[tokio::test]
async fn after_start_comes_before_the_callbacks_however_fast_the_task_is() {
    let cluster = TestCluster::builder(1)
        .slaves(|_, slave| slave.function("flood", functions::flood()))
        .start()
        .await
        .unwrap();
    let connection = cluster.connection(0).clone();
    let (told, order) = (Gate::closed(), Arc::new(Mutex::new(Vec::new())));
    let note = |what: &'static str| {
        let order = Arc::clone(&order);
        move || order.lock().unwrap().push(what)
    };
    let (started, progress, log, completed) =
        (note("started"), note("progress"), note("log"), note("completed"));
    let waits = told.clone();
    let task = connection.new_task(1).unwrap().function("flood");
    let task = task
        .on_complete(move |_, _| completed())
        .on_log(move |_| log())
        .on_progress(move |_| progress())
        .after_start_async(move |_| {
            let (told, started) = (waits.clone(), started.clone());
            async move {
                told.opened().await;
                started();
            }
        });
    let starting = tokio::spawn(task.start());
    expect::eventually("the verdict to be there", || connection.in_flight() == 0).await;
    assert!(order.lock().unwrap().is_empty());
    told.open();
    let running = expect::soon("the start", starting).await.unwrap().unwrap();
    expect::completed(&running).await;
    assert_eq!(*order.lock().unwrap(), ["started", "log", "progress", "completed"]);
    cluster.stop().await;
}

#[tokio::test]
async fn a_before_connect_that_never_returns_holds_no_close() {
    let master = selsyn::Master::new().unwrap();
    let (dialer, _listener) = pipe();
    let connecting = master.connect_with("it", move || dialer.clone().dial());
    let connecting = connecting.before_connect_async(|_| std::future::pending()).lazy();
    let connection = connecting.await.unwrap();
    let task = connection.new_task(1).unwrap();
    let starting = tokio::spawn(task.start());
    expect::eventually("the start to wait", || connection.in_flight() == 1).await;
    expect::soon("the close", master.close()).await;
    assert_eq!(connection.state(), ConnectionState::Closed);
    let error = expect::error(expect::soon("the start", starting).await.unwrap());
    assert!(matches!(error, StartError::Closed { .. }), "{error}");
}

#[tokio::test]
async fn a_reply_over_the_limit_is_left_out_and_nothing_else_is_lost() {
    let long = || "y".repeat(3_000_000);
    let replies = Arc::new(Mutex::new(Vec::new()));
    let hears = || {
        let replies = Arc::clone(&replies);
        move |reply| replies.lock().unwrap().push(reply)
    };
    let (welcome, accepted, goodbye) = (hears(), hears(), hears());
    let cluster = TestCluster::builder(1)
        .slaves(move |_, slave| {
            let refused = move || Refusal::new("no echoes").with_code(77).with_data(long());
            slave
                .before_connection(move |_| Ok(long()))
                .before_disconnection(move |_| Ok(long()))
                .before_task(
                    move |task| {
                        if task.function == "echo" { Err(refused()) } else { Ok(long()) }
                    },
                )
        })
        .master(move |master| {
            master
                .max_payload_bytes(1_000)
                .after_connect(move |told| welcome(told.reply))
                .after_start(move |told| accepted(told.reply))
                .after_disconnect(move |told| goodbye(told.reply))
        })
        .start()
        .await
        .unwrap();
    let task = || cluster.connection(0).new_task(json!({"a": 1, "b": 1})).unwrap();
    let error = expect::error(task().function("echo").start().await);
    let refusal = error.refusal().unwrap();
    assert_eq!((refusal.message.as_str(), refusal.code), ("no echoes", 77));
    expect::completed(&task().start().await.unwrap()).await;
    cluster.connection(0).disconnect().await.unwrap();
    assert_eq!(*replies.lock().unwrap(), [None, None, None]);
    cluster.stop().await;
}
