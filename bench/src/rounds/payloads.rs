//! Those that carry large payloads there and back.

use super::Contender;
use crate::Result;
use crate::ours;
use crate::process::Addresses;
use crate::yardstick::echo::Tuning;
use crate::yardstick::tcp::Tcp;
use crate::yardstick::unary::Unary;

/// Who carries a payload of so many bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Carrier {
    pub(crate) way: Way,
    pub(crate) bytes: usize,
}

/// How it travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Ours,
    Unary,
    /// Unary with wide windows and frames.
    TunedUnary,
    Tcp,
}

/// A connection of one of them.
pub(crate) enum Opened {
    Ours(ours::Bulk),
    Unary(Unary),
    Tcp(Box<Tcp>),
}

impl Contender for Carrier {
    type Opened = Opened;

    const TRIAL: usize = 1;

    fn name(self) -> &'static str {
        match self.way {
            Way::Ours => "inline",
            Way::Unary => "unary",
            Way::TunedUnary => "tuned unary",
            Way::Tcp => "raw TCP",
        }
    }

    fn is_ours(self) -> bool {
        self.way == Way::Ours
    }

    async fn open(self, at: &Addresses) -> Result<Opened> {
        let bytes = self.bytes;
        Ok(match self.way {
            Way::Ours => Opened::Ours(ours::Bulk::connect(at.slave, bytes).await?),
            Way::Unary => Opened::Unary(Unary::with(at.echo, Tuning::Default, bytes).await?),
            Way::TunedUnary => Opened::Unary(Unary::with(at.tuned, Tuning::Wide, bytes).await?),
            Way::Tcp => Opened::Tcp(Box::new(Tcp::connect(at.tcp, bytes).await?)),
        })
    }

    async fn run(opened: &Opened, tasks: usize) -> Result<()> {
        for _ in 0..tasks {
            match opened {
                Opened::Ours(bulk) => bulk.task().await?,
                Opened::Unary(unary) => unary.call().await?,
                Opened::Tcp(tcp) => tcp.call().await?,
            }
        }
        Ok(())
    }
}
