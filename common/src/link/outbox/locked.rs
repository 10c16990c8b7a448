//! An outbox under its lock: for whoever does several things at once, and keeps something there.

use std::ops::{Deref, DerefMut};
use std::sync::MutexGuard;
use std::task::Waker;

use super::{Both, Outbox, State, StreamEnd};
use crate::ExecutionId;
use crate::link::Frame;
use crate::link::line::{Line, LineFull};
use crate::link::numbering::NumberingError;
use crate::link::quick::Short;
use crate::link::verdicts::Verdicts;
use crate::proto::FromSlave;

/// An outbox that nobody else can look into for now; reads as what its owner keeps there.
#[derive(Debug)]
pub struct Locked<'a, F: Frame, K> {
    outbox: &'a Outbox<F, K>,
    // Before the one who is woken, so that it does not wake into the lock.
    both: MutexGuard<'a, Both<F, K>>,
    woken: Woken,
}

/// Wakes a stream when it is dropped.
#[derive(Debug, Default)]
struct Woken(Option<Waker>);

impl Drop for Woken {
    #[inline]
    fn drop(&mut self) {
        if let Some(waker) = self.0.take() {
            waker.wake();
        }
    }
}

impl<F: Frame, K> Deref for Locked<'_, F, K> {
    type Target = K;

    #[inline]
    fn deref(&self) -> &K {
        &self.both.kept
    }
}

impl<F: Frame, K> DerefMut for Locked<'_, F, K> {
    #[inline]
    fn deref_mut(&mut self) -> &mut K {
        &mut self.both.kept
    }
}

impl<'a, F: Frame, K> Locked<'a, F, K> {
    #[inline]
    pub(super) const fn new(outbox: &'a Outbox<F, K>, both: MutexGuard<'a, Both<F, K>>) -> Self {
        Self { outbox, both, woken: Woken(None) }
    }

    #[inline]
    pub(super) fn state(&mut self) -> &mut State<F> {
        &mut self.both.state
    }

    /// What is kept here, and the session's end.
    pub fn parts(&mut self) -> (&mut K, &mut Line<F>) {
        let Both { kept, state } = &mut *self.both;
        (kept, &mut state.line)
    }

    /// As [`Outbox::send`].
    ///
    /// # Errors
    ///
    /// As [`Outbox::send`].
    pub fn send(&mut self, frame: F) -> Result<(), LineFull> {
        let clock = self.outbox.0.clock;
        let sent = self.state().put(frame, clock);
        self.wakes();
        sent
    }

    /// As [`Outbox::put`].
    ///
    /// # Errors
    ///
    /// As [`Outbox::send`].
    pub fn put(&mut self, frame: F) -> Result<(), LineFull> {
        let clock = self.outbox.0.clock;
        let put = self.state().put(frame, clock);
        if put.is_err() {
            self.wakes();
        }
        put
    }

    /// As [`Outbox::send_short`].
    ///
    /// # Errors
    ///
    /// As [`Outbox::send`].
    #[inline]
    pub fn send_short(&mut self, short: &impl Short<F>) -> Result<(), LineFull> {
        let clock = self.outbox.0.clock;
        let sent = self.state().put_short(short, clock);
        self.wakes();
        sent
    }

    /// As [`Outbox::beat`].
    pub fn beat(&mut self) {
        let state = self.state();
        if !state.closed {
            state.line.beat();
            self.wakes();
        }
    }

    /// As [`Outbox::wake`].
    pub fn wake(&mut self) {
        if !self.state().line.is_drained() {
            self.wakes();
        }
    }

    /// Wakes the stream once the lock is released.
    #[inline]
    pub(super) fn wakes(&mut self) {
        if let Some(waker) = self.state().waker.take() {
            self.woken.0 = Some(waker);
        }
    }

    /// Forbids executions that were asked for, if the frames that did have not arrived.
    pub fn withdraw(&mut self, is_meant: impl Fn(ExecutionId) -> bool) {
        self.state().line.withdraw(is_meant);
    }
}

impl<K> Locked<'_, FromSlave, K> {
    /// As [`Outbox::put_verdicts`].
    ///
    /// # Errors
    ///
    /// As [`Outbox::send`].
    pub fn put_verdicts(&mut self, verdicts: &mut Verdicts) -> Result<(), LineFull> {
        let clock = self.outbox.0.clock;
        let put = self.state().put_verdicts(verdicts, clock);
        if put.is_err() {
            self.wakes();
        }
        put
    }
}

/// Streams and sessions come and go.
impl<F: Frame, K> Locked<'_, F, K> {
    /// As [`Outbox::attach`].
    pub fn attach(&mut self) -> StreamEnd<F, K> {
        let state = self.state();
        state.stream += 1;
        let stream = state.stream;
        self.wakes();
        StreamEnd { outbox: self.outbox.clone(), stream }
    }

    /// Begins another session, in which `max_control` frames may wait to leave or to be
    /// acknowledged, and hands it to a stream. What was before it is forgotten.
    pub fn begin_anew(&mut self, max_control: usize) -> StreamEnd<F, K> {
        let state = self.state();
        state.line = Line::new(max_control);
        (state.closed, state.full) = (false, false);
        self.attach()
    }

    /// As [`Outbox::resume`].
    ///
    /// # Errors
    ///
    /// As [`Outbox::resume`].
    pub fn resume(&mut self, received: u64) -> Result<StreamEnd<F, K>, NumberingError> {
        let clock = self.outbox.0.clock;
        self.state().line.resume(received, clock)?;
        Ok(self.attach())
    }

    /// As [`Outbox::detach`].
    pub fn detach(&mut self) {
        drop(self.attach());
    }

    /// As [`Outbox::received`].
    pub fn received(&self) -> u64 {
        self.both.state.line.received()
    }

    /// As [`Outbox::close`].
    pub fn close(&mut self) {
        self.state().closed = true;
        self.wakes();
    }

    /// As [`Outbox::abandon`].
    pub fn abandon(&mut self) {
        let state = self.state();
        state.closed = true;
        state.stream += 1;
        state.line.clear();
        self.wakes();
    }

    /// As [`Outbox::is_full`].
    pub fn is_full(&self) -> bool {
        self.both.state.full
    }
}
