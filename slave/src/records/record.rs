//! What the slave keeps of one execution.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use selsyn_common::proto::{self, from_slave::Frame};
use selsyn_common::{ExecutionId, Lineage, Outcome, Output, OutputContent, Payload, Summary};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::admission::{Place, Placement};
use crate::executor::Request;
use crate::lifecycle::Lifecycle;
use crate::registry::Registered;
use crate::session::{Leaves, Session};

/// Data up to this size is copied out of the buffer that it was read into before it is parked: a
/// few bytes would keep the whole buffer. Larger data is worth its buffer.
const COPIED: usize = 8 * 1024;

/// One execution.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) id: ExecutionId,
    pub(crate) placement: Placement,
    pub(crate) function: Arc<Registered>,
    pub(crate) data: Payload,
    /// Whose child it is, if another execution's function started it; few are.
    lineage: Option<Box<Lineage>>,
    /// The session that it came by.
    pub(crate) origin: Arc<Session>,
    /// Made when somebody first waits for one, or tells one: a run that ends at once needs none.
    signals: OnceLock<Box<Signals>>,
    state: Mutex<State>,
}

/// What wakes those who wait for an execution.
#[derive(Debug, Default)]
pub(crate) struct Signals {
    /// Tells user code that it is asked to stop.
    pub(crate) abort: CancellationToken,
    /// Drops an async function's future; a blocking function does not hear it.
    pub(crate) force: Notify,
    changed: Notify,
}

/// How much of its course the master has been told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Told {
    Nothing,
    Accepted,
    Running,
}

/// What changes during an execution's life.
#[derive(Debug)]
pub(crate) struct State {
    /// The session that hears of it, when that is another one than it came by: its master came
    /// back too late for the former.
    heir: Option<Arc<Session>>,
    pub(crate) life: Lifecycle,
    stage: Stage,
    /// The before_task hook has let it pass.
    pub(crate) accepted: bool,
    told: Told,
    /// User code has returned, or never ran.
    pub(crate) is_left: bool,
    /// Its master has been told what became of it: its session may be closed.
    pub(crate) is_settled: bool,
    /// It was taken out of the table: no session remembers it any more.
    pub(crate) is_forgotten: bool,
    accepted_at: Instant,
    pub(crate) deadline: Option<Instant>,
    /// Outputs shown so far.
    shown: u64,
}

/// What is kept of an execution beside its life: much of it either before its end or after.
#[derive(Debug)]
enum Stage {
    /// It holds a place, and may have begun.
    Placed { place: Place, began_at: Option<Instant> },
    /// It has returned a value; the times are in microseconds.
    Value { value: Payload, queued: u64, ran: u64 },
    /// It has ended otherwise; one that is stuck holds its place all the same.
    Otherwise { outcome: Box<Outcome>, place: Place },
}

impl Record {
    /// An execution that waits: for its hook, for a slot, or for a thread.
    pub(crate) fn parked(
        request: Request,
        function: Arc<Registered>,
        origin: Arc<Session>,
        place: Place,
        now: Instant,
    ) -> Arc<Self> {
        let data = unpinned(request.data);
        let state = State::new(place, now, request.deadline);
        Self::new(Request { data, ..request }, function, origin, state)
    }

    /// An execution whose first instruction is about to run right here, and its deadline. Slots bound how many of
    /// them pause, and keep the buffer that their data came in.
    pub(crate) fn begun(
        request: Request,
        function: Arc<Registered>,
        origin: Arc<Session>,
        place: Place,
        times: (Instant, Instant),
    ) -> (Arc<Self>, Option<Instant>) {
        let (came, now) = times;
        let mut state = State::new(place, came, request.deadline);
        state.accepted = true;
        state.begin(now, function.function.timeout);
        let deadline = state.deadline;
        (Self::new(request, function, origin, state), deadline)
    }

    #[inline(always)]
    fn new(
        request: Request,
        function: Arc<Registered>,
        origin: Arc<Session>,
        state: State,
    ) -> Arc<Self> {
        Arc::new(Self {
            id: request.id,
            placement: request.placement,
            function,
            data: request.data,
            lineage: request.lineage.map(Box::new),
            origin,
            signals: OnceLock::new(),
            state: Mutex::new(state),
        })
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // No user code runs under this lock, and no step leaves it half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whose child it is, if another execution's function started it.
    pub(crate) fn lineage(&self) -> Option<&Lineage> {
        self.lineage.as_deref()
    }

    /// The session that hears of it.
    pub(crate) fn session(&self) -> Arc<Session> {
        Arc::clone(self.state().session(self))
    }

    /// What wakes those who wait for it.
    pub(crate) fn signals(&self) -> &Signals {
        self.signals.get_or_init(Box::default)
    }

    /// Whether user code is asked to stop.
    pub(crate) fn is_asked_to_stop(&self) -> bool {
        self.signals.get().is_some_and(|signals| signals.abort.is_cancelled())
    }

    /// Tells those who wait in [`Record::until`] to look again.
    pub(crate) fn notify(&self) {
        // Who looks after the change needs no word; who looked before it has made the signals.
        if let Some(signals) = self.signals.get() {
            signals.changed.notify_waiters();
        }
    }

    /// What became of it has been sent: whoever waits to close its session may go on.
    pub(crate) fn settle(&self) {
        self.state().is_settled = true;
        self.notify();
    }

    /// Waits until the state is as wanted.
    pub(crate) async fn until(&self, wanted: impl Fn(&State) -> bool) {
        loop {
            let changed = self.signals().changed.notified();
            if wanted(&self.state()) {
                return;
            }
            changed.await;
        }
    }

    /// Takes a slot that became free; `None` when it needs none any more, else whether it may
    /// begin: one that was not accepted yet begins when it is. In one step, so that it begins once.
    pub(crate) fn take_slot(&self, slot: Place) -> Option<bool> {
        let mut state = self.state();
        if state.is_left {
            return None;
        }
        state.stage = Stage::Placed { place: slot, began_at: None };
        Some(state.accepted)
    }

    /// Tells the master that user code begins: its arguments could be read.
    pub(crate) fn begins(&self, leaves: Leaves) {
        let mut state = self.state();
        if !state.life.is_ended() {
            state.tell(self, Told::Running, leaves);
        }
    }

    /// Sends something the function shows; never waits, may be dropped when the master is slow.
    /// What is shown after the end is dropped.
    pub(crate) fn show(&self, content: OutputContent) {
        // Numbered and sent in one step, so that numbers leave in order.
        let mut state = self.state();
        if state.life.is_ended() {
            return;
        }
        state.tell(self, Told::Running, Leaves::WithBatch);
        state.shown += 1;
        let output = Output { seq: state.shown, content };
        state.session(self).send(Frame::Output(proto::ExecutionOutput {
            execution: Some(self.id.into()),
            output: Some(output.into()),
        }));
    }

    /// Time until its deadline; `None` when it has none.
    pub(crate) fn remaining(&self) -> Option<Duration> {
        let deadline = self.state().deadline?;
        Some(deadline.saturating_duration_since(Instant::now()))
    }

    /// Whether another start asks for the very same.
    pub(crate) fn is_same_request(&self, request: &Request) -> bool {
        let same_function = request.function.is(&self.function);
        same_function && request.placement == self.placement && request.data == self.data
    }
}

impl State {
    fn new(place: Place, now: Instant, deadline: Option<Duration>) -> Self {
        Self {
            heir: None,
            life: Lifecycle::new(),
            stage: Stage::Placed { place, began_at: None },
            accepted: false,
            told: Told::Nothing,
            is_left: false,
            is_settled: false,
            is_forgotten: false,
            accepted_at: now,
            deadline: deadline.and_then(|left| now.checked_add(left)),
            shown: 0,
        }
    }

    /// User code is about to run; false when the execution has ended before.
    pub(crate) fn begin(&mut self, now: Instant, timeout: Option<Duration>) -> bool {
        if !self.life.begin() {
            return false;
        }
        if let Stage::Placed { began_at, .. } = &mut self.stage {
            *began_at = Some(now);
        }
        let timeout = timeout.and_then(|timeout| now.checked_add(timeout));
        self.deadline = self.deadline.into_iter().chain(timeout).min();
        true
    }

    /// The place it holds; none once it has returned a value.
    pub(crate) const fn place(&self) -> Option<Place> {
        match self.stage {
            Stage::Placed { place, .. } | Stage::Otherwise { place, .. } => Some(place),
            Stage::Value { .. } => None,
        }
    }

    /// Whether it waits in the queue.
    pub(crate) const fn is_queued(&self) -> bool {
        matches!(self.stage, Stage::Placed { place: Place::Queued { .. }, .. })
    }

    /// Keeps the verdict, until its master takes it; gives it with its figures.
    pub(crate) fn keep(&mut self, outcome: Outcome, now: Instant) -> proto::Outcome {
        let (place, summary) = self.figures(now);
        match outcome.result {
            Ok(value) => self.keep_value(value, now),
            Err(_) => {
                let outcome = Outcome { summary, ..outcome };
                let told = outcome.clone().into();
                self.stage = Stage::Otherwise { outcome: Box::new(outcome), place };
                told
            }
        }
    }

    /// Keeps the value that it returned.
    pub(crate) fn keep_value(&mut self, value: Payload, now: Instant) -> proto::Outcome {
        let summary = proto::Summary::from(self.figures(now).1);
        let proto::Summary { queued_micros: queued, ran_micros: ran } = summary;
        self.stage = Stage::Value { value: value.clone(), queued, ran };
        proto::Outcome {
            status: proto::Status::Completed.into(),
            result: Some(proto::outcome::Result::Value(value.into())),
            summary: Some(summary),
        }
    }

    /// The place it has held, and its figures.
    fn figures(&self, now: Instant) -> (Place, Summary) {
        let Stage::Placed { place, began_at } = self.stage else {
            unreachable!("a verdict is given once")
        };
        let began = began_at.unwrap_or(now);
        (place, Summary { queued: began - self.accepted_at, ran: now - began })
    }

    /// The verdict, if there is one.
    pub(crate) fn outcome(&self) -> Option<Outcome> {
        match &self.stage {
            Stage::Placed { .. } => None,
            Stage::Otherwise { outcome, .. } => Some(Outcome::clone(outcome)),
            Stage::Value { value, queued, ran } => {
                let (queued, ran) = (Duration::from_micros(*queued), Duration::from_micros(*ran));
                let summary = Summary { queued, ran };
                Some(Outcome { summary, ..Outcome::completed(value.clone()) })
            }
        }
    }

    /// How many bytes the result has that is kept, if one is.
    pub(crate) fn result_bytes(&self) -> Option<usize> {
        match &self.stage {
            Stage::Placed { .. } => None,
            Stage::Otherwise { .. } => Some(0),
            Stage::Value { value, .. } => Some(value.len()),
        }
    }

    /// The session that hears of it.
    pub(crate) fn session<'a>(&'a self, record: &'a Record) -> &'a Arc<Session> {
        self.heir.as_ref().unwrap_or(&record.origin)
    }

    /// Gives it to another session of the same master.
    pub(crate) fn hand_over(&mut self, record: &Record, session: &Arc<Session>) {
        session.remembers_one();
        self.session(record).forget(1);
        self.heir = Some(Arc::clone(session));
        if self.accepted {
            // Who hands it over says so.
            self.told = self.told.max(Told::Accepted);
        }
    }

    /// Tells the master what it has not heard yet of the execution's course up to here.
    pub(crate) fn tell(&mut self, record: &Record, course: Told, leaves: Leaves) {
        let execution = || Some(record.id.into());
        if self.told < Told::Accepted {
            let accepted = proto::Accepted { execution: execution(), reply: None };
            self.say(record, Frame::Accepted(accepted), leaves);
        }
        if self.told < Told::Running && course == Told::Running {
            let running = proto::Running { execution: execution() };
            self.say(record, Frame::Running(running), leaves);
        }
        self.told = self.told.max(course);
    }

    /// Tells the master that the execution is accepted, and what the hook replied.
    pub(crate) fn accept(&mut self, record: &Record, reply: Option<Payload>, leaves: Leaves) {
        (self.accepted, self.told) = (true, Told::Accepted);
        let reply = reply.map(proto::Payload::from);
        let accepted = proto::Accepted { execution: Some(record.id.into()), reply };
        self.say(record, Frame::Accepted(accepted), leaves);
    }

    /// Says something to the session that hears of it. Only the session that it came by has a
    /// batch that is being dealt with.
    pub(crate) fn say(&self, record: &Record, frame: Frame, leaves: Leaves) {
        let leaves = if self.heir.is_some() { Leaves::AtOnce } else { leaves };
        self.session(record).say(frame, leaves);
    }
}

/// Data that keeps nothing but itself.
fn unpinned(data: Payload) -> Payload {
    if data.len() > COPIED {
        return data;
    }
    Payload::from_parts(data.kind(), Bytes::copy_from_slice(data.as_bytes()))
}
