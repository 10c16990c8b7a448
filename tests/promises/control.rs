//! Executions are found, started and stopped by their ids, without a session, by whoever may.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use selsyn::{
    Context, Control, ControlError, ErrorCode, ExecutionId, Failure, FunctionExecution,
    IntoPayload, Master, Payload, Phase, Refusal, Slave, SlaveBuilder, TaskId, TaskRequest,
    TaskStatus, Token, function, generate_token,
};
use selsyn_common::proto::{
    self, InfoReply, InfoRequest, ListExecutionsReply, ListExecutionsRequest, StartRequest,
};
use selsyn_common::{Lineage, StopSignal};
use selsyn_testing::{Gate, TestCluster, expect, functions};
use serde_json::{Value, json};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Endpoint;
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;

async fn cluster(configure: impl Fn(SlaveBuilder) -> SlaveBuilder + Send + 'static) -> TestCluster {
    TestCluster::builder(1).slaves(move |_, slave| configure(slave)).start().await.unwrap()
}

fn code<T: std::fmt::Debug>(result: Result<T, ControlError>) -> &'static str {
    result.expect_err("it is refused").code()
}

/// A slave on a socket of its own, with the functions of all test slaves.
async fn on_a_socket(slave: SlaveBuilder) -> selsyn::SlaveHandle {
    functions::all(slave).bind("127.0.0.1:0").await.unwrap().spawn()
}

#[tokio::test]
async fn a_detached_start_runs_without_its_caller_and_its_result_can_be_read_again_and_again() {
    let slave = on_a_socket(Slave::builder()).await;
    let id = {
        let control = Master::new().unwrap().control(slave.addr()).unwrap();
        control.start("add", json!({"a": 2, "b": 3})).unwrap().await.unwrap().id()
    };
    let control = Master::new().unwrap().control(slave.addr()).unwrap();
    for _ in 0..2 {
        let sum: Value = control.wait_for_success(id, Some(expect::LIMIT)).await.unwrap();
        assert_eq!(sum, json!({"sum": 5}));
    }
    assert_eq!(control.result(id).await.unwrap().value(), Some(&sum()));
    slave.shutdown().await.unwrap();
}

fn sum() -> Payload {
    json!({"sum": 5}).into_payload().unwrap()
}

#[tokio::test]
async fn the_same_start_again_starts_nothing_and_another_under_its_id_is_a_conflict() {
    let counter = functions::Counter::default();
    let count = functions::count(counter.clone());
    let cluster = cluster(move |slave| slave.function("count", count.clone())).await;
    let control = cluster.connection(0).executions();
    let task = TaskId::from_random([7; 16]);
    for _ in 0..2 {
        let started = control.start("count", 1).unwrap().id(task).await.unwrap();
        assert_eq!(started.id(), ExecutionId::first(task));
    }
    assert_eq!(code(control.start("count", 2).unwrap().id(task).await), "E0108");
    let stranger = Master::new().unwrap();
    let dialer = cluster.dialer(0);
    let theirs = stranger.connect_with("other", move || dialer.clone().dial()).await.unwrap();
    assert_eq!(code(theirs.executions().start("count", 1).unwrap().id(task).await), "E0108");
    control.wait_for_completion(ExecutionId::first(task), Some(expect::LIMIT)).await.unwrap();
    assert_eq!(counter.runs(), 1);
    stranger.close().await;
    cluster.stop().await;
}

/// An execution as the parent of others, which never tells them to stop.
fn parent(n: u8) -> Context {
    let task = TaskId::from_random([n; 16]);
    let lineage = Lineage { parent: ExecutionId::first(task), trace: task };
    Context::new(lineage, None, Arc::new(GoesOn))
}

#[derive(Debug)]
struct GoesOn;

impl StopSignal for GoesOn {
    fn reason(&self) -> Option<String> {
        None
    }

    fn stopped(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn the_same_start_of_another_parent_or_with_other_labels_is_a_conflict() {
    let cluster = cluster(|slave| slave).await;
    let control = cluster.connection(0).executions();
    let task = TaskId::from_random([7; 16]);
    let start = || control.start("wait_for_abort", 1).unwrap().id(task);
    for _ in 0..2 {
        start().child_of(parent(1)).label("nightly").label("run=7").await.unwrap();
    }
    start().child_of(parent(1)).label("run=7").label("nightly").await.unwrap();
    assert_eq!(code(start().child_of(parent(2)).label("nightly").label("run=7").await), "E0108");
    assert_eq!(code(start().label("nightly").label("run=7").await), "E0108");
    assert_eq!(code(start().child_of(parent(1)).await), "E0108");
    assert_eq!(code(start().child_of(parent(1)).label("nightly").await), "E0108");
    let children = control.list().children_of(parent(1).execution()).await.unwrap();
    assert_eq!(children.iter().map(|info| info.id).collect::<Vec<_>>(), [ExecutionId::first(task)]);
    cluster.stop().await;
}

#[tokio::test]
async fn a_start_whose_lineage_names_no_parent_is_refused_and_has_not_run() {
    let counter = functions::Counter::default();
    let slave = Slave::builder().function("count", functions::count(counter.clone()));
    let slave = on_a_socket(slave).await;
    let start = async |lineage| {
        let function = "count".to_owned();
        let request = StartRequest { function, lineage: Some(lineage), ..Default::default() };
        let path = "/selsyn.v1.Control/Start";
        unary::<_, proto::ExecutionInfo>(slave.addr().to_string(), path, request).await
    };
    let orphan = proto::Lineage { parent: None, trace_high: 1, trace_low: 2 };
    let zero = proto::Lineage { parent: Some(proto::ExecutionId::default()), ..orphan };
    for lineage in [orphan, proto::Lineage::default(), zero] {
        let status = start(lineage).await.unwrap_err();
        assert_eq!(status.metadata().get("selsyn-code").unwrap(), "E0304");
        assert!(status.message().contains("names no parent"), "{status}");
    }
    assert_eq!(counter.runs(), 0);
    start(parent(1).lineage().into()).await.unwrap();
    slave.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_start_that_is_refused_says_why_and_has_not_run() {
    let refuse = |request: TaskRequest| {
        if request.data == "no".into_payload().unwrap() {
            return Err(Refusal::new("not today").with_code(777));
        }
        Ok(())
    };
    let slave = move |slave: SlaveBuilder| slave.before_task(refuse).slots(1).queue(0, 0);
    let cluster = cluster(slave).await;
    let control = cluster.connection(0).executions();
    assert_eq!(code(control.start("ad", ()).unwrap().await), "E0101");
    let error = control.start("echo", "no").unwrap().await.unwrap_err();
    let ControlError::Rejected(refusal) = &error else { panic!("{error}") };
    assert_eq!((refusal.code, refusal.message.as_str()), (777, "not today"));
    assert_eq!(refusal.reason, ErrorCode::TaskRefused);
    let first = control.start("wait_for_abort", ()).unwrap().await.unwrap();
    let error = control.start("echo", 1).unwrap().await.unwrap_err();
    let ControlError::Rejected(refusal) = &error else { panic!("{error}") };
    assert_eq!((error.code(), refusal.retry_after.is_some()), ("E0105", true));
    let large = "x".repeat(5 << 20);
    assert_eq!(code(control.start("echo", large).unwrap().await), "E0106");
    control.stop(first.id(), "").await.unwrap();
    cluster.stop().await;
}

#[tokio::test]
async fn a_detached_start_honours_its_deadline_and_its_placement() {
    let cluster = cluster(|slave| slave).await;
    let control = cluster.connection(0).executions();
    let start = || control.start("wait_for_abort", 1).unwrap();
    let front = start().foreground().await.unwrap();
    assert!(front.info().await.unwrap().foreground);
    assert_eq!(code(start().foreground().await), "E0110");
    let short = start().deadline(Duration::from_millis(50)).await.unwrap();
    let outcome = control.wait_for_completion(short.id(), Some(expect::LIMIT)).await.unwrap();
    assert_eq!(outcome.status, TaskStatus::TimedOut);
    control.stop(front.id(), "enough").await.unwrap();
    let error = control.wait_for_success::<u32>(front.id(), Some(expect::LIMIT)).await.unwrap_err();
    assert_eq!(error.code(), "E0502");
    assert_eq!(control.get(front.id()).await.unwrap().stop_reason, "stopped from outside: enough");
    cluster.stop().await;
}

#[tokio::test]
async fn an_inline_function_is_started_too() {
    let double = function(|_: FunctionExecution, n: u32| async move { Ok::<_, Failure>(2 * n) });
    let double = double.inline();
    let cluster = cluster(move |slave| slave.function("double", double.clone())).await;
    let control = cluster.connection(0).executions();
    let started = control.start("double", 21).unwrap().await.unwrap();
    let doubled: u32 = control.wait_for_success(started.id(), Some(expect::LIMIT)).await.unwrap();
    assert_eq!(doubled, 42);
    cluster.stop().await;
}

#[tokio::test]
async fn a_master_hears_that_its_task_was_stopped_by_somebody_else() {
    let cluster = cluster(|slave| slave).await;
    let connection = cluster.connection(0);
    let running = connection.new_task(1).unwrap().function("wait_for_abort").start().await.unwrap();
    expect::running(&running).await;
    let control = connection.executions();
    let info = control.stop(running.execution_id(), "maintenance").await.unwrap();
    assert!(matches!(info.phase, Phase::Stopping | Phase::Ended));
    let failure = expect::failure(&running, TaskStatus::Aborted).await;
    assert_eq!(failure.message, "stopped from outside: maintenance");
    cluster.stop().await;
}

#[tokio::test]
async fn a_list_finds_what_fits_every_filter_and_nothing_else() {
    let cluster = cluster(|slave| slave).await;
    let connection = cluster.connection(0);
    let control = connection.executions();
    let mine = control.start("echo", 1).unwrap().label("nightly").await.unwrap();
    control.wait_for_completion(mine.id(), Some(expect::LIMIT)).await.unwrap();
    let failed = control.start("fail", "on purpose").unwrap().await.unwrap();
    control.wait_for_completion(failed.id(), Some(expect::LIMIT)).await.unwrap();
    let stranger = Master::new().unwrap();
    let dialer = cluster.dialer(0);
    let theirs = stranger.connect_with("other", move || dialer.clone().dial()).await.unwrap();
    let task = theirs.new_task(1).unwrap().function("wait_for_abort");
    let running = task.start().await.unwrap();
    expect::running(&running).await;
    let running = running.execution_id();
    let ids = async |list: selsyn::ListExecutions| {
        list.await.unwrap().iter().map(|info| info.id).collect::<Vec<_>>()
    };
    let list = || control.list();
    assert_eq!(ids(list()).await, [running, failed.id(), mine.id()]);
    assert_eq!(ids(list().mine()).await, [failed.id(), mine.id()]);
    assert_eq!(ids(list().owner(stranger.id())).await, [running]);
    assert_eq!(ids(list().function("echo")).await, [mine.id()]);
    assert_eq!(ids(list().label("nightly")).await, [mine.id()]);
    assert_eq!(ids(list().status(Phase::Running)).await, [running]);
    assert_eq!(ids(list().status(Phase::Ended)).await, [failed.id(), mine.id()]);
    assert_eq!(ids(list().status(TaskStatus::Failed)).await, [failed.id()]);
    let either = list().status(TaskStatus::Failed).status(Phase::Running);
    assert_eq!(ids(either).await, [running, failed.id()]);
    assert_eq!(ids(list().only([mine.id(), failed.id()]).function("echo")).await, [mine.id()]);
    assert_eq!(ids(list().mine().label("daily")).await, []);
    assert_eq!(control.statuses([]).await.unwrap(), []);
    control.stop(running, "").await.unwrap();
    stranger.close().await;
    cluster.stop().await;
}

#[tokio::test]
async fn a_lost_way_is_dialled_anew_and_a_watch_goes_on_where_it_broke() {
    let gate = Gate::closed();
    let opened = gate.clone();
    let slow = move |execution: FunctionExecution, (): ()| {
        let gate = opened.clone();
        async move {
            execution.info("before");
            gate.opened().await;
            execution.info("after");
            Ok::<_, Failure>(())
        }
    };
    let cluster = cluster(move |slave| slave.function("slow", slow.clone())).await;
    let control = cluster.connection(0).executions();
    let started = control.start("slow", ()).unwrap().await.unwrap();
    let mut watch = control.watch(started.id(), 3);
    assert_eq!(expect::soon("a line", watch.next()).await.unwrap().unwrap().seq, 3);
    cluster.dialer(0).cut();
    control.get(started.id()).await.unwrap();
    gate.open();
    assert_eq!(expect::soon("a line", watch.next()).await.unwrap().unwrap().seq, 4);
    assert_eq!(expect::soon("the end", watch.next()).await.unwrap().unwrap().seq, 5);
    assert!(watch.next().await.is_none());
    cluster.stop().await;
}

#[tokio::test]
async fn a_slave_that_is_not_there_is_said_to_be_unreachable() {
    let gone = {
        let slave = on_a_socket(Slave::builder()).await;
        let address = slave.addr();
        slave.shutdown().await.unwrap();
        address
    };
    let control = Master::new().unwrap().control(gone).unwrap();
    assert_eq!(code(control.list().await), "E0202");
    let id = ExecutionId::first(TaskId::from_random([1; 16]));
    let error = expect::soon("an error", control.watch(id, 1).next()).await.unwrap();
    assert_eq!(code(error), "E0202");
    assert_eq!(Master::new().unwrap().control("no address").unwrap_err().code(), "E0212");
}

#[tokio::test]
async fn nothing_is_told_or_done_without_the_token() {
    let token = generate_token().unwrap();
    let slave = on_a_socket(Slave::builder().token(token.clone())).await;
    let with = |token: Option<Token>| -> Control {
        let master = Master::builder();
        let master = token.into_iter().fold(master, |master, token| master.token(token));
        master.build().unwrap().control(slave.addr()).unwrap()
    };
    let (none, wrong) = (with(None), with(Some(generate_token().unwrap())));
    let id = ExecutionId::first(TaskId::from_random([1; 16]));
    for (control, expected) in [(&none, "E0204"), (&wrong, "E0205")] {
        assert_eq!(code(control.functions().await), expected);
        assert_eq!(code(control.list().await), expected);
        assert_eq!(code(control.get(id).await), expected);
        assert_eq!(code(control.exists(id).await), expected);
        assert_eq!(code(control.stop(id, "").await), expected);
        assert_eq!(code(control.result(id).await), expected);
        assert_eq!(code(control.watch(id, 1).next().await.unwrap()), expected);
        assert_eq!(code(control.start("echo", 1).unwrap().await), expected);
    }
    let control = with(Some(token));
    assert!(control.list().await.unwrap().is_empty());
    slave.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_drained_slave_starts_nothing_more_and_ends_its_watches() {
    let mut cluster = cluster(|slave| slave.abort_grace(Duration::from_millis(100))).await;
    let control = cluster.connection(0).executions();
    let started = control.start("wait_for_abort", ()).unwrap().await.unwrap();
    let mut watch = control.watch(started.id(), 1);
    assert_eq!(expect::soon("an event", watch.next()).await.unwrap().unwrap().seq, 1);
    let slave = cluster.take_slave(0).unwrap();
    expect::soon("the slave to stop", slave.shutdown()).await.unwrap();
    let ends = async { while let Some(Ok(_)) = watch.next().await {} };
    expect::soon("the watch to end", ends).await;
    cluster.stop().await;
}

pub(super) async fn unary<Q, R>(
    address: String,
    path: &'static str,
    request: Q,
) -> Result<R, Status>
where
    Q: prost::Message + 'static,
    R: prost::Message + Default + 'static,
{
    let channel = Endpoint::from_shared(format!("http://{address}")).unwrap();
    let mut client = tonic::client::Grpc::new(channel.connect().await.unwrap());
    client.ready().await.unwrap();
    let path = PathAndQuery::from_static(path);
    let codec = ProstCodec::<Q, R>::default();
    client.unary(Request::new(request), path, codec).await.map(tonic::Response::into_inner)
}

#[tokio::test]
async fn a_filter_that_the_slave_does_not_know_is_refused_and_not_ignored() {
    let slave = on_a_socket(Slave::builder()).await;
    let ask = async |request: ListExecutionsRequest| {
        let path = "/selsyn.v1.Control/ListExecutions";
        unary::<_, ListExecutionsReply>(slave.addr().to_string(), path, request).await
    };
    let unknown = [
        ListExecutionsRequest { phases: vec![99], ..Default::default() },
        ListExecutionsRequest { phases: vec![0], ..Default::default() },
        ListExecutionsRequest { verdicts: vec![99], ..Default::default() },
        ListExecutionsRequest { owner: vec![1; 3].into(), ..Default::default() },
        ListExecutionsRequest { page_token: vec![1; 3].into(), ..Default::default() },
    ];
    for request in unknown {
        let status = ask(request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{status}");
        assert_eq!(status.metadata().get("selsyn-code").unwrap(), "E0304");
    }
    ask(ListExecutionsRequest::default()).await.unwrap();
    slave.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_list_that_goes_on_at_another_boot_of_the_slave_says_so_and_gives_no_wrong_page() {
    let mut cluster = cluster(|slave| slave).await;
    let control = cluster.connection(0).executions();
    let start = async || control.start("echo", 1).unwrap().await.unwrap().id();
    let ids = [start().await, start().await, start().await];
    let mut pages = control.list().page_size(2).pages();
    for id in ids.iter().rev().take(2) {
        assert_eq!(pages.next().await.unwrap().unwrap().id, *id);
    }
    cluster.restart(0).await.unwrap();
    let new = start().await;
    let error = pages.next().await.unwrap().unwrap_err();
    assert!(error.to_string().contains("another boot"), "{error}");
    assert_eq!(error.code(), "E0304");
    assert!(pages.next().await.is_none(), "asking again would give the same answer");
    let listed = control.list().page_size(2).await.unwrap();
    assert_eq!(listed.iter().map(|info| info.id).collect::<Vec<_>>(), [new]);
    cluster.stop().await;
}

#[tokio::test]
async fn a_generic_client_reads_each_page_of_a_list_within_its_default_limit() {
    /// Each with 1.3 KB to say of it: 4.5 MB.
    const MANY: usize = 3_500;
    let name = "\u{1f6f0}".repeat(128);
    let echo = |_: FunctionExecution, data: u32| async move { Ok::<_, Failure>(data) };
    let slave = on_a_socket(Slave::builder().function(&name, echo)).await;
    let control = Master::new().unwrap().control(slave.addr()).unwrap();
    let start = async |_| {
        let start = control.start(&name, 1).unwrap();
        (0..256).fold(start, |start, _| start.label("x")).await.map(drop)
    };
    let starts = stream::iter(0..MANY).map(start).buffer_unordered(32).try_collect::<()>();
    expect::soon("all starts", starts).await.unwrap();
    let (path, address) = ("/selsyn.v1.Control/ListExecutions", slave.addr().to_string());
    let (mut listed, mut is_last) = (0, false);
    let mut request = ListExecutionsRequest { page_size: 10_000, ..Default::default() };
    while !is_last {
        let page = unary::<_, ListExecutionsReply>(address.clone(), path, request.clone()).await;
        let page = page.unwrap();
        listed += page.executions.len();
        is_last = page.next_page_token.is_empty();
        request.page_token = page.next_page_token;
    }
    assert_eq!(listed, MANY);
    assert_eq!(control.list().page_size(10_000).await.unwrap().len(), MANY);
    slave.shutdown().await.unwrap();
}

/// The health service's messages, as other languages know them.
mod health {
    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct HealthCheckRequest {
        #[prost(string, tag = "1")]
        pub(super) service: String,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct HealthCheckResponse {
        #[prost(int32, tag = "1")]
        pub(super) status: i32,
    }
}

#[tokio::test]
async fn health_says_serving_until_the_slave_drains() {
    let gate = Gate::closed();
    let slave = Slave::builder().function("wait", functions::wait_for(gate.clone()));
    let slave = on_a_socket(slave).await;
    let address = slave.addr().to_string();
    let control = Master::new().unwrap().control(&address).unwrap();
    control.start("wait", ()).unwrap().await.unwrap();
    let ask = async |service: &str| {
        let request = health::HealthCheckRequest { service: service.to_owned() };
        let path = "/grpc.health.v1.Health/Check";
        let reply = unary::<_, health::HealthCheckResponse>(address.clone(), path, request).await;
        reply.map(|reply| reply.status)
    };
    assert_eq!((ask("").await.unwrap(), ask("slave").await.unwrap()), (1, 1));
    assert_eq!(ask("nobody").await.unwrap_err().code(), Code::NotFound);
    let draining = tokio::spawn(slave.drain(Duration::from_secs(60)));
    let not_serving = async { while ask("").await.unwrap() != 2 {} };
    expect::soon("NOT_SERVING", not_serving).await;
    let info = unary::<_, InfoReply>(address.clone(), "/selsyn.v1.Control/Info", InfoRequest {});
    assert!(info.await.unwrap().draining);
    assert_eq!(code(control.start("echo", 1).unwrap().await), "E0109");
    gate.open();
    expect::soon("the end of the drain", draining).await.unwrap().unwrap();
}

/// Reflection's messages, as far as a list of services needs them.
mod reflection {
    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Request {
        #[prost(string, tag = "7")]
        pub(super) list_services: String,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Response {
        #[prost(message, optional, tag = "6")]
        pub(super) list: Option<List>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct List {
        #[prost(message, repeated, tag = "1")]
        pub(super) service: Vec<Service>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Service {
        #[prost(string, tag = "1")]
        pub(super) name: String,
    }
}

#[tokio::test]
async fn reflection_lists_our_services_in_both_of_its_versions() {
    let slave = on_a_socket(Slave::builder()).await;
    for version in ["v1", "v1alpha"] {
        let channel = Endpoint::from_shared(format!("http://{}", slave.addr())).unwrap();
        let mut client = tonic::client::Grpc::new(channel.connect().await.unwrap());
        client.ready().await.unwrap();
        let path = format!("/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo");
        let codec = ProstCodec::<reflection::Request, reflection::Response>::default();
        let request = reflection::Request { list_services: "*".to_owned() };
        let asked = Request::new(tokio_stream::iter([request]));
        let replies = client.streaming(asked, path.parse().unwrap(), codec).await.unwrap();
        let reply = expect::soon("a reply", replies.into_inner().message()).await.unwrap().unwrap();
        let services: Vec<_> =
            reply.list.unwrap().service.into_iter().map(|service| service.name).collect();
        for name in ["selsyn.v1.Control", "selsyn.v1.Interaction", "grpc.health.v1.Health"] {
            assert!(services.iter().any(|service| service == name), "{services:?}");
        }
    }
    slave.shutdown().await.unwrap();
}
