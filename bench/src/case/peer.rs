//! `peer_nats`, `peer_ray`, `peer_di_engine`: others that start work elsewhere, where they are
//! installed. Nothing is demanded beside them: they do more than we, or other things.

use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::process::Command;

use crate::Result;
use crate::client::Plan;
use crate::load::Side;
use crate::process::Server;
use crate::progress::say;
use crate::report::{Better, Measured, Row};
use crate::rounds::{flood, pace};
use crate::yardstick::nats;

const NATS_INSTALL: &str = "apt-get install nats-server, or https://nats.io/download";

pub(crate) async fn nats(plan: &Plan) -> Result<Vec<Row>> {
    let mut server = Server::start(plan.placement).await?;
    let broker = nats::broker().await?;
    match &broker {
        Some((_, address)) => server.answer_at(*address).await?,
        None => return missing(plan, &server, "peer_nats", "NATS", NATS_INSTALL).await,
    }
    let sides = [Side::Inline, Side::Nats];
    let [ours, theirs] = flood::run(&server, plan.effort(), sides).await?;
    let [our, their] = pace::run(&server, plan.effort(), sides).await?;
    let (rate, time) = metrics(plan, "peer_nats");
    Ok(vec![
        rate.beside(&ours.rates, theirs.name, &theirs.rates, None),
        time.beside(&our.p50, their.name, &their.p50, None),
    ])
}

/// A peer whose measurement is a program in Python, which prints its figures.
pub(crate) struct Python {
    case: &'static str,
    name: &'static str,
    module: &'static str,
    program: &'static str,
    install: &'static str,
}

pub(crate) const RAY: Python = Python {
    case: "peer_ray",
    name: "Ray actor",
    module: "ray",
    program: include_str!("../../peers/ray.py"),
    install: "pip install ray",
};

pub(crate) const DI_ENGINE: Python = Python {
    case: "peer_di_engine",
    name: "DI-engine",
    module: "ding.interaction",
    program: include_str!("../../peers/di_engine.py"),
    install: "pip install DI-engine",
};

/// What a peer's program prints, as JSON.
#[derive(Debug, Deserialize)]
struct Printed {
    /// Tasks a second, as many in flight as it can.
    rate: f64,
    /// Microseconds of one task at a time.
    p50: f64,
}

/// A peer that hangs is a yardstick that fails.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) async fn python(plan: &Plan, peer: &Python) -> Result<Vec<Row>> {
    let server = Server::start(plan.placement).await?;
    if !peer.run(&format!("import {}", peer.module)).await?.status.success() {
        return missing(plan, &server, peer.case, peer.name, peer.install).await;
    }
    let theirs = peer.figures().await.map_err(|error| {
        say(&format!("  the yardstick {} failed: {error}", peer.name));
    });
    rows(plan, &server, peer.case, peer.name, theirs.ok()).await
}

impl Python {
    async fn figures(&self) -> Result<Printed> {
        let ran = self.run(self.program).await?;
        let told = String::from_utf8_lossy(&ran.stdout);
        Ok(serde_json::from_str(told.lines().last().ok_or("it says nothing")?)?)
    }

    async fn run(&self, program: &str) -> Result<std::process::Output> {
        let mut python = Command::new("python3");
        python.args(["-c", program]).stdin(Stdio::null()).stderr(Stdio::null());
        let output = python.kill_on_drop(true).output();
        Ok(tokio::time::timeout(PATIENCE, output).await??)
    }
}

/// Says how the peer is installed, and gives our figures alone.
async fn missing(
    plan: &Plan,
    server: &Server,
    case: &str,
    name: &str,
    install: &str,
) -> Result<Vec<Row>> {
    say(&format!("  {name} is not here; to compare with it: {install}"));
    rows(plan, server, case, &format!("{name}, not installed"), None).await
}

async fn rows(
    plan: &Plan,
    server: &Server,
    case: &str,
    name: &str,
    theirs: Option<Printed>,
) -> Result<Vec<Row>> {
    let [ours] = flood::run(server, plan.effort(), [Side::Inline]).await?;
    let [our] = pace::run(server, plan.effort(), [Side::Inline]).await?;
    let all = |figure: Option<f64>| vec![figure; ours.rates.len()].into_iter().flatten();
    let rates: Vec<_> = all(theirs.as_ref().map(|printed| printed.rate)).collect();
    let times: Vec<_> = all(theirs.as_ref().map(|printed| printed.p50)).collect();
    let (rate, time) = metrics(plan, case);
    Ok(vec![
        rate.beside(&ours.rates, name, &rates, None),
        time.beside(&our.p50, name, &times, None),
    ])
}

const fn metrics<'a>(plan: &Plan, case: &'a str) -> (Measured<'a>, Measured<'a>) {
    let placement = plan.placement;
    let rate =
        Measured { case, metric: "rate", unit: "tasks/s", better: Better::Higher, placement };
    (rate, Measured { case, metric: "p50", unit: "us", better: Better::Lower, placement })
}
