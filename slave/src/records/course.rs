//! What a master is told of an execution's course, and which of its sessions is.

use std::sync::{Arc, MutexGuard};
use std::time::SystemTime;

use selsyn_common::link::quick::Short;
use selsyn_common::proto::{self, event::What, from_slave::Frame, output::Content};
use selsyn_common::wire::time_of;
use selsyn_common::{ExecutionId, Outcome, Part, PartError, Parts, Payload};

use super::kept::Kept;
use super::{Record, State};
use crate::session::{Leaves, Session, output_to_fit};

/// How much of its course the master has been told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Told {
    Nothing,
    Accepted,
    Running,
}

impl Record {
    /// Tells the master that user code begins: its arguments could be read.
    pub(crate) fn begins(&self, leaves: Leaves) {
        let mut state = self.state();
        if !state.life.is_ended() {
            state.tell(self, Told::Running, leaves);
            state.ring_log();
        }
    }

    /// Keeps something the function shows, and sends it; never waits, and what is sent may be
    /// dropped when the master is slow. What is shown after the end is dropped.
    pub(crate) fn show(&self, content: Content) {
        let state = self.state();
        if !state.life.is_ended() {
            self.show_now(state, content);
        }
    }

    /// Changes the parts, and shows the one that was changed, if one was.
    ///
    /// # Errors
    ///
    /// When the run has ended, or the change is none that its parts take.
    pub(crate) fn report(
        &self,
        change: impl FnOnce(&mut Parts, SystemTime) -> Result<Option<Part>, PartError>,
    ) -> Result<(), PartError> {
        // Changed and shown in one step, so that reports leave in order.
        let mut state = self.state();
        if state.life.is_ended() {
            return Err(PartError::ExecutionEnded);
        }
        let now = time_of(self.origin.logs.now());
        let part = change(&mut state.extras().parts(), now)?;
        if let Some(part) = part {
            self.show_now(state, Content::Part(Box::new(part.into())));
        }
        Ok(())
    }

    /// Numbers something, keeps it and sends it, in one step: so numbers leave in order.
    fn show_now(&self, mut state: MutexGuard<'_, State>, content: Content) {
        state.tell(self, Told::Running, Leaves::WithBatch);
        let more = state.more();
        more.shown += 1;
        let mut output = proto::Output { seq: more.shown, content: Some(content) };
        output_to_fit(&mut output);
        let (what, aftermath) = state.keep_event(&self.origin.logs, What::Output(output));
        if let What::Output(output) = what {
            state.send(self, output);
        }
        drop(state);
        self.after(aftermath);
    }
}

impl State {
    /// The session that hears of it, if that is another one than it came by.
    pub(crate) fn heir(&self) -> Option<&Arc<Session>> {
        self.more.as_ref()?.heir.as_ref()
    }

    /// Sends an output to the session that hears of it, if there is one.
    fn send(&self, record: &Record, output: proto::Output) {
        let session = self.session(record);
        if !session.is_forgotten() {
            let (execution, output) = (Some(record.id.into()), Some(output));
            session.send(Frame::Output(proto::ExecutionOutput { execution, output }));
        }
    }

    /// The session that hears of it.
    pub(crate) fn session<'a>(&'a self, record: &'a Record) -> &'a Arc<Session> {
        self.heir().unwrap_or(&record.origin)
    }

    /// Gives it to another session of the same master.
    pub(crate) fn hand_over(&mut self, record: &Record, session: &Arc<Session>) {
        session.remembers_one();
        self.session(record).forget(1);
        self.more().heir = Some(Arc::clone(session));
        if self.accepted {
            // Who hands it over says so.
            self.told = self.told.max(Told::Accepted);
        }
    }

    /// Tells the master what it has not heard yet of the execution's course up to here.
    fn tell(&mut self, record: &Record, course: Told, leaves: Leaves) {
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

    /// Tells the verdict to the session that hears of it.
    pub(crate) fn tell_verdict(&self, record: &Record, leaves: Leaves) {
        let (session, leaves) = match self.heir() {
            None => (&record.origin, leaves),
            Some(heir) => (heir, Leaves::AtOnce),
        };
        self.tell_verdict_to(session, record.id, leaves);
    }

    /// Tells a session the verdict, if there is one.
    #[inline(always)]
    pub(crate) fn tell_verdict_to(&self, session: &Session, id: ExecutionId, leaves: Leaves) {
        if let Some(verdict) = self.short_verdict(id) {
            match leaves {
                Leaves::AtOnce => session.send_short(&verdict),
                Leaves::WithBatch => {
                    verdict
                        .to_frame()
                        .frame
                        .into_iter()
                        .for_each(|frame| session.say(frame, leaves));
                }
            }
        } else if let Kept::Otherwise(outcome) = self.kept() {
            let (execution, outcome) = (Some(id.into()), Some(Outcome::clone(outcome).into()));
            session.say(Frame::Finished(proto::Finished { execution, outcome }), leaves);
        }
    }

    /// Says something to the session that hears of it. Only the session that it came by has a
    /// batch that is being dealt with.
    pub(crate) fn say(&self, record: &Record, frame: Frame, leaves: Leaves) {
        match self.heir() {
            None => record.origin.say(frame, leaves),
            Some(heir) => heir.say(frame, Leaves::AtOnce),
        }
    }
}
