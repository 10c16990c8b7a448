//! Tells a session again how far an execution has come.

use std::sync::Arc;

use selsyn_common::ExecutionId;
use selsyn_common::proto::{self, from_slave::Frame};

use crate::records::{Record, RecordRef, State};
use crate::session::{Leaves, Session};

/// Gives an execution to the new session of a master that came back too late for the former one,
/// and tells it what became of it.
pub(crate) fn hand_over(record: &RecordRef, session: &Arc<Session>) {
    // Under the lock: a verdict goes to the one session or to the other.
    let mut state = record.state();
    if state.is_forgotten {
        // Its result was taken since the executions were listed: nobody remembers it.
        return;
    }
    state.hand_over(record, session);
    repeat(record, &mut state, session);
}

/// Tells a session how far an execution has come: that it was accepted, and its verdict.
pub(super) fn repeat(record: &Record, state: &mut State, session: &Session) {
    if state.accepted {
        session.send(accepted_frame(record.id));
    }
    state.tell_verdict_to(session, record.id, Leaves::AtOnce);
}

fn accepted_frame(id: ExecutionId) -> Frame {
    Frame::Accepted(proto::Accepted { execution: Some(id.into()), reply: None })
}

pub(super) fn forbidden(id: ExecutionId) -> Frame {
    Frame::Forbidden(proto::Forbidden { execution: Some(id.into()) })
}
