//! Says how busy the slave is, and opens and closes its environment.

use std::sync::Arc;

use selsyn_common::ErrorCode;
use selsyn_common::proto::{ChangeEnvironmentRequest, Environment, EnvironmentChange, InfoReply};
use selsyn_common::wire::WireId;
use tonic::Status;

use super::answer::{because, refused};
use crate::admission::Doors;
use crate::core::Core;
use crate::environment;

/// Who the slave is and how busy.
pub(super) fn info(core: &Core) -> InfoReply {
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let admission = core.admission();
    let (running, queued) = (count(admission.running()), count(admission.queued()));
    let (doors, completions) = (admission.doors(), admission.completions());
    let foreground = admission.foreground().map(Into::into);
    drop(admission);
    let environment = match doors {
        Doors::Open | Doors::Draining => Environment::Open,
        Doors::Closing => Environment::Closing,
        Doors::Closed => Environment::Closed,
    };
    InfoReply {
        slave_id: core.slave_id.to_wire(),
        boot_id: core.boot_id.to_wire(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        limits: Some(core.limits()),
        running,
        queued,
        sessions: count(core.sessions.len()),
        draining: doors == Doors::Draining,
        foreground,
        completions,
        environment: environment.into(),
    }
}

/// Opens or closes the environment; answers when that is done.
pub(super) async fn change(
    core: &Arc<Core>,
    request: &ChangeEnvironmentRequest,
) -> Result<InfoReply, Status> {
    let done = match request.change() {
        EnvironmentChange::Open => core.admission().open(),
        EnvironmentChange::Close => environment::close(core, false).await,
        EnvironmentChange::Destroy => environment::close(core, true).await,
        EnvironmentChange::Unspecified => {
            return Err(because(ErrorCode::FilterInvalid, "the change is not known"));
        }
    };
    done.map_err(refused)?;
    Ok(info(core))
}
