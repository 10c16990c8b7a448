//! One load on one connection: ours, or a yardstick's; alone, it is what a profiler looks at.

use std::str::FromStr;
use std::time::Instant;

use crate::ours::Small;
use crate::placement::{Placement, Role};
use crate::process::{Addresses, Server, cpu_of};
use crate::progress::say;
use crate::rounds::Contender;
use crate::rounds::payloads::{self, Carrier, Way};
use crate::yardstick::bidi::Bidi;
use crate::yardstick::nats::Nats;
use crate::yardstick::tarpc::Tarpc;
use crate::yardstick::unary::Unary;
use crate::{IN_FLIGHT, Result};

/// Whose load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// Ours, with a function whose first poll is inline: what is gated.
    Inline,
    /// Ours, with a plain function.
    Plain,
    /// Ours, inline, in bursts: many are started, then all of them joined.
    Burst,
    /// The same with a plain function.
    BurstPlain,
    Bidi,
    Unary,
    Tarpc,
    /// Through a broker.
    Nats,
    /// Payloads of 64 MiB, ours, one after another.
    Bulk,
    /// The same over raw TCP.
    BulkTcp,
    /// Payloads of a mebibyte, ours.
    Bulk1m,
    /// The same by unary calls with wide windows and frames.
    TunedUnary1m,
}

impl Side {
    const ALL: [Self; 12] = [
        Self::Inline,
        Self::Plain,
        Self::Burst,
        Self::BurstPlain,
        Self::Bidi,
        Self::Unary,
        Self::Tarpc,
        Self::Nats,
        Self::Bulk,
        Self::BulkTcp,
        Self::Bulk1m,
        Self::TunedUnary1m,
    ];

    /// As it stands in the report.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Inline => "inline",
            Self::Plain => "plain",
            Self::Burst => "burst",
            Self::BurstPlain => "burst-plain",
            Self::Bidi => "bidi",
            Self::Unary => "unary",
            Self::Tarpc => "tarpc",
            Self::Nats => "NATS",
            Self::Bulk => "bulk",
            Self::BulkTcp => "bulk-tcp",
            Self::Bulk1m => "bulk-1m",
            Self::TunedUnary1m => "tuned-unary-1m",
        }
    }
}

impl Contender for Side {
    type Opened = Opened;

    const TRIAL: usize = 5_000;

    fn name(self) -> &'static str {
        self.name()
    }

    fn is_ours(self) -> bool {
        use Side::{Bulk, Bulk1m, Burst, BurstPlain, Inline, Plain};
        matches!(self, Inline | Plain | Burst | BurstPlain | Bulk | Bulk1m)
    }

    async fn run(opened: &Opened, tasks: usize) -> Result<()> {
        opened.run(tasks, IN_FLIGHT).await
    }

    async fn open(self, at: &Addresses) -> Result<Opened> {
        Ok(match self {
            Self::Inline => Opened::Ours(Small::connect(at.slave, "inline").await?),
            Self::Plain => Opened::Ours(Small::connect(at.slave, "plain").await?),
            Self::Burst => Opened::Burst(Small::connect(at.slave, "inline").await?),
            Self::BurstPlain => Opened::Burst(Small::connect(at.slave, "plain").await?),
            Self::Bidi => Opened::Bidi(Box::new(Bidi::connect(at.echo).await?)),
            Self::Unary => Opened::Unary(Unary::connect(at.echo).await?),
            Self::Tarpc => Opened::Tarpc(Tarpc::connect(at.tarpc).await?),
            Self::Nats => {
                let broker = at.nats.ok_or("no broker was started")?;
                Opened::Nats(Box::new(Nats::connect(broker).await?))
            }
            Self::Bulk => Opened::Bulk(carrier(Way::Ours, 64).open(at).await?),
            Self::BulkTcp => Opened::Bulk(carrier(Way::Tcp, 64).open(at).await?),
            Self::Bulk1m => Opened::Bulk(carrier(Way::Ours, 1).open(at).await?),
            Self::TunedUnary1m => Opened::Bulk(carrier(Way::TunedUnary, 1).open(at).await?),
        })
    }
}

impl FromStr for Side {
    type Err = String;

    fn from_str(name: &str) -> std::result::Result<Self, String> {
        // "ours" is what is gated.
        let name = if name == "ours" { "inline" } else { name };
        let found = Self::ALL.into_iter().find(|side| side.name() == name);
        found.ok_or_else(|| format!("no side {name}: {}", Self::ALL.map(Self::name).join(", ")))
    }
}

/// A connection that a load can be put on.
pub(crate) enum Opened {
    Ours(Small),
    Burst(Small),
    Bidi(Box<Bidi>),
    Unary(Unary),
    Tarpc(Tarpc),
    Nats(Box<Nats>),
    Bulk(payloads::Opened),
}

/// Carries payloads of so many mebibytes.
const fn carrier(way: Way, mib: usize) -> Carrier {
    Carrier { way, bytes: mib << 20 }
}

impl Opened {
    /// Runs so many tasks, so many of them in flight.
    pub(crate) async fn run(&self, tasks: usize, in_flight: usize) -> Result<()> {
        match self {
            Self::Ours(small) => small.run(tasks, in_flight).await,
            Self::Burst(small) => small.bursts(tasks, in_flight).await,
            Self::Bidi(bidi) => bidi.run(tasks, in_flight).await,
            Self::Unary(unary) => unary.run(tasks, in_flight).await,
            Self::Tarpc(tarpc) => tarpc.run(tasks, in_flight).await,
            Self::Nats(nats) => nats.run(tasks, in_flight).await,
            Self::Bulk(bulk) => Carrier::run(bulk, tasks).await,
        }
    }

    /// Runs one task, nothing else being in flight.
    pub(crate) async fn one(&self) -> Result<()> {
        match self {
            Self::Ours(small) | Self::Burst(small) => small.task().await,
            Self::Bidi(bidi) => bidi.run(1, 1).await,
            Self::Unary(unary) => unary.call().await,
            Self::Tarpc(tarpc) => tarpc.call().await,
            Self::Nats(nats) => nats.run(1, 1).await,
            Self::Bulk(bulk) => Carrier::run(bulk, 1).await,
        }
    }
}

/// What `load` shall do.
pub(crate) struct Load {
    pub(crate) tasks: usize,
    pub(crate) side: Side,
    /// Tasks at a time; or so many in a burst.
    pub(crate) in_flight: usize,
    pub(crate) placement: Placement,
}

pub(crate) fn run(what: &Load) -> Result<()> {
    what.placement.runtime(Role::Client)?.block_on(async {
        let server = Server::start(what.placement).await?;
        let opened = what.side.open(&server.at).await?;
        let pids = [std::process::id(), server.pid];
        let before = pids.map(cpu_of);
        let begun = Instant::now();
        opened.run(what.tasks, what.in_flight).await?;
        let seconds = begun.elapsed().as_secs_f64();
        let mut cpu = [0.0; 2];
        for ((pid, before), cpu) in pids.into_iter().zip(before).zip(&mut cpu) {
            *cpu = (cpu_of(pid)? - before?) * 1e6 / what.tasks as f64;
        }
        say(&format!(
            "{} on {}: {:.0} tasks/s, CPU a task: client {:.3} us, server {:.3} us",
            what.side.name(),
            what.placement,
            what.tasks as f64 / seconds,
            cpu[0],
            cpu[1],
        ));
        drop(opened);
        server.end().await
    })
}
