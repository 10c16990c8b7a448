//! Tells of verdicts that come for tasks which ended LOST.

use std::sync::Arc;

use selsyn_common::{ExecutionId, Outcome};
use tracing::info;

use super::log_panic;
use crate::connection::link::Link;
use crate::hooks::{self, LateResult};

/// Tells the on_late_result hook, away from the loop.
pub(super) fn tell(link: &Arc<Link>, id: ExecutionId, outcome: Outcome) {
    info!(task.id = %id, connection = %link.name, status = %outcome.status, "a late result");
    if link.hooks.late_result.is_none() {
        return;
    }
    let link = Arc::clone(link);
    link.clone().spawn(async move {
        let connection = link.name.clone();
        let told = LateResult { connection, task: id.task, attempt: id.attempt, outcome };
        let panic = hooks::tell(link.hooks.late_result.as_ref(), told).await;
        log_panic(&link, "on_late_result", panic);
    });
}
