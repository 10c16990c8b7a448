//! Tells the parts of an execution, a page at a time.

use std::sync::Arc;
use std::time::SystemTime;

use selsyn_common::proto::{ExecutionPart, ListPartsReply, ListPartsRequest};
use selsyn_common::wire::time_of;
use selsyn_common::{ErrorCode, Outcome, Part};
use tonic::Status;

use super::answer::because;
use super::execution::find;
use super::page::Room;
use crate::core::Core;
use crate::execution::Extras;

pub(super) fn list(core: &Core, request: &ListPartsRequest) -> Result<ListPartsReply, Status> {
    let record = find(core, request.execution)?;
    let (extras, end) = {
        let state = record.state();
        (state.asked_for().cloned(), state.outcome())
    };
    let Some(extras) = extras else { return Ok(ListPartsReply::default()) };
    let end = end.map(|(outcome, ended)| {
        let outcome = Outcome::try_from(outcome);
        outcome.map(|outcome| (outcome, time_of(core.logs.label(ended))))
    });
    let end = end.transpose();
    let end = end.map_err(|error| because(ErrorCode::ServeFailed, error.to_string()))?;
    Ok(page(&extras, request, end.as_ref()))
}

fn page(
    extras: &Arc<Extras>,
    request: &ListPartsRequest,
    end: Option<&(Outcome, SystemTime)>,
) -> ListPartsReply {
    let parts = extras.parts();
    let mut page = ListPartsReply::default();
    let mut room = Room::default();
    let is_named = |part: &&Part| request.name.is_empty() || part.name == request.name;
    for part in parts.from(request.from_place).filter(is_named) {
        if room.is_full() {
            page.next_place = part.place;
            break;
        }
        let part = told(part, request, end);
        room.take(&part);
        page.parts.push(part);
    }
    page
}

/// A part as it stands, or as the end of its execution has left it.
fn told(
    part: &Part,
    request: &ListPartsRequest,
    end: Option<&(Outcome, SystemTime)>,
) -> ExecutionPart {
    let mut part = part.clone();
    if let Some((outcome, at)) = end {
        part.close(outcome, Some(*at));
    }
    let mut told = ExecutionPart::from(part);
    if request.without_results {
        told.result = None;
    }
    told
}
