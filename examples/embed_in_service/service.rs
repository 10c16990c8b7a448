//! The service: what you would copy. It starts a task for each request, and ends in good order.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header::RETRY_AFTER};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use selsyn::codes::GrpcCode;
use selsyn::{Connection, Master, OutputContent, RunningTask, StartError, TaskEvent};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_stream::{Stream, StreamExt};

use crate::Done;

/// Time for requests that are under way when the service is told to end. Less than the time an
/// orchestrator gives before it kills: 30 s in Kubernetes, 10 s in Docker.
const DRAIN: Duration = Duration::from_secs(8);

/// Time for clients to read the last of it.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Serves until the signal: then takes no new clients, lets the present ones come to their end,
/// and stops what is still running when the time is up.
pub(crate) async fn serve(
    listener: TcpListener,
    slave: String,
    signal: impl Future<Output = ()>,
) -> Done {
    let master = Master::new()?;
    // Lazy: the service is up while the slave is not, and says so in /health.
    let trainer = master.connect("trainer", slave).attempts_without_limit().lazy().await?;
    let (stop, stopped) = oneshot::channel::<()>();
    let server = axum::serve(listener, routes(trainer)).with_graceful_shutdown(async {
        // Nobody sends: it is told by the drop.
        let _ = stopped.await;
    });
    let mut serving = tokio::spawn(server.into_future());
    tokio::select! {
        ended = &mut serving => return Ok(ended??),
        () = signal => drop(stop),
    }
    let in_time = timeout(DRAIN, &mut serving).await;
    // Stops what still runs; its clients read that as the last event of their streams.
    master.close().await;
    match in_time {
        Ok(ended) => Ok(ended??),
        Err(_) => Ok(timeout(LAST_WORDS, serving).await???),
    }
}

/// What a service is told by: Ctrl-C, and SIGTERM from whoever runs it.
pub(crate) async fn shutdown_signal() {
    let interrupted = async {
        // Without a handler for Ctrl-C there is nothing to wait for: SIGTERM remains.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = interrupted => {}
        () = terminated() => {}
    }
}

#[cfg(unix)]
async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminated) => drop(terminated.recv().await),
        Err(_) => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn terminated() {
    std::future::pending().await
}

fn routes(trainer: Connection) -> Router {
    Router::new()
        .route("/train/{epochs}", post(train))
        .route("/health", get(health))
        .with_state(trainer)
}

/// Whether the service can do its work: for load balancers.
async fn health(State(trainer): State<Connection>) -> (StatusCode, String) {
    let status = match trainer.is_connected() {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, format!("slave {} is {}\n", trainer.name(), trainer.state()))
}

/// Starts a task, and streams what happens to it. A client that goes away before the slave has
/// answered drops this future, which cancels the start.
async fn train(State(trainer): State<Connection>, Path(epochs): Path<u32>) -> Response {
    let task = match trainer.new_task(epochs) {
        Ok(task) => task.function("train"),
        Err(error) => return (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    };
    match task.start().await {
        Ok(running) => Sse::new(events(running)).keep_alive(KeepAlive::default()).into_response(),
        Err(error) => not_started(&error),
    }
}

/// The events of a task for its client. The stream holds the guard: when the client goes away, the
/// server drops the stream, and the task is cancelled.
fn events(running: RunningTask) -> impl Stream<Item = Result<Event, Infallible>> {
    let events = running.events();
    let guard = CancelOnDrop(running);
    events.filter_map(move |event| {
        let _ = &guard;
        told(event).map(Ok)
    })
}

fn told(event: TaskEvent) -> Option<Event> {
    let (name, data) = match event {
        TaskEvent::Running => ("running", "the slave has begun".to_owned()),
        TaskEvent::Output(output) => match output.content {
            OutputContent::Progress(progress) => ("progress", format!("{:.2}", progress.value)),
            OutputContent::Log(line) => ("log", line.content),
            other => (other.kind(), other.to_json().to_string()),
        },
        TaskEvent::Ended(outcome) => match outcome.result {
            Ok(value) => ("completed", value.to_string()),
            Err(failure) => ("failed", format!("{failure} ({})", failure.ran)),
        },
        _ => return None,
    };
    // A line that breaks off would end the event: its parts become lines of their own.
    Some(Event::default().event(name).data(data.replace('\r', "\n")))
}

/// Asks the slave to stop the task nobody waits for any more; one that has ended stays as it is.
struct CancelOnDrop(RunningTask);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel("the client has gone away");
    }
}

/// Why there is no task, in HTTP's words: 503 and when to try again, when the slave is full.
fn not_started(error: &StartError) -> Response {
    let status = match error.error_code().grpc() {
        GrpcCode::InvalidArgument => StatusCode::BAD_REQUEST,
        GrpcCode::ResourceExhausted | GrpcCode::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        GrpcCode::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::BAD_GATEWAY,
    };
    let mut response = (status, format!("{error}\n")).into_response();
    if let Some(pause) = error.refusal().and_then(|refusal| refusal.retry_after) {
        // HTTP counts in seconds: a quarter of one is one.
        let seconds = pause.as_secs() + u64::from(pause.subsec_nanos() > 0);
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
