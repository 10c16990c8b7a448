//! The task behind a connection: dials, greets, reads, and dials again.
//!
//! It always drains the stream and never awaits user code, so that neither a slow callback nor a
//! slow watcher can cost the connection.

mod catalogue;
mod conversation;
pub(crate) mod dial;
pub(crate) mod greeting;
mod late;

use std::sync::Arc;
use std::time::Duration;

use selsyn_common::link::MAX_GREETING_BYTES;
use selsyn_common::link::line::LineFull;
use selsyn_common::link::quick::ShortStart;
use selsyn_common::proto::{self, FromMaster, from_master::Frame};
use selsyn_common::{Backoff, ErrorCode, Lineage, Payload};
use tokio::time::{Instant, sleep, sleep_until};
use tracing::debug;

use crate::cell::Cell;
use crate::connection::link::{Held, Link};
use crate::error::{ConnectError, GreetingTimeout};
use crate::hooks;
use conversation::{Conversation, Over};
use dial::Dial;
use greeting::Opened;

pub(crate) use catalogue::Catalogue;
pub(crate) use greeting::{Ticket, Welcomed};

/// What few starts say beside what their task does: the remaining time is known when it is sent.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    pub(crate) deadline: Option<Instant>,
    pub(crate) placement: proto::Placement,
    pub(crate) lineage: Option<Box<Lineage>>,
    pub(crate) labels: Vec<String>,
}

/// Puts a start in the outbox, with the function's number in place of its name unless that is 0.
#[inline]
pub(crate) fn send_start(
    cell: &Cell,
    terms: Option<Box<Terms>>,
    number: u32,
    outbox: &mut Held<'_>,
) -> Result<(), LineFull> {
    if number == 0 || terms.is_some() {
        return outbox.send(start_frame(cell, terms, number));
    }
    let data = cell.sent_data();
    outbox.send_short(&ShortStart {
        execution: cell.id.into(),
        kind: proto::PayloadKind::from(data.kind()).into(),
        data: data.as_bytes(),
        deadline_millis: 0,
        placement: proto::Placement::Background.into(),
        function_number: number,
    })
}

fn start_frame(cell: &Cell, terms: Option<Box<Terms>>, number: u32) -> FromMaster {
    let mut start = proto::Start {
        execution: Some(cell.id.into()),
        function_number: number,
        data: Some(cell.sent_data().clone().into()),
        placement: proto::Placement::Background.into(),
        ..proto::Start::default()
    };
    if number == 0 {
        cell.function.as_str().clone_into(&mut start.function);
    }
    if let Some(terms) = terms {
        start = terms.stated_in(start);
    }
    FromMaster { frame: Some(Frame::Start(start)) }
}

impl Terms {
    #[cold]
    fn stated_in(self, start: proto::Start) -> proto::Start {
        let (deadline_millis, placement) = (self.deadline.map_or(0, left), self.placement.into());
        let start = proto::Start { deadline_millis, placement, ..start };
        start.with_particulars(self.lineage.map(|lineage| *lineage), self.labels)
    }
}

/// The time that is left until a deadline, at least a millisecond: 0 would mean that there is
/// none.
fn left(deadline: Instant) -> u64 {
    let left = deadline.saturating_duration_since(Instant::now());
    u64::try_from(left.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX).max(1)
}

/// How often and how a connection is dialled before it has ever been up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempts {
    /// Dials in all; `None` means without limit.
    pub(crate) dials: Option<u32>,
    /// Pause between two of them.
    pub(crate) every: Duration,
}

/// Drives one connection from its first dial to its end.
pub(crate) struct Dispatch {
    link: Arc<Link>,
    dial: Dial,
    data: Payload,
    attempts: Attempts,
    backoff: Backoff,
    /// From before the first poll: a runtime that ends may never come to it.
    end: EndOnDrop,
}

/// What ends the dialling.
enum Dialled {
    Open(Box<Opened>),
    Failed(ConnectError),
    Stopped,
}

impl Dispatch {
    pub(crate) fn new(link: Arc<Link>, dial: Dial, data: Payload, attempts: Attempts) -> Self {
        let end = EndOnDrop { link: Arc::clone(&link), why: None };
        Self { link, dial, data, attempts, backoff: Backoff::default(), end }
    }

    /// Runs until the connection is Failed or Closed. However it ends, a panic and the end of the
    /// runtime included, the connection ends with it.
    pub(crate) async fn run(mut self) {
        self.end.why = match self.before_connect().await {
            Ok(true) => self.dial_and_converse().await,
            Ok(false) => None,
            Err(error) => Some(error),
        };
        if let Some(error) = &self.end.why {
            let told = hooks::tell(self.link.hooks.connect_error.as_ref(), error.clone());
            let panic = self.meanwhile(told).await.flatten();
            log_panic(&self.link, "on_connect_error", panic);
        }
    }

    /// Asks the hook for the data of Hello; false when the connection shall end meanwhile.
    async fn before_connect(&mut self) -> Result<bool, ConnectError> {
        let data = std::mem::replace(&mut self.data, Payload::null());
        let asked = hooks::ask(self.link.hooks.before_connect.as_ref(), data);
        let Some(said) = self.meanwhile(asked).await else { return Ok(false) };
        let name = self.link.name.clone();
        self.data = said.map_err(|said| ConnectError::Hook { name, said })?;
        if self.data.len() > MAX_GREETING_BYTES {
            let problem = "must be at most 1 MiB";
            return Err(ConnectError::Setting { setting: "data", problem });
        }
        Ok(true)
    }

    async fn dial_and_converse(&mut self) -> Option<ConnectError> {
        let mut was_up = false;
        loop {
            let opened = match self.open(was_up).await {
                Dialled::Open(opened) => *opened,
                Dialled::Failed(error) => return Some(error),
                Dialled::Stopped => return None,
            };
            was_up = true;
            match Conversation::new(&self.link, opened).run(&mut self.backoff).await {
                Over::Closed => return None,
                Over::Refused(error) => {
                    self.link.broke(Instant::now());
                    return Some(error);
                }
                Over::Broken { why, last_heard } => {
                    debug!(connection = %self.link.name, "the session broke: {why}");
                    self.link.broke(last_heard);
                    // A peer that welcomes and breaks must not be dialled without a pause.
                    let pause = sleep(self.backoff.next_delay(dial::random()));
                    self.meanwhile(pause).await?;
                }
            }
        }
    }

    /// Dials until a session is open; meanwhile ends tasks whose window is over.
    async fn open(&mut self, was_up: bool) -> Dialled {
        let mut dials = 0;
        loop {
            dials += 1;
            let opening = greeting::open(&self.link, &self.dial, self.data.clone());
            let Some(result) = self.meanwhile(opening).await else {
                return Dialled::Stopped;
            };
            let error = match result {
                Ok(opened) => return Dialled::Open(Box::new(opened)),
                Err(error) => error.with_attempts(dials),
            };
            debug!(connection = %self.link.name, "dial {dials} failed: {error}");
            self.link.dial_failed(&error);
            if self.is_the_end(was_up, dials, &error) {
                return Dialled::Failed(error);
            }
            let pause =
                if was_up { self.backoff.next_delay(dial::random()) } else { self.attempts.every };
            if self.meanwhile(sleep(pause)).await.is_none() {
                return Dialled::Stopped;
            }
        }
    }

    /// A connection that was up is never given up for want of an answer.
    fn is_the_end(&self, was_up: bool, dials: u32, error: &ConnectError) -> bool {
        use ErrorCode::{
            Draining, GreetingTimeout, LateHello, SlaveTaken, TooManySessions, Unreachable,
        };
        let code = error.error_code();
        // The slave may still hold the session that broke.
        let is_held = was_up && matches!(code, SlaveTaken | TooManySessions);
        let may_pass =
            is_held || matches!(code, Unreachable | GreetingTimeout | Draining | LateHello);
        let is_spent = !was_up && self.attempts.dials.is_some_and(|limit| dials >= limit);
        !may_pass || is_spent
    }

    /// Waits for something while the connection is down; `None` when it shall end.
    async fn meanwhile<T>(&self, wait: impl Future<Output = T>) -> Option<T> {
        tokio::pin!(wait);
        loop {
            tokio::select! {
                biased;
                () = self.link.stop.cancelled() => return None,
                done = &mut wait => return Some(done),
                () = self.link.due() => self.link.end_due(Instant::now()),
            }
        }
    }
}

/// Ends the connection when it is dropped, so that every way out ends it.
struct EndOnDrop {
    link: Arc<Link>,
    why: Option<ConnectError>,
}

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.link.ended(self.why.take());
    }
}

/// Waits until a moment, or for ever.
pub(crate) async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

pub(crate) fn log_panic(link: &Link, hook: &str, panic: Option<String>) {
    if let Some(message) = panic {
        tracing::warn!(connection = %link.name, "the {hook} hook panicked: {message}");
    }
}

impl ConnectError {
    fn with_attempts(self, dials: u32) -> Self {
        match self {
            Self::Unreachable { name, address, source, .. } => {
                Self::Unreachable { name, address, attempts: dials, source }
            }
            other => other,
        }
    }

    pub(crate) fn unreachable(
        name: &str,
        address: &str,
        source: Box<dyn std::error::Error + Send + Sync>,
    ) -> Self {
        let (name, address) = (name.to_owned(), address.to_owned());
        Self::Unreachable { name, address, attempts: 1, source: source.into() }
    }

    pub(crate) fn silent(name: &str, address: &str, patience: Duration) -> Self {
        Self::unreachable(name, address, Box::new(GreetingTimeout { patience }))
    }
}
