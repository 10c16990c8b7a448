//! A start, read from its frame.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use selsyn_common::link::quick::ShortStart;
use selsyn_common::wire::WireError;
use selsyn_common::{ErrorCode, ExecutionId, Lineage, Payload, Refusal, proto};

use crate::admission::Placement;
use crate::registry::Wanted;

/// Most bytes that the labels of an execution have: they stand in every line of a list.
pub(crate) const MAX_LABELS: usize = 256;

/// A start, read from its frame.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) id: ExecutionId,
    pub(crate) function: Wanted,
    pub(crate) data: Payload,
    pub(crate) deadline: Option<Duration>,
    pub(crate) placement: Placement,
    pub(crate) particulars: Option<Box<Particulars>>,
}

/// What few starts say.
#[derive(Debug)]
pub(crate) struct Particulars {
    pub(crate) lineage: Option<Lineage>,
    pub(crate) labels: Vec<String>,
}

/// Labels are words to find it by: their order says nothing, nor one that is said twice.
impl PartialEq for Particulars {
    fn eq(&self, other: &Self) -> bool {
        self.lineage == other.lineage && self.words() == other.words()
    }
}

impl Request {
    /// Reads a start.
    ///
    /// # Errors
    ///
    /// When it makes no sense.
    pub(crate) fn read(id: ExecutionId, mut start: proto::Start) -> Result<Self, Refusal> {
        let data = Payload::required("Start", "data", start.data.take());
        let particulars = match start.particulars.take() {
            None => None,
            Some(particulars) => Particulars::of(particulars.lineage, particulars.labels)?,
        };
        Ok(Self {
            id,
            data: data.map_err(|error| broken(&error))?,
            deadline: deadline(start.deadline_millis),
            placement: placement(start.placement())?,
            particulars,
            function: Wanted { number: start.function_number, name: start.function },
        })
    }

    /// Reads a common start, as [`read`](Self::read) any other.
    #[inline(always)]
    pub(crate) fn of(start: ShortStart<Bytes>) -> Result<Self, Refusal> {
        let ShortStart { execution, kind, data, deadline_millis, function_number: number, .. } =
            start;
        let wanted = proto::Placement::try_from(start.placement).unwrap_or_default();
        let data = Payload::try_from(proto::Payload { kind, data, size: 0 });
        Ok(Self {
            id: execution.into(),
            data: data.map_err(|error| broken(&error))?,
            deadline: deadline(deadline_millis),
            placement: placement(wanted)?,
            particulars: None,
            function: Wanted { number, name: String::new() },
        })
    }
}

fn placement(wanted: proto::Placement) -> Result<Placement, Refusal> {
    match wanted {
        proto::Placement::Background => Ok(Placement::Background),
        proto::Placement::Foreground => Ok(Placement::Foreground),
        proto::Placement::Unspecified => Err(broken(&WireError::unknown("Start", "placement"))),
    }
}

fn deadline(millis: u64) -> Option<Duration> {
    (millis > 0).then(|| Duration::from_millis(millis))
}

#[cold]
fn broken(error: &WireError) -> Refusal {
    Refusal::because(ErrorCode::ProtocolViolation, error.to_string())
}

impl Particulars {
    fn words(&self) -> BTreeSet<&str> {
        self.labels.iter().map(String::as_str).collect()
    }

    /// What a start says, if it says anything.
    ///
    /// # Errors
    ///
    /// When it is too long, or makes no sense.
    pub(crate) fn of(
        lineage: Option<proto::Lineage>,
        labels: Vec<String>,
    ) -> Result<Option<Box<Self>>, Refusal> {
        let bytes: usize = labels.iter().map(String::len).sum();
        if bytes > MAX_LABELS || labels.iter().any(String::is_empty) {
            let message = format!(
                "the labels have {bytes} bytes; none is empty, and together they have at most {MAX_LABELS}"
            );
            return Err(Refusal::because(ErrorCode::FilterInvalid, message));
        }
        let without_parent = || {
            let message = "the lineage names no parent: name the execution that starts it, or leave \
                           the lineage out";
            Refusal::because(ErrorCode::FilterInvalid, message)
        };
        let descent = |lineage: proto::Lineage| lineage.descent().ok_or_else(without_parent);
        let lineage = lineage.map(descent).transpose()?;
        let is_any = lineage.is_some() || !labels.is_empty();
        Ok(is_any.then(|| Box::new(Self { lineage, labels })))
    }
}
