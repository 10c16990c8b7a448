//! Lists executions that fit a filter, a page at a time.

use std::collections::HashSet;
use std::sync::Arc;

use selsyn_common::proto::{ListExecutionsReply, ListExecutionsRequest, Phase, Status as Verdict};
use selsyn_common::wire::{WireError, WireId};
use selsyn_common::{BootId, ErrorCode, ExecutionId, MasterId};
use tonic::Status;

use super::answer::{because, unreadable};
use super::describe;
use super::page::{self, Newest, Place};
use crate::core::Core;
use crate::executor::MAX_LABELS;
use crate::records::{Record, State};

/// Executions of a page where none says how many.
const PAGE: usize = 1_000;
/// Most executions of a page, and most that are asked for by their ids: some 2 MB of a reply. It has
/// fewer of those of which there is more to say.
const MAX_PAGE: usize = 10_000;

pub(super) async fn list(
    core: &Arc<Core>,
    request: ListExecutionsRequest,
) -> Result<ListExecutionsReply, Status> {
    let filter = Filter::read(&request, core.boot_id).map_err(|error| unreadable(&error))?;
    let size = match request.page_size as usize {
        0 => PAGE,
        size => size.min(MAX_PAGE),
    };
    core.sweep();
    let core = Arc::clone(core);
    // A million executions take longer to look through than a heartbeat should wait.
    let listed =
        tokio::task::spawn_blocking(move || filter.told(&core, filter.placed(&core, size)));
    listed.await.map_err(|error| because(ErrorCode::ServeFailed, error.to_string()))
}

/// What a list is asked for.
#[derive(Debug)]
struct Filter {
    phases: Vec<Phase>,
    verdicts: Vec<Verdict>,
    owner: Option<MasterId>,
    function: String,
    /// As labels: microseconds since 1970.
    from: u64,
    before: u64,
    labels: Vec<String>,
    only: HashSet<ExecutionId>,
    parent: Option<ExecutionId>,
    /// Only what stands behind this place.
    behind: Option<Place>,
}

impl Filter {
    fn read(request: &ListExecutionsRequest, boot: BootId) -> Result<Self, WireError> {
        let wrong = |field, problem| WireError { frame: "ListExecutionsRequest", field, problem };
        let mut phases: Vec<_> = request.phases().collect();
        let mut verdicts: Vec<_> = request.verdicts().collect();
        // A filter that is not understood must not be taken for none.
        let is_known = !phases.contains(&Phase::Unspecified)
            && phases.len() == request.phases.len()
            && verdicts.len() == request.verdicts.len();
        if !is_known {
            return Err(wrong("phases or verdicts", "has an unknown value"));
        }
        // Each execution is compared with each of them, while nobody else gets at the table.
        phases.sort_unstable();
        phases.dedup();
        verdicts.sort_unstable();
        verdicts.dedup();
        if request.labels.iter().map(String::len).sum::<usize>() > MAX_LABELS
            || request.labels.len() > MAX_LABELS
        {
            return Err(wrong("labels", "has more bytes than the labels of an execution may"));
        }
        if request.executions.len() > MAX_PAGE {
            return Err(wrong("executions", "names more than 10,000"));
        }
        let owner = (!request.owner.is_empty())
            .then(|| MasterId::from_wire("ListExecutionsRequest", "owner", &request.owner))
            .transpose()?;
        let token = &request.page_token;
        let behind = (!token.is_empty())
            .then(|| page::read(boot, token).map_err(|problem| wrong("page_token", problem)))
            .transpose()?;
        Ok(Self {
            phases,
            verdicts,
            owner,
            function: request.function.clone(),
            from: request.from_micros,
            before: match request.before_micros {
                0 => u64::MAX,
                before => before,
            },
            labels: request.labels.clone(),
            parent: request.parent.map(ExecutionId::from),
            only: request.executions.iter().map(|id| ExecutionId::from(*id)).collect(),
            behind,
        })
    }

    /// The places of those that fit.
    fn placed(&self, core: &Core, size: usize) -> Newest {
        let mut newest = Newest::new(size);
        let mut look = |record: &Record| {
            if self.may_fit(record)
                && let Some(place) = self.place(core, record, &record.state())
            {
                newest.offer(place);
            }
        };
        if self.only.is_empty() {
            core.records.each(|record| look(record));
        } else {
            let named = self.only.iter().filter_map(|id| core.records.get(*id));
            named.for_each(|record| look(&record));
        }
        newest
    }

    /// Tells of those that stand at these places, as far as they fit still.
    fn told(&self, core: &Core, newest: Newest) -> ListExecutionsReply {
        let (executions, last) = newest.tell(|place| {
            let record = core.records.get(place.1)?;
            let state = record.state();
            let stands = self.place(core, &record, &state) == Some(place);
            stands.then(|| describe::told(core, &record, &state))
        });
        let next_page_token = last.map(|place| page::token(core.boot_id, place));
        let next_page_token = next_page_token.unwrap_or_default();
        ListExecutionsReply { executions, next_page_token }
    }

    /// Whether an execution can fit, by what never changes.
    fn may_fit(&self, record: &Record) -> bool {
        let has_name = self.function.is_empty() || record.function.name == self.function;
        has_name && self.owner.is_none_or(|owner| record.origin.peer.master == owner)
    }

    /// The place of an execution that can fit, if it does in this state.
    fn place(&self, core: &Core, record: &Record, state: &State) -> Option<Place> {
        let place = (state.came(), record.id);
        let came = core.logs.label(state.came());
        let is_in_time = came >= self.from && came < self.before;
        let is_labelled = self.labels.iter().all(|label| state.labels().contains(label));
        let is_behind = self.behind.is_none_or(|behind| place < behind);
        let has_come = self.phases.contains(&describe::phase(state))
            || state.verdict().is_some_and(|(verdict, _)| self.verdicts.contains(&verdict))
            || (self.phases.is_empty() && self.verdicts.is_empty());
        let is_child = self
            .parent
            .is_none_or(|parent| state.lineage().is_some_and(|lineage| lineage.parent == parent));
        let fits = is_in_time && is_child && is_labelled && is_behind && has_come;
        fits.then_some(place)
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::io;
    use std::time::Duration;

    use selsyn_common::Failure;
    use selsyn_common::proto::{StartRequest, StopExecutionRequest};
    use tokio::io::DuplexStream;
    use tokio::sync::mpsc::unbounded_channel;
    use tokio::time::timeout;

    use super::*;
    use crate::server::control::{execution, start};
    use crate::{FunctionExecution, Slave};

    #[tokio::test]
    async fn what_fits_no_more_when_it_is_told_is_left_out() {
        let (begins, mut begun) = unbounded_channel();
        let waits = move |_: FunctionExecution, (): ()| {
            begins.send(()).unwrap();
            pending::<Result<(), Failure>>()
        };
        let nobody = tokio_stream::empty::<io::Result<DuplexStream>>();
        let slave = Slave::builder().function("waits", waits).incoming(nobody).unwrap();
        let core = &slave.core;
        let request = StartRequest { function: "waits".to_owned(), ..Default::default() };
        let started = start::start(core, request).await.unwrap();
        timeout(Duration::from_secs(10), begun.recv()).await.unwrap();
        let running = vec![Phase::Running.into()];
        let request = ListExecutionsRequest { phases: running, ..Default::default() };
        let filter = Filter::read(&request, core.boot_id).unwrap();
        assert_eq!(filter.told(core, filter.placed(core, 10)).executions.len(), 1);
        let placed = filter.placed(core, 10);
        let stop = StopExecutionRequest { execution: started.execution, ..Default::default() };
        execution::stop(core, stop).unwrap();
        assert_eq!(filter.told(core, placed), ListExecutionsReply::default());
    }
}
