//! `outputs`: log lines a second, one execution to one watcher of Control.

use crate::client::Plan;
use crate::ours::Lines;
use crate::process::{Addresses, Server};
use crate::report::{Better, Measured, Row, Target};
use crate::rounds::{Contender, flood};
use crate::yardstick::bidi::Bidi;
use crate::{IN_FLIGHT, Result};

const LINES: Target = Target { goal: 0.3, floor: 0.2 };

pub(crate) async fn run(plan: &Plan) -> Result<Vec<Row>> {
    let server = Server::start(plan.placement).await?;
    let tellers = [Teller::Lines, Teller::Bidi];
    let [lines, bidi] = flood::run(&server, plan.effort(), tellers).await?;
    let rate = Measured {
        case: "outputs",
        metric: "log lines",
        unit: "lines/s",
        better: Better::Higher,
        placement: plan.placement,
    };
    Ok(vec![rate.beside(&lines.rates, bidi.name, &bidi.rates, Some(LINES))])
}

/// Who tells something of as many bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Teller {
    /// A function that logs, to a watcher.
    Lines,
    /// A raw stream, there and back.
    Bidi,
}

/// A connection of one of them.
enum Opened {
    Lines(Lines),
    Bidi(Box<Bidi>),
}

impl Contender for Teller {
    type Opened = Opened;

    const TRIAL: usize = 20_000;

    fn name(self) -> &'static str {
        match self {
            Self::Lines => "log lines",
            Self::Bidi => "bidi",
        }
    }

    fn is_ours(self) -> bool {
        self == Self::Lines
    }

    async fn open(self, at: &Addresses) -> Result<Opened> {
        Ok(match self {
            Self::Lines => Opened::Lines(Lines::connect(at.slave)?),
            Self::Bidi => Opened::Bidi(Box::new(Bidi::connect(at.echo).await?)),
        })
    }

    async fn run(opened: &Opened, messages: usize) -> Result<()> {
        match opened {
            Opened::Lines(lines) => lines.run(messages).await,
            Opened::Bidi(bidi) => bidi.run(messages, IN_FLIGHT).await,
        }
    }
}
