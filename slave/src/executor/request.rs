//! A start, read from its frame.

use std::time::Duration;

use selsyn_common::proto;
use selsyn_common::wire::WireError;
use selsyn_common::{ExecutionId, Lineage, Payload};

use crate::admission::Placement;
use crate::registry::Wanted;

/// A start, read from its frame.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) id: ExecutionId,
    pub(crate) function: Wanted,
    pub(crate) data: Payload,
    pub(crate) deadline: Option<Duration>,
    pub(crate) placement: Placement,
    pub(crate) lineage: Option<Box<Lineage>>,
}

impl Request {
    pub(crate) fn read(id: ExecutionId, start: &mut proto::Start) -> Result<Self, WireError> {
        let placement = match start.placement() {
            proto::Placement::Background => Placement::Background,
            proto::Placement::Foreground => Placement::Foreground,
            proto::Placement::Unspecified => return Err(WireError::unknown("Start", "placement")),
        };
        let deadline = Duration::from_millis(start.deadline_millis);
        let lineage = start.lineage().map(Box::new);
        Ok(Self {
            id,
            function: Wanted::of(start),
            data: Payload::required("Start", "data", start.data.take())?,
            deadline: (!deadline.is_zero()).then_some(deadline),
            placement,
            lineage,
        })
    }
}
