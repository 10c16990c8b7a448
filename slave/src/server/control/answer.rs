//! Says in gRPC's words why a call cannot be answered.

use std::fmt::Display;

use selsyn_common::wire::{WireError, pause_millis};
use selsyn_common::{ErrorCode, Refusal, TaskStatus};
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Code, Status};

use crate::server::CODE_HEADER;

/// The header that carries the verdict of an execution that was to be stopped and has ended.
const STATUS_HEADER: &str = "selsyn-status";
/// The header that carries DI-engine's number of a refusal, or its hook's own.
const NUMBER_HEADER: &str = "selsyn-number";
/// The header that carries the pause before another try makes sense, in milliseconds.
const RETRY_HEADER: &str = "selsyn-retry-after-millis";

/// A row of the table of codes, with what there is to say.
pub(super) fn because(reason: ErrorCode, message: impl Into<String>) -> Status {
    with(reason, message.into(), &[])
}

/// A field of a request that cannot be read.
pub(super) fn unreadable(error: &WireError) -> Status {
    because(ErrorCode::FilterInvalid, error.to_string())
}

/// Nothing can be asked of it any more.
pub(super) fn ended(id: impl Display, verdict: TaskStatus) -> Status {
    let message = format!("execution {id} has ended {verdict}");
    with(ErrorCode::AlreadyTerminal, message, &[(STATUS_HEADER, verdict.to_string())])
}

/// A start was refused.
pub(super) fn refused(refusal: Refusal) -> Status {
    let millis = pause_millis(&refusal);
    let headers = [(NUMBER_HEADER, refusal.code.to_string()), (RETRY_HEADER, millis.to_string())];
    with(refusal.reason, refusal.message, &headers)
}

fn with(reason: ErrorCode, message: String, headers: &[(&'static str, String)]) -> Status {
    let mut metadata = MetadataMap::new();
    metadata.insert(CODE_HEADER, MetadataValue::from_static(reason.as_str()));
    for (name, value) in headers {
        if let Ok(value) = value.parse() {
            metadata.insert(*name, value);
        }
    }
    Status::with_metadata(Code::from_i32(reason.grpc() as i32), message, metadata)
}
