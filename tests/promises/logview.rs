//! Whoever has the address of an execution sees what it does, as it does it; nobody else sees
//! anything, and nobody is slowed.

mod browser;

use std::fmt::Write;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use selsyn::{
    Connection, Control, ControlError, ErrorCode, ExecutionId, Failure, FunctionExecution,
    Happened, LogLevel, LogLine, Logview, Master, OutputContent, Progress, Slave, SlaveBuilder,
    SlaveHandle, TaskStatus, generate_token,
};
use selsyn_testing::{Gate, PipeDialer, TestCluster, expect, functions, pipe};
use selsyn_tests::raw_master;
use serde_json::json;
use tokio::runtime::Handle;
use tokio::time::{sleep, timeout};
use tonic::body::Body;
use tonic::codegen::{Body as _, Service, http};
use tonic::transport::Channel;
use tower::ServiceExt;
use tracing::Subscriber;
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::prelude::*;

use browser::{Answer, ask, get, get_on};

/// A slave on a socket, and a master that is connected to it.
struct Pair {
    slave: SlaveHandle,
    master: Master,
    connection: Connection,
}

async fn pair(slave: SlaveBuilder) -> Pair {
    let slave = functions::all(slave).bind("127.0.0.1:0").await.unwrap().spawn();
    let master = Master::new().unwrap();
    let connection = master.connect("slave", slave.addr()).await.unwrap();
    Pair { slave, master, connection }
}

impl Pair {
    async fn stop(self) {
        self.master.close().await;
        self.slave.shutdown().await.unwrap();
    }
}

/// With a function that shows that it began, and what it was given once the gate is open.
fn with_shows(gate: &Gate) -> SlaveBuilder {
    let gate = gate.clone();
    Slave::builder().function("shows", move |execution: FunctionExecution, line: String| {
        let gate = gate.clone();
        async move {
            execution.info("begun");
            gate.opened().await;
            execution.warning(line);
            Ok::<_, Failure>(7)
        }
    })
}

/// Where a page stands, as host and path.
fn split(logview: &Logview) -> (SocketAddr, String) {
    let (host, secret) =
        logview.address().strip_prefix("http://").unwrap().split_once('/').unwrap();
    (host.parse().unwrap(), format!("/{secret}"))
}

async fn open(logview: &Logview) -> Answer {
    let (address, path) = split(logview);
    get(address, &path).await
}

async fn open_in_a_browser(logview: &Logview) -> Answer {
    let (address, path) = split(logview);
    let accept = "text/html,application/xhtml+xml,*/*;q=0.8";
    ask(address, &format!("GET {path} HTTP/1.1\r\nhost: slave\r\naccept: {accept}\r\n\r\n")).await
}

/// The next line that is not empty, without its time.
async fn told(page: &mut Answer) -> Option<String> {
    loop {
        let line = page.line().await?;
        if let Some((_, text)) = line.split_once("  ") {
            return Some(text.split_whitespace().collect::<Vec<_>>().join(" "));
        }
    }
}

#[tokio::test]
async fn a_page_tells_what_happens_as_it_happens_and_ends_with_the_verdict() {
    let gate = Gate::closed();
    let pair = pair(with_shows(&gate)).await;
    let task = pair.connection.new_task(json!("gradient clipped")).unwrap().function("shows");
    let running = task.start().await.unwrap();
    let logview = running.logview().await.unwrap();
    assert_eq!(logview.valid_for(), Duration::from_secs(24 * 60 * 60));
    let mut page = open(&logview).await;
    let title = page.line().await.unwrap();
    assert_eq!(title, format!("shows · {}", running.execution_id()));
    for expected in ["state accepted", "state running", "info begun"] {
        assert_eq!(told(&mut page).await.unwrap(), expected);
    }
    // All that was told while it ran; the rest comes only now.
    gate.open();
    assert_eq!(told(&mut page).await.unwrap(), "warning gradient clipped");
    let verdict = told(&mut page).await.unwrap();
    assert!(verdict.starts_with("state ended COMPLETED after "), "{verdict}");
    assert_eq!(told(&mut page).await, None);
    assert!(page.closes().await);
    // Whoever comes later is told the same.
    let again = open(&logview).await.rest().await;
    assert_eq!(again.lines().filter(|line| line.contains("gradient clipped")).count(), 1);
    pair.stop().await;
}

#[tokio::test]
async fn progress_and_failures_are_lines_too() {
    let fails = |execution: FunctionExecution, (): ()| async move {
        execution.show(Progress::counts(15, 20).title("epochs"))?;
        Err::<(), _>(Failure::from("the disk is full"))
    };
    let pair = pair(Slave::builder().function("fails", fails)).await;
    let control = pair.connection.executions();
    let started = control.start("fails", ()).unwrap().label("nightly").await.unwrap();
    let logview = control.logview_for(started.id(), Duration::from_secs(60)).await.unwrap();
    assert_eq!(logview.valid_for(), Duration::from_secs(60));
    let page = open(&logview).await.rest().await;
    assert!(page.starts_with(&format!("fails · {} · nightly\n", started.id())), "{page}");
    assert!(page.contains("progress  75 % epochs (15/20)\n"), "{page}");
    assert!(page.contains("ended FAILED after ") && page.contains("the disk is full"), "{page}");
    pair.stop().await;
}

#[tokio::test]
async fn a_browser_shows_what_a_function_writes_as_text_and_runs_nothing_of_it() {
    const EVIL: &str = "</pre><script>alert(1)</script><img src=x onerror=alert(1)>";
    let evil = |execution: FunctionExecution, (): ()| async move {
        execution.log_line(LogLine::new(LogLevel::Info, EVIL).html())?;
        execution.show(Progress::fraction(0.5).title(EVIL))?;
        Err::<(), _>(Failure::from(EVIL))
    };
    let pair = pair(Slave::builder().function("<b>evil</b>", evil)).await;
    let control = pair.connection.executions();
    let started = control.start("<b>evil</b>", ()).unwrap().label(EVIL).await.unwrap();
    let logview = control.logview(started.id()).await.unwrap();
    let mut page = open_in_a_browser(&logview).await;
    assert_eq!(page.status, 200);
    let expected = [
        ("content-type", "text/html; charset=utf-8"),
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
        ("cross-origin-resource-policy", "same-origin"),
        ("connection", "close"),
    ];
    for (name, value) in expected {
        assert_eq!(page.header(name), Some(value), "{name}");
    }
    let policy = page.header("content-security-policy").unwrap().to_owned();
    for rule in ["default-src 'none'", "frame-ancestors 'none'", "sandbox", "base-uri 'none'"] {
        assert!(policy.contains(rule), "{policy}");
    }
    assert!(!policy.contains("script-src") && !policy.contains("unsafe"), "{policy}");
    let html = page.rest().await;
    assert!(!html.contains("<script") && !html.contains("<img") && !html.contains("<b>"), "{html}");
    // The title twice, the line, the bar and the failure.
    assert_eq!(html.matches("&lt;img src=x onerror=alert(1)&gt;").count(), 5, "{html}");
    assert!(html.ends_with("</pre></html>\n"), "{html}");
    let nonce = policy.split("'nonce-").nth(1).unwrap().trim_end_matches('\'');
    assert!(nonce.len() == 32 && html.contains(&format!("<style nonce=\"{nonce}\">")));
    let other = open_in_a_browser(&logview).await;
    assert_ne!(other.header("content-security-policy"), Some(policy.as_str()));
    pair.stop().await;
}

/// Status, headers and body.
async fn all(mut answer: Answer) -> (u16, Vec<String>, String) {
    let headers = answer.headers.clone();
    (answer.status, headers, answer.rest().await)
}

#[tokio::test]
async fn a_wrong_address_is_answered_as_if_there_were_nothing_and_one_that_ran_out_too() {
    let pair = pair(Slave::builder()).await;
    let control = pair.connection.executions();
    let started = control.start("wait_for_abort", ()).unwrap().await.unwrap();
    let logview = control.logview(started.id()).await.unwrap();
    let (address, path) = split(&logview);
    let nothing = all(get(address, "/").await).await;
    assert_eq!((nothing.0, nothing.2.as_str()), (404, "there is nothing here\n"));
    let brief = control.logview_for(started.id(), Duration::from_nanos(1)).await.unwrap();
    assert_eq!(brief.valid_for(), Duration::from_secs(1));
    let none = control.logview_for(started.id(), Duration::ZERO).await.unwrap_err();
    assert!(matches!(none, ControlError::LogviewForNoTime { id } if id == started.id()), "{none}");
    assert_eq!((none.code(), none.execution()), ("E0304", Some(started.id())));
    let longest = control.logview_for(started.id(), Duration::MAX).await.unwrap();
    assert_eq!(longest.valid_for(), Duration::from_secs(24 * 60 * 60));
    let mut until_it_ran_out = open(&brief).await;
    let last = until_it_ran_out.rest().await;
    assert!(last.ends_with("this address has run out\n"), "{last}");
    let secret = path.strip_prefix("/logview/").unwrap();
    let other = if secret.ends_with('0') { "1" } else { "0" };
    let wrong = [
        split(&brief).1,
        "/logview/".to_owned(),
        "/logview".to_owned(),
        format!("/logview/{}{other}", &secret[..63]),
        format!("/logview/{}", &secret[..63]),
        format!("{path}/more"),
        format!("{path}0"),
        format!("/Logview/{secret}"),
        "/logview/../selsyn.v1.Control/Info".to_owned(),
        format!("/logview/{}", "0".repeat(64)),
    ];
    for path in wrong {
        assert_eq!(all(get(address, &path).await).await, nothing, "{path}");
    }
    // Nobody changes anything here.
    let posted = ask(address, &format!("POST {path} HTTP/1.1\r\nhost: x\r\n\r\n")).await;
    assert_eq!(posted.status, 405);
    pair.stop().await;
}

#[tokio::test]
async fn by_http_1_there_is_the_page_and_no_call_of_grpc() {
    let counter = functions::Counter::default();
    let pair = pair(Slave::builder().function("count", functions::count(counter.clone()))).await;
    let address = pair.slave.addr();
    // What a stranger's page can make a browser send to this machine: a form, without asking.
    let call = "\0\0\0\0\x07\x12\x05count";
    let request = format!(
        "POST /selsyn.v1.Control/Start HTTP/1.1\r\nhost: slave\r\ncontent-type: text/plain\r\n\
         content-length: {}\r\n\r\n{call}",
        call.len()
    );
    let answer = all(ask(address, &request).await).await;
    assert_eq!(answer, all(get(address, "/").await).await);
    assert!(pair.connection.executions().list().await.unwrap().is_empty());
    assert_eq!(counter.runs(), 0);
    pair.stop().await;
}

#[tokio::test]
async fn an_address_is_all_that_a_reader_needs_and_its_reader_may_do_nothing_else() {
    let token = generate_token().unwrap();
    let slave = functions::all(Slave::builder().token(token.clone()));
    let slave = slave.bind("127.0.0.1:0").await.unwrap().spawn();
    let master = Master::builder().token(token).build().unwrap();
    let connection = master.connect("slave", slave.addr()).await.unwrap();
    let control = connection.executions();
    let started = control.start("add", json!({"a": 2, "b": 3})).unwrap().await.unwrap();
    let logview = control.logview(started.id()).await.unwrap();
    assert!(open(&logview).await.rest().await.contains("ended COMPLETED"));
    // Without the token nobody makes or revokes addresses.
    let stranger = Master::new().unwrap().control(slave.addr()).unwrap();
    assert_eq!(stranger.logview(started.id()).await.unwrap_err().code(), "E0204");
    assert_eq!(stranger.revoke_logviews(started.id()).await.unwrap_err().code(), "E0204");
    assert_eq!(open(&logview).await.status, 200);
    master.close().await;
    slave.shutdown().await.unwrap();
}

#[tokio::test]
async fn whoever_looks_at_what_is_kept_no_more_is_told_so() {
    let keep_one = Slave::builder().retention(Duration::from_secs(900), 1, 1 << 20);
    let pair = pair(keep_one).await;
    let control = pair.connection.executions();
    let first = control.start("echo", 1).unwrap().await.unwrap();
    let logview = control.logview(first.id()).await.unwrap();
    // What ends first goes first.
    control.wait_for_completion(first.id(), Some(expect::LIMIT)).await.unwrap();
    for n in 0..2 {
        let next = control.start("echo", n).unwrap().await.unwrap();
        control.wait_for_completion(next.id(), Some(expect::LIMIT)).await.unwrap();
    }
    let (status, _, page) = all(open(&logview).await).await;
    assert_eq!(status, 410);
    assert_eq!(page, format!("Expired: execution {} is kept no more\n", first.id()));
    let late = control.logview(first.id()).await;
    assert!(matches!(late, Err(ControlError::Expired { .. })), "{late:?}");
    pair.stop().await;
}

#[tokio::test]
async fn a_revoked_address_leads_nowhere_and_lets_its_readers_go() {
    let pair = pair(Slave::builder()).await;
    let control = pair.connection.executions();
    let one = control.start("wait_for_abort", ()).unwrap().await.unwrap();
    let other = control.start("wait_for_abort", ()).unwrap().await.unwrap();
    let [first, second] = [control.logview(one.id()).await, control.logview(one.id()).await];
    let (first, theirs) = (first.unwrap(), control.logview(other.id()).await.unwrap());
    assert_ne!(first, second.unwrap());
    let mut page = open(&first).await;
    page.line().await.unwrap();
    assert_eq!(control.revoke_logviews(one.id()).await.unwrap(), 2);
    assert!(page.rest().await.ends_with("this address leads nowhere any more\n"));
    assert!(page.closes().await);
    assert_eq!((open(&first).await.status, open(&theirs).await.status), (404, 200));
    assert_eq!(control.revoke_logviews(one.id()).await.unwrap(), 0);
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_stands_still_slows_nobody_and_reads_on_where_it_stood() {
    const LINES: u32 = 100_000;
    let lines = |execution: FunctionExecution, lines: u32| async move {
        for line in 0..lines {
            execution.info(format_args!("{line} of a log that no socket holds"));
            if line % 1_024 == 0 {
                tokio::task::yield_now().await;
            }
        }
        Ok::<_, Failure>(())
    };
    let pair = pair(Slave::builder().function("lines", lines)).await;
    let control = pair.connection.executions();
    let started = control.start("lines", LINES).unwrap().await.unwrap();
    let mut page = open(&control.logview(started.id()).await.unwrap()).await;
    page.line().await.unwrap();
    // It ends although the page is not read.
    control.wait_for_completion(started.id(), Some(expect::LIMIT)).await.unwrap();
    let rest = page.rest().await;
    let mut seen = rest.lines().filter_map(|line| line.split_once("info     "));
    for line in 0..LINES {
        let (_, text) = seen.next().unwrap();
        assert_eq!(text, format!("{line} of a log that no socket holds"));
    }
    assert!(seen.next().is_none() && rest.contains("ended COMPLETED"));
    pair.stop().await;
}

#[tokio::test]
async fn the_readers_of_one_address_are_bounded_and_one_that_goes_makes_room() {
    let pair = pair(Slave::builder()).await;
    let control = pair.connection.executions();
    let started = control.start("wait_for_abort", ()).unwrap().await.unwrap();
    let logview = control.logview(started.id()).await.unwrap();
    let mut pages = Vec::new();
    for _ in 0..8 {
        pages.push(open(&logview).await);
    }
    assert!(pages.iter().all(|page| page.status == 200));
    let full = open(&logview).await;
    assert_eq!((full.status, full.header("retry-after")), (503, Some("10")));
    // Another address has room.
    let other = control.logview(started.id()).await.unwrap();
    assert_eq!(open(&other).await.status, 200);
    drop(pages.pop());
    let gone = async { while open(&logview).await.status != 200 {} };
    expect::soon("room for another reader", gone).await;
    pair.stop().await;
}

/// So many that a slave keeps.
const MANY: usize = 1_024;
/// So many of them that were asked for are of one execution.
const OF_ONE: usize = 32;

#[tokio::test]
async fn an_address_that_was_asked_for_stays_whoever_else_comes_and_one_too_many_is_refused() {
    let says = |execution: FunctionExecution, (): ()| async move {
        Ok::<_, Failure>(execution.logview()?.address().to_owned())
    };
    let pair = pair(Slave::builder().function("says", says)).await;
    let control = pair.connection.executions();
    let started = control.start("wait_for_abort", ()).unwrap().await.unwrap();
    let first = control.logview_for(started.id(), Duration::from_secs(3_600)).await.unwrap();
    let say = async |_| {
        let said = pair.connection.new_task(()).unwrap().function("says").start().await.unwrap();
        said.success::<String>().await.unwrap()
    };
    // As many as push out one another, and no other.
    let say_all = stream::iter(0..MANY).map(say).buffer_unordered(32).for_each(async |_| {});
    expect::soon("what all of them say", say_all).await;
    assert_eq!(open(&first).await.status, 200);
    let other = async |_| control.start("echo", 1).unwrap().await.unwrap().id();
    let others = stream::iter(0..MANY / OF_ONE).then(other).collect::<Vec<_>>();
    let others = expect::soon("other executions", others).await;
    let (last, others) = others.split_last().unwrap();
    let full = others.iter().flat_map(|id| [*id; OF_ONE]);
    let asked = [started.id(); OF_ONE - 1].into_iter().chain(full);
    let given = stream::iter(asked).map(|id| control.logview(id)).buffer_unordered(32);
    let given = expect::soon("all that there is room for", given.try_collect::<Vec<_>>()).await;
    let given = given.unwrap();
    let refused = control.logview(*last).await;
    let Err(ControlError::Rejected(refusal)) = &refused else { panic!("{refused:?}") };
    assert_eq!(refusal.reason, ErrorCode::LogviewsFull);
    let pause = refusal.retry_after.unwrap().as_secs();
    assert!((3_000..=3_600).contains(&pause), "until the first one runs out: {pause}");
    assert!(refusal.message.contains("revoke those that nobody needs"), "{refusal}");
    for logview in given.iter().chain([&first]).step_by(100) {
        assert_eq!(open(logview).await.status, 200);
    }
    // A function that is told that there is no room goes on as it likes.
    let none = pair.connection.new_task(()).unwrap().function("says").start().await.unwrap();
    let failure = expect::failure(&none, TaskStatus::Failed).await;
    assert!(failure.message.contains("no address was made"), "{failure}");
    // Who asks for one more of an execution takes the place of its own.
    let more = control.logview(started.id()).await.unwrap();
    assert_eq!((open(&first).await.status, open(&more).await.status), (404, 200));
    assert_eq!(control.revoke_logviews(started.id()).await.unwrap(), OF_ONE as u32);
    assert_eq!(control.logview(*last).await.map(drop).map_err(|error| error.code()), Ok(()));
    pair.stop().await;
}

const SECOND: Duration = Duration::from_secs(1);

/// A slave behind a pipe, all of which runs under the clock of the test.
struct Piped {
    dialer: PipeDialer,
    pair: Pair,
}

async fn piped(set: impl FnOnce(SlaveBuilder) -> SlaveBuilder) -> Piped {
    let (dialer, listener) = pipe();
    let slave = functions::all(Slave::builder().function_runtime(Handle::current()));
    let slave = set(slave).incoming(listener).unwrap().spawn();
    let (master, dial) = (Master::new().unwrap(), dialer.clone());
    let connection = master.connect_with("slave", move || dial.clone().dial()).await.unwrap();
    Piped { dialer, pair: Pair { slave, master, connection } }
}

impl Piped {
    fn control(&self) -> Control {
        self.pair.connection.executions()
    }

    /// What a new reader by HTTP/1.1 is answered.
    async fn open(&self, logview: &Logview) -> Answer {
        get_on(self.dialer.clone().dial().await.unwrap(), logview.address()).await
    }

    /// So many readers by HTTP/2, on one connection, each with room for so many bytes of its page.
    async fn by_http_2(&self, logview: &Logview, readers: usize, room: u32) -> Readers {
        let mut channel = raw_master::channel_with(self.dialer.clone(), room).await;
        let mut pages = Vec::new();
        for _ in 0..readers {
            let request = http::Request::get(logview.address()).body(Body::empty()).unwrap();
            channel.ready().await.unwrap();
            pages.push(expect::soon("a head", channel.call(request)).await.unwrap());
        }
        Readers { pages, _channel: channel }
    }
}

/// Readers who keep their connection.
struct Readers {
    pages: Vec<http::Response<Body>>,
    _channel: Channel,
}

impl Readers {
    /// Reads the one page to its end.
    async fn read(&mut self) -> String {
        let (mut body, mut page) = (self.pages.pop().unwrap().into_body(), Vec::new());
        let mut next = async || poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await;
        while let Some(frame) = expect::soon("more of the page", next()).await {
            page.extend(frame.unwrap().into_data().unwrap_or_default());
        }
        String::from_utf8(page).unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn readers_who_take_nothing_keep_no_place_beyond_their_addresses_time() {
    let piped = piped(|slave| slave).await;
    let control = piped.control();
    let started = control.start("wait_for_abort", ()).unwrap().await.unwrap();
    let logview = control.logview(started.id()).await.unwrap();
    let mut readers = Vec::new();
    for _ in 0..4 {
        let brief = control.logview_for(started.id(), 2 * SECOND).await.unwrap();
        // They leave no room for a single byte.
        readers.push(piped.by_http_2(&brief, 8, 0).await);
    }
    assert!(readers.iter().flat_map(|all| &all.pages).all(|page| page.status() == 200));
    assert_eq!(piped.open(&logview).await.status, 503, "they have every place");
    sleep(2 * SECOND).await;
    assert_eq!(piped.open(&logview).await.status, 200);
    piped.pair.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_reader_keeps_no_connection_whose_page_is_over_or_was_never_shown() {
    let gate = Gate::closed();
    let waits = functions::wait_for(gate.clone());
    // One for the session, one for its calls, and four for readers.
    let piped = piped(|slave| {
        let slave = slave.function("waits", waits).retention(Duration::ZERO, 0, 0);
        slave.max_connections(6, 6)
    })
    .await;
    let control = piped.control();
    let goes_on = control.start("wait_for_abort", ()).unwrap().await.unwrap();
    let long = control.logview(goes_on.id()).await.unwrap();
    let brief = control.logview_for(goes_on.id(), 2 * SECOND).await.unwrap();
    let ends = control.start("waits", ()).unwrap().await.unwrap();
    let ended = control.logview(ends.id()).await.unwrap();
    let mut reads_all = piped.by_http_2(&ended, 1, 1 << 20).await;
    let takes_nothing = piped.by_http_2(&brief, 1, 0).await;
    gate.open();
    assert!(reads_all.read().await.contains("ended COMPLETED"));
    // By now nothing is kept of it.
    let [one, other] = [piped.by_http_2(&ended, 1, 0).await, piped.by_http_2(&ended, 1, 0).await];
    assert!([&one, &other].iter().all(|readers| readers.pages[0].status() == 410));
    assert!(timeout(SECOND, piped.open(&long)).await.is_err(), "there is no connection more");
    // The time of the brief one, what it may take to take what was told, and a look at that.
    sleep(130 * SECOND).await;
    let mut pages = Vec::new();
    for _ in 0..4 {
        pages.push(piped.open(&long).await);
    }
    assert!(pages.iter().all(|page| page.status == 200));
    drop((reads_all, takes_nothing, one, other));
    piped.pair.stop().await;
}

#[tokio::test(start_paused = true)]
async fn who_asks_by_http_2_for_the_head_alone_keeps_no_connection() {
    // One for the session, one for its calls, and one for a reader.
    let piped = piped(|slave| slave.max_connections(3, 3)).await;
    let control = piped.control();
    let started = control.start("wait_for_abort", ()).unwrap().await.unwrap();
    let logview = control.logview(started.id()).await.unwrap();
    let mut channel = raw_master::channel_with(piped.dialer.clone(), 1 << 20).await;
    let request = http::Request::head(logview.address()).body(Body::empty()).unwrap();
    channel.ready().await.unwrap();
    let head = expect::soon("a head", channel.call(request)).await.unwrap();
    assert_eq!(head.status(), 200);
    assert!(timeout(SECOND, piped.open(&logview)).await.is_err(), "there is no connection more");
    // The time for a first call.
    sleep(10 * SECOND).await;
    assert_eq!(piped.open(&logview).await.status, 200);
    drop(channel);
    piped.pair.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_reader_by_http_2_keeps_its_connection_as_long_as_its_page_goes_on() {
    let piped = piped(|slave| slave).await;
    let control = piped.control();
    let started = control.start("wait_for_abort", ()).unwrap().await.unwrap();
    let logview = control.logview(started.id()).await.unwrap();
    let mut reader = piped.by_http_2(&logview, 1, 1 << 20).await;
    sleep(3_600 * SECOND).await;
    control.stop(started.id(), "enough").await.unwrap();
    assert!(reader.read().await.contains("ended ABORTED"));
    piped.pair.stop().await;
}

#[tokio::test]
async fn a_slave_that_stops_lets_its_readers_go() {
    let pair = pair(Slave::builder().abort_grace(Duration::ZERO)).await;
    let control = pair.connection.executions();
    let started = control.start("wait_for_abort", ()).unwrap().await.unwrap();
    let mut page = open(&control.logview(started.id()).await.unwrap()).await;
    page.line().await.unwrap();
    pair.stop().await;
    let rest = page.rest().await;
    assert!(rest.contains("ended ABORTED") || rest.contains("the slave stops"), "{rest}");
}

#[tokio::test]
async fn a_slave_says_where_people_reach_it_and_one_behind_a_pipe_gives_the_path() {
    let named = Slave::builder().endpoint("logview", "https://gpu-3.example/");
    let pair = pair(named).await;
    let control = pair.connection.executions();
    let started = control.start("echo", 1).unwrap().await.unwrap();
    let logview = control.logview(started.id()).await.unwrap();
    assert!(logview.to_string().starts_with("https://gpu-3.example/logview/"));
    pair.stop().await;
    let cluster = TestCluster::start(1).await.unwrap();
    let control = cluster.connection(0).executions();
    let started = control.start("echo", 1).unwrap().await.unwrap();
    assert!(control.logview(started.id()).await.unwrap().address().starts_with("/logview/"));
    cluster.stop().await;
}

#[tokio::test]
async fn a_function_says_where_people_look_at_it() {
    let gate = Gate::closed();
    let at = gate.clone();
    let says = move |execution: FunctionExecution, (): ()| {
        let gate = at.clone();
        async move {
            let logview = execution.logview()?;
            assert_eq!(logview.address(), execution.logview()?.address(), "as often as one likes");
            execution.info(&logview);
            gate.opened().await;
            Ok::<_, Failure>(())
        }
    };
    let pair = pair(Slave::builder().function("says", says)).await;
    let control = pair.connection.executions();
    let started = control.start("says", ()).unwrap().await.unwrap();
    let address = said(&control, started.id()).await;
    let logview = Logview::new(address, Duration::ZERO);
    assert_eq!(split(&logview).0, pair.slave.addr());
    let mut page = open(&logview).await;
    assert_eq!(page.line().await.unwrap(), format!("says · {}", started.id()));
    gate.open();
    assert!(page.rest().await.contains("ended COMPLETED"));
    assert_eq!(control.revoke_logviews(started.id()).await.unwrap(), 1);
    assert_eq!(open(&logview).await.status, 404);
    pair.stop().await;
}

/// The first line that an execution logs.
async fn said(control: &Control, id: ExecutionId) -> String {
    let mut events = control.watch(id, 1);
    loop {
        let event = expect::soon("a line", events.next()).await.unwrap().unwrap();
        if let Happened::Output(output) = event.what
            && let OutputContent::Log(line) = output.content
        {
            return line.content;
        }
    }
}

/// Everything that is logged, by anyone.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<String>>);

struct Text<'a>(&'a mut String);

impl Visit for Text<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        writeln!(self.0, "{field}={value:?}").unwrap();
    }
}

impl<S: Subscriber> Layer<S> for Heard {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        event.record(&mut Text(&mut self.0.lock().unwrap()));
    }

    fn on_new_span(
        &self,
        attributes: &tracing::span::Attributes<'_>,
        _: &tracing::span::Id,
        _: Context<'_, S>,
    ) {
        attributes.record(&mut Text(&mut self.0.lock().unwrap()));
    }
}

#[tokio::test]
async fn nothing_that_is_logged_at_any_level_holds_an_address() {
    let heard = Heard::default();
    let _guard = tracing_subscriber::registry().with(heard.clone()).set_default();
    let pair = pair(Slave::builder()).await;
    let control = pair.connection.executions();
    let started = control.start("echo", 1).unwrap().await.unwrap();
    let logview = control.logview(started.id()).await.unwrap();
    open(&logview).await.rest().await;
    control.revoke_logviews(started.id()).await.unwrap();
    assert_eq!(open(&logview).await.status, 404);
    pair.stop().await;
    let heard = heard.0.lock().unwrap();
    let (_, path) = split(&logview);
    let secret = path.strip_prefix("/logview/").unwrap();
    assert!(!heard.is_empty() && !heard.contains(&secret[32..]), "{heard}");
    assert!(!format!("{logview:?}").contains(secret));
}
