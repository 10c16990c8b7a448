//! The cases, one file each; those that share their rounds share a file.

mod bulk;
mod burst;
mod durable;
mod latency;
mod outputs;
mod outstanding;
mod payload;
mod peer;
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
    Nats,
    Ray,
    DiEngine,
}

impl Group {
    pub(crate) const ALL: [Self; 15] = [
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
        Self::Nats,
        Self::Ray,
        Self::DiEngine,
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
            Self::Nats => &["peer_nats"],
            Self::Ray => &["peer_ray"],
            Self::DiEngine => &["peer_di_engine"],
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

    /// All that a run measures; a quick one leaves out the peers, whose servers are seldom there.
    pub(crate) fn all(quick: bool) -> Vec<Self> {
        let wanted = |group: &Self| !(quick && group.is_peer());
        Self::ALL.into_iter().filter(wanted).collect()
    }

    const fn is_peer(self) -> bool {
        matches!(self, Self::Nats | Self::Ray | Self::DiEngine)
    }

    /// Whether it has something to say about a placement: what is about memory or bytes says it at
    /// the gate.
    pub(crate) fn runs_on(self, placement: Placement) -> bool {
        let small = matches!(self, Self::Latency | Self::Throughput | Self::Burst | Self::Tarpc);
        placement == Placement::OneCore || small
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
        Group::Outputs => outputs::run(plan).await,
        Group::Nats => peer::nats(plan).await,
        Group::Ray => peer::python(plan, &peer::RAY).await,
        Group::DiEngine => peer::python(plan, &peer::DI_ENGINE).await,
    }
}
