//! What a session takes over from former ones of the same master under the same name.

use std::sync::Arc;

use selsyn_common::proto::{self, from_slave::Frame};

use crate::core::Core;
use crate::executor;
use crate::records::RecordRef;
use crate::session::Session;

/// Executions that one frame names: some 25 bytes each.
const MAX_NAMED: usize = 10_000;

/// A master that comes back too late for its session finds what became of its executions. One that
/// asked for that session is told which those are.
pub(super) fn adopt(core: &Core, session: &Arc<Session>, asked: bool) {
    let is_kin = |former: &Session| former.is_over() && former.is_kin(session);
    // Who asked for a session that is over may come before its end has been counted.
    let records =
        if asked || core.sessions.has_orphans() { core.records.all() } else { Vec::new() };
    let is_mine = |record: &RecordRef| {
        let state = record.state();
        is_kin(state.session(record)) && !state.is_forgotten
    };
    let mine: Vec<_> = records.into_iter().filter(is_mine).collect();
    if asked {
        tell_adopted(session, mine.iter().map(|record| record.id.into()).collect());
    }
    mine.iter().for_each(|record| executor::hand_over(record, session));
}

fn tell_adopted(session: &Session, mut executions: Vec<proto::ExecutionId>) {
    loop {
        let rest = executions.split_off(executions.len().min(MAX_NAMED));
        let last = rest.is_empty();
        session.send(Frame::Adopted(proto::Adopted { executions, last }));
        if last {
            return;
        }
        executions = rest;
    }
}
