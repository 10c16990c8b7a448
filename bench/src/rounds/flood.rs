//! Rounds of many tasks in flight: rate and CPU time of each side.

use super::{Contender, Effort, allowed, timed};
use crate::Result;
use crate::client::Plan;
use crate::process::Server;
use crate::progress::say;

/// What the rounds found about one side; nothing, when it could not run.
pub(crate) struct Flooded {
    /// As it stands in the report.
    pub(crate) name: &'static str,
    /// Tasks a second, a figure a round.
    pub(crate) rates: Vec<f64>,
    /// CPU microseconds a task of both processes, a figure a round.
    pub(crate) cpu: Vec<f64>,
}

/// One side, and how many tasks fill its part of a round.
struct Ready<C: Contender> {
    opened: C::Opened,
    tasks: usize,
}

/// As [`run`], on a server of their own: ten thousand executions that a plain function leaves there
/// cost an inline one that runs after it a tenth.
pub(crate) async fn alone<C: Contender, const N: usize>(
    plan: &Plan,
    sides: [C; N],
) -> Result<[Flooded; N]> {
    let server = Server::start(plan.placement).await?;
    run(&server, plan.effort(), sides).await
}

/// Runs the sides in turn, round after round. A yardstick that fails is told and left out; when
/// ours fails, so does the case.
pub(crate) async fn run<C: Contender, const N: usize>(
    server: &Server,
    effort: Effort,
    sides: [C; N],
) -> Result<[Flooded; N]> {
    let mut ready = Vec::new();
    for side in sides {
        ready.push(allowed(side, prepare(server, effort, side).await)?);
    }
    let mut found = sides.map(|side| Flooded { name: side.name(), rates: vec![], cpu: vec![] });
    for round in 1..=effort.rounds {
        for ((side, ready), found) in sides.into_iter().zip(&mut ready).zip(&mut found) {
            let Some(load) = &*ready else { continue };
            match allowed(side, once(server, load).await)? {
                Some((rate, cpu)) => {
                    found.rates.push(rate);
                    found.cpu.push(cpu);
                }
                None => (*ready, found.rates, found.cpu) = (None, vec![], vec![]),
            }
        }
        say(&line(round, effort.rounds, &found));
    }
    Ok(found)
}

async fn prepare<C: Contender>(server: &Server, effort: Effort, side: C) -> Result<Ready<C>> {
    let opened = side.open(&server.at).await?;
    C::run(&opened, C::TRIAL).await?;
    let time = timed(C::run(&opened, C::TRIAL)).await?;
    Ok(Ready { opened, tasks: effort.tasks(C::TRIAL, time) })
}

async fn once<C: Contender>(server: &Server, load: &Ready<C>) -> Result<(f64, f64)> {
    let before = server.cpu()?;
    let time = timed(C::run(&load.opened, load.tasks)).await?;
    let cpu = server.cpu()? - before;
    let tasks = load.tasks as f64;
    Ok((tasks / time.as_secs_f64(), cpu * 1e6 / tasks))
}

fn line(round: usize, rounds: usize, found: &[Flooded]) -> String {
    let figures = found.iter().filter_map(|side| {
        let (rate, cpu) = (side.rates.last()?, side.cpu.last()?);
        Some(format!("{} {rate:.0}/s {cpu:.2} us", side.name))
    });
    format!("  round {round}/{rounds}: {}", figures.collect::<Vec<_>>().join(", "))
}
