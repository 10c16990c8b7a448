//! Ends a session in good order: ask the hook, stop what runs, say that it is over.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use selsyn_common::proto::{self, from_slave::Frame};
use selsyn_common::wire::WireError;
use selsyn_common::{ErrorCode, Payload};
use tokio::time::{Instant, timeout};
use tracing::info;

use super::{Session, lifetime};
use crate::core::Core;
use crate::executor::ask_to_stop;
use crate::hooks::{self, ConnectionRequest, Said};
use crate::lifecycle::StopCause;
use crate::records::RecordRef;

/// Deals with a Goodbye, away from the network loop.
///
/// # Errors
///
/// When another is under way: a flood of them must not become a flood of hooks.
pub(super) fn begin(
    core: &Arc<Core>,
    session: &Arc<Session>,
    goodbye: proto::Goodbye,
) -> Result<(), WireError> {
    if session.goodbye.swap(true, Ordering::AcqRel) {
        let problem = "came while another is under way";
        return Err(WireError { frame: "Goodbye", field: "frame", problem });
    }
    let (core, session) = (Arc::clone(core), Arc::clone(session));
    core.clone().spawn(async move {
        match ask_hook(&core, &session, goodbye.data).await {
            Ok(reply) => leave(&core, &session, reply).await,
            Err(refusal) => {
                info!(connection = %session.peer.connection, "goodbye refused: {refusal}");
                let refusal = Some(refusal.into());
                session.goodbye.store(false, Ordering::Release);
                session.send(Frame::GoodbyeRefused(proto::GoodbyeRefused { refusal }));
            }
        }
    });
    Ok(())
}

async fn ask_hook(core: &Core, session: &Session, data: Option<proto::Payload>) -> Said {
    let Some(hook) = core.hooks.before_disconnection.clone() else {
        return Ok(None);
    };
    let data = Payload::optional(data).unwrap_or_else(Payload::null);
    let question = ConnectionRequest { peer: session.peer.clone(), data };
    let asked = hooks::ask(Some(hook), question, ErrorCode::DisconnectRefused);
    let patience = core.settings.greeting_timeout;
    core.run_hook(asked, "before_disconnection", patience, ErrorCode::DisconnectRefused).await
}

/// Stops the session's executions, waits for their verdicts, and says that it is over.
async fn leave(core: &Arc<Core>, session: &Arc<Session>, reply: Option<Payload>) {
    loop {
        let running = still_running(core, session);
        if running.is_empty() {
            break;
        }
        for record in &running {
            ask_to_stop(core, record, StopCause::Disconnected);
        }
        for record in &running {
            // Bounded: the ladder gives every one its verdict after the grace.
            record.until(|state| state.is_settled).await;
        }
    }
    if timeout(core.settings.abort_grace, session.unsaid.emptied()).await.is_err() {
        lifetime::tell_held_back(core, session);
    }
    let reply = reply.map(proto::Payload::from);
    session.send(Frame::GoodbyeAccepted(proto::GoodbyeAccepted { reply }));
    session.outbox.close();
    wait_until_heard(core, session).await;
}

/// The master ends the stream when it has heard everything; one that has and does not is cut off. A
/// master that is away may come back for the verdicts, and for the answer, in its window.
async fn wait_until_heard(core: &Core, session: &Session) {
    let begun = Instant::now();
    while timeout(core.settings.greeting_timeout, session.tie.closed()).await.is_err() {
        if session.outbox.is_settled() || begun.elapsed() > session.window {
            return session.tie.stop();
        }
    }
}

/// What still runs. When nothing does, nothing new may begin: a start that was on its way when
/// the goodbye came is either among them or refused.
fn still_running(core: &Core, session: &Session) -> Vec<RecordRef> {
    let running = unsettled(core, session);
    if !running.is_empty() {
        return running;
    }
    // Said before the table is looked through again: see `Session::check_open`.
    session.leaving.store(true, Ordering::SeqCst);
    let late = unsettled(core, session);
    session.leaving.store(late.is_empty(), Ordering::SeqCst);
    late
}

fn unsettled(core: &Core, session: &Session) -> Vec<RecordRef> {
    let mut records = core.records.of_session(session.id);
    records.retain(|record| !record.state().is_settled);
    records
}
