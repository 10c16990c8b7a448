//! The words that masters and slaves share, and how frames cross one stream.
//!
//! This crate holds values and pure state machines. It knows no socket, no file and no clock:
//! time and randomness are arguments. Users meet its types through the crate `selsyn`.
//!
//! | Word | Means |
//! |---|---|
//! | [`TaskId`], [`ExecutionId`] | which task, and which run of it on a slave |
//! | [`Payload`], [`Call`] | the application's data |
//! | [`TaskStatus`] | where a task stands, with the picture of its ways |
//! | [`Outcome`], [`Failure`], [`Ran`] | how it ended, and whether user code ran |
//! | [`Context`], [`FailedTask`] | what goes down to child tasks, and comes up from them |
//! | [`Refusal`] | why something was not done |
//! | [`Output`], [`OutputContent`] | what a running function shows |
//! | [`Part`], [`Parts`] | named parts of an execution's work, each with a status and a result |
//! | [`ExecutionInfo`], [`ExecutionEvent`] | what a slave says of an execution to who looks at it |
//! | [`FunctionCall`], [`TaskUid`] | a call as bluesky queueserver words it |
//! | [`ErrorCode`] | the one table of codes |
//! | [`link`] | lanes, numbering, silence, versions |
//! | [`di_engine`] | DI-engine's JSON replies and its two tables of codes |

mod backoff;
mod cloudpss_verdict;
pub mod codes;
mod context;
pub mod di_engine;
mod endpoint;
mod execution;
mod failed_task;
mod failure;
mod failure_json;
mod function_call;
mod ids;
#[doc(hidden)]
pub mod link;
mod log_tail;
mod logview;
mod outcome;
mod output;
mod part;
mod payload;
#[doc(hidden)]
pub mod proto;
pub mod seldom;
mod status;
mod stopped;
mod summary;
mod token;
#[doc(hidden)]
pub mod utc;
#[doc(hidden)]
pub mod wire;

pub use backoff::{Backoff, BackoffError};
pub use cloudpss_verdict::CloudPssVerdict;
pub use codes::ErrorCode;
pub use context::{Context, Lineage, StopSignal};
pub use endpoint::{DEFAULT_MASTER_PORT, DEFAULT_SLAVE_PORT, Endpoint, EndpointError};
pub use execution::{ExecutionEvent, ExecutionInfo, Happened, Phase, StatusFilter, UnknownStatus};
pub use failed_task::FailedTask;
pub use failure::{Failure, FailureKind, MAX_TRACE_LINES, Ran, Refusal};
pub use function_call::{
    FunctionCall, FunctionCallError, FunctionItem, LockKey, TaskUid, TaskUids, TaskUidsError,
};
pub use ids::{BootId, ExecutionId, Incarnation, MasterId, SessionId, SlaveId, TaskId, TaskIds};
pub use log_tail::LogTail;
pub use logview::Logview;
pub use outcome::Outcome;
pub use output::{
    Column, ColumnType, Container, ContainerItem, ContainerLayout, Counts, Custom, GridArea,
    GridError, GridTemplate, ItemQuery, LogLevel, LogLine, NonFinite, Output, OutputContent,
    OutputError, Picture, Plot, Progress, Snapshot, TabPosition, Table, Trace, Verb,
};
#[doc(hidden)]
pub use part::PartChange;
pub use part::{
    FailureText, FailureTextKind, NoProgress, NoStage, Part, PartError, PartExtent, PartProgress,
    PartReadError, PartResult, PartStatus, Parts, StageProgress, UnknownPartStatus,
};
#[cfg(feature = "prost-payload")]
pub use payload::Prost;
pub use payload::{Call, FromPayload, IntoPayload, Payload, PayloadError, PayloadKind};
pub use status::{IllegalChange, StatusChange, TaskStatus};
pub use stopped::Stopped;
pub use summary::Summary;
pub use token::{Token, TokenError};
