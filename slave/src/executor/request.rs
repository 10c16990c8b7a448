//! A start, read from its frame.

use std::time::Duration;

use bytes::Bytes;
use selsyn_common::link::quick::ShortStart;
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
    /// Reads a start.
    ///
    /// # Errors
    ///
    /// When it makes no sense.
    pub(crate) fn read(id: ExecutionId, mut start: proto::Start) -> Result<Self, WireError> {
        Ok(Self {
            id,
            data: Payload::required("Start", "data", start.data.take())?,
            deadline: deadline(start.deadline_millis),
            placement: placement(start.placement())?,
            lineage: start.lineage().map(Box::new),
            function: Wanted { number: start.function_number, name: start.function },
        })
    }

    /// Reads a common start, as [`read`](Self::read) any other.
    #[inline(always)]
    pub(crate) fn of(start: ShortStart<Bytes>) -> Result<Self, WireError> {
        let ShortStart { execution, kind, data, deadline_millis, function_number: number, .. } =
            start;
        let wanted = proto::Placement::try_from(start.placement).unwrap_or_default();
        Ok(Self {
            id: execution.into(),
            data: proto::Payload { kind, data, size: 0 }.try_into()?,
            deadline: deadline(deadline_millis),
            placement: placement(wanted)?,
            lineage: None,
            function: Wanted { number, name: String::new() },
        })
    }
}

fn placement(wanted: proto::Placement) -> Result<Placement, WireError> {
    match wanted {
        proto::Placement::Background => Ok(Placement::Background),
        proto::Placement::Foreground => Ok(Placement::Foreground),
        proto::Placement::Unspecified => Err(WireError::unknown("Start", "placement")),
    }
}

fn deadline(millis: u64) -> Option<Duration> {
    (millis > 0).then(|| Duration::from_millis(millis))
}
