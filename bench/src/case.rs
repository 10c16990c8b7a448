//! The cases, one file each; those that share their rounds share a file.

mod bulk;
mod burst;
mod durable;
mod latency;
mod outputs;
mod outstanding;
mod payload;
mod slaves;
mod tarpc;
mod throughput;
mod unread;

use std::str::FromStr;

use crate::Result;
use crate::client::Plan;
use crate::placement::Placement;
use crate::report::Row;

/// Cases that are measured together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    Latency,
    Throughput,
    Burst,
    Tarpc,
    Outstanding,
    Slaves,
    LargePayload,
    Payload,
    Bulk,
    Unread,
    Durable,
    Outputs,
}

impl Group {
    pub(crate) const ALL: [Self; 12] = [
        Self::Latency,
        Self::Throughput,
        Self::Burst,
        Self::Tarpc,
        Self::Outstanding,
        Self::Slaves,
        Self::LargePayload,
        Self::Payload,
        Self::Bulk,
        Self::Unread,
        Self::Durable,
        Self::Outputs,
    ];

    /// The cases, by the names in the report.
    const fn cases(self) -> &'static [&'static str] {
        match self {
            Self::Latency => &["latency_1"],
            Self::Throughput => &["throughput_1000", "cpu_1000"],
            Self::Burst => &["burst_1000"],
            Self::Tarpc => &["tarpc_1000", "tarpc_1"],
            Self::Outstanding => &["outstanding_1m"],
            Self::Slaves => &["slaves_10k"],
            Self::LargePayload => &["payload_64m"],
            Self::Payload => &["payload_1m"],
            Self::Bulk => &["small_during_bulk"],
            Self::Unread => &["unread_1m"],
            Self::Durable => &["durable_1000", "durable_1"],
            Self::Outputs => &["outputs"],
        }
    }

    /// Named for its first case.
    pub(crate) const fn name(self) -> &'static str {
        self.cases()[0]
    }

    /// The group that measures a case; an unknown name is answered with the known ones.
    pub(crate) fn holding(case: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|group| group.cases().contains(&case));
        found.ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().flat_map(|group| group.cases()).copied().collect();
            format!("no case {case}; there are: {}", known.join(", ")).into()
        })
    }

    /// Whether it has something to say about a placement: a quick run keeps to the gate, and what
    /// is about memory or bytes says it there.
    pub(crate) fn runs_on(self, placement: Placement, quick: bool) -> bool {
        let small = matches!(self, Self::Latency | Self::Throughput | Self::Burst | Self::Tarpc);
        placement == Placement::OneCore || (small && !quick)
    }
}

impl FromStr for Group {
    type Err = String;

    fn from_str(case: &str) -> std::result::Result<Self, String> {
        Self::holding(case).map_err(|error| error.to_string())
    }
}

/// Measures a group.
pub(crate) async fn run(plan: &Plan) -> Result<Vec<Row>> {
    match plan.group {
        Group::Latency => latency::run(plan).await,
        Group::Throughput => throughput::run(plan).await,
        Group::Burst => burst::run(plan).await,
        Group::Tarpc => tarpc::run(plan).await,
        Group::Outstanding => outstanding::run(plan).await,
        Group::Slaves => slaves::run(plan).await,
        Group::LargePayload => payload::large(plan).await,
        Group::Payload => payload::middling(plan).await,
        Group::Bulk => bulk::run(plan).await,
        Group::Unread => unread::run(plan).await,
        Group::Durable => durable::run(plan).await,
        Group::Outputs => Ok(outputs::rows(plan)),
    }
}
