//! Ends a connection in good order.

use std::sync::Arc;
use std::time::Duration;

use selsyn_common::Payload;
use selsyn_common::link::PART_BYTES;
use tokio::time::timeout;

use crate::connection::ConnectionState;
use crate::connection::link::{GoodbyeAnswer, Link};
use crate::dispatch::log_panic;
use crate::error::DisconnectError;
use crate::hooks::{self, Disconnected};

/// Time for the slave's hook and for the way there and back, beside the abort grace.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks the slave, waits for its answer, and closes unless it refuses.
pub(crate) async fn disconnect(link: &Arc<Link>, data: Payload) -> Result<(), DisconnectError> {
    if link.state().is_final() {
        return Ok(());
    }
    let ended = say_goodbye(link, data).await;
    match ended {
        Ok(reply) => {
            link.wait_until(ConnectionState::is_final).await;
            if link.tells_farewell() {
                let told = Disconnected { connection: link.name.clone(), reply };
                let panic = hooks::tell(link.hooks.after_disconnect.as_ref(), told).await;
                log_panic(link, "after_disconnect", panic);
            }
            Ok(())
        }
        Err(error) => Err(tell_error(link, error).await),
    }
}

async fn say_goodbye(link: &Arc<Link>, data: Payload) -> Result<Option<Payload>, DisconnectError> {
    let name = || link.name.clone();
    let hook = link.hooks.before_disconnect.as_ref();
    let data = hooks::ask(hook, data).await;
    let data = data.map_err(|said| DisconnectError::Hook { name: name(), said })?;
    // What needs no parts is taken whatever the limit of a task.
    let (bytes, limit) = (data.len(), link.max_payload_bytes().max(PART_BYTES));
    if bytes > limit {
        return Err(DisconnectError::TooLarge { name: name(), bytes, limit });
    }
    let answered = ask(link, data).await;
    match answered {
        Some(Ok(reply)) => Ok(reply),
        Some(Err(refusal)) => {
            Err(DisconnectError::Refused { name: name(), refusal: Box::new(refusal) })
        }
        None => {
            link.stop.cancel();
            link.wait_until(ConnectionState::is_final).await;
            let why = "it was not connected, or did not answer in time";
            Err(DisconnectError::NoGoodbye { name: name(), why })
        }
    }
}

/// The slave's answer; `None` when there is none to be had.
async fn ask(link: &Link, data: Payload) -> Option<GoodbyeAnswer> {
    let answer = link.goodbye(data)?;
    timeout(link.abort_grace().saturating_add(PATIENCE), answer).await.ok()?.ok()
}

async fn tell_error(link: &Link, error: DisconnectError) -> DisconnectError {
    let panic = hooks::tell(link.hooks.disconnect_error.as_ref(), error.clone()).await;
    log_panic(link, "on_disconnect_error", panic);
    error
}
