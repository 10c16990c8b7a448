//! What a monitor is told of a wait.

use std::convert::Infallible;
use std::time::Duration;

use selsyn_common::{ExecutionId, ExecutionInfo, PartStatus, Parts};
use tokio::time::sleep;

use super::WaitMonitor;
use crate::control::Control;

/// Executions that a look is about, and those of them whose parts are asked for: nobody reads more,
/// and a look shall cost little.
const LOOKED_AT: usize = 64;
const WITH_PARTS: usize = 8;

/// What a monitor is told of a wait: how long it takes, and what is still waited for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WaitLook {
    /// How long ago the wait began.
    pub elapsed: Duration,
    /// What has not ended, of the first 64 executions that are waited for.
    pub waiting: Vec<WaitedExecution>,
}

/// An execution that is waited for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WaitedExecution {
    /// Which run.
    pub id: ExecutionId,
    /// What the slave says of it; `None` when it could not be asked.
    pub info: Option<ExecutionInfo>,
    /// Its parts, without their results; those of the first eight executions that have some.
    pub parts: Parts,
}

impl WaitLook {
    /// Lines to print: one for each execution, with its id, and one for each of its parts that runs,
    /// with its stages.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for WaitedExecution { id, info, parts } in &self.waiting {
            let phase = info.as_ref().map_or("not answering", |info| info.phase.name());
            let seconds = self.elapsed.as_secs_f64();
            lines.push(format!("execution {id}: {phase}, waited for {seconds:.1} s"));
            let running = parts.iter().filter(|part| part.status == PartStatus::Running);
            lines.extend(running.map(|part| format!("{}: {}", part.name, part.progress())));
        }
        lines
    }
}

impl Control {
    /// Tells a monitor how a wait goes on, for as long as it is awaited.
    pub(crate) async fn look_on(&self, monitor: &WaitMonitor, ids: &[ExecutionId]) -> Infallible {
        let Some(pause) = monitor.pause() else { return std::future::pending().await };
        loop {
            sleep(pause).await;
            let waiting = self.look(&ids[..ids.len().min(LOOKED_AT)]).await;
            monitor.tell(&WaitLook { elapsed: monitor.elapsed(), waiting });
        }
    }

    /// What can be said of these executions now; that the slave cannot be asked is no error here.
    async fn look(&self, ids: &[ExecutionId]) -> Vec<WaitedExecution> {
        let Ok(infos) = self.statuses(ids.iter().copied()).await else {
            let unknown = |id: &_| WaitedExecution { id: *id, info: None, parts: Parts::default() };
            return ids.iter().map(unknown).collect();
        };
        let (mut waiting, mut asked) = (Vec::new(), 0);
        for info in infos.into_iter().filter(|info| !info.is_ended()) {
            let mut parts = Parts::default();
            if info.parts > 0 && asked < WITH_PARTS {
                asked += 1;
                parts = self.parts_without_results(info.id).await.unwrap_or_default();
            }
            waiting.push(WaitedExecution { id: info.id, info: Some(info), parts });
        }
        waiting
    }
}
