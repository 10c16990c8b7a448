//! Lists executions: filters first, then all of them, or page by page.

use std::collections::VecDeque;
use std::future::IntoFuture;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use selsyn_common::proto::{self, ListExecutionsRequest};
use selsyn_common::wire::WireId;
use selsyn_common::{ExecutionId, ExecutionInfo, MasterId, StatusFilter};

use super::line::Ask;
use super::{Control, ControlError};
use crate::hooks::Boxed;

/// A list of executions that is being asked for. Await it for all of them, or turn its
/// [`pages`](Self::pages). Every filter that is set must hold.
#[derive(Clone, Debug)]
#[must_use = "nothing is asked before this is awaited"]
pub struct ListExecutions {
    control: Control,
    request: ListExecutionsRequest,
}

impl ListExecutions {
    pub(super) fn new(control: Control) -> Self {
        Self { control, request: ListExecutionsRequest::default() }
    }

    /// Only those that have come this far, or ended so. Set more than once, any of them will do.
    pub fn status(mut self, status: impl Into<StatusFilter>) -> Self {
        match status.into() {
            StatusFilter::Phase(phase) => self.request.push_phases(phase.into()),
            StatusFilter::Verdict(verdict) => self.request.push_verdicts(verdict.into()),
        }
        self
    }

    /// Only those of this master.
    pub fn owner(mut self, owner: MasterId) -> Self {
        self.request.owner = owner.to_wire();
        self
    }

    /// Only those of the master that asks (PyODPS: `only_owner`).
    pub fn mine(self) -> Self {
        let owner = self.control.owner();
        self.owner(owner)
    }

    /// Only those of this function.
    pub fn function(mut self, name: impl Into<String>) -> Self {
        self.request.function = name.into();
        self
    }

    /// Only those that the function of this execution started (PyODPS: `get_xflow_sub_instances`).
    /// A slave lists those that run on it: ask each slave on which there may be some.
    pub fn children_of(mut self, parent: ExecutionId) -> Self {
        self.request.parent = Some(parent.into());
        self
    }

    /// Only those that were started with this label: a word, or `key=value` as
    /// [`Task::label`](crate::Task::label) makes it. Set more than once, they must have all.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.request.labels.push(label.into());
        self
    }

    /// Only those that came at this time or later, by the slave's clock (PyODPS: `start_time`).
    pub fn since(mut self, time: SystemTime) -> Self {
        self.request.from_micros = micros(time);
        self
    }

    /// Only those that came before this time, by the slave's clock (PyODPS: `end_time`).
    pub fn before(mut self, time: SystemTime) -> Self {
        // 0 would mean no bound.
        self.request.before_micros = micros(time).max(1);
        self
    }

    /// Only these; at most 10,000.
    pub fn only(mut self, ids: impl IntoIterator<Item = ExecutionId>) -> Self {
        self.request.executions = ids.into_iter().map(Into::into).collect();
        self
    }

    /// Executions that are fetched at a time; default 1,000, at most 10,000. It changes nothing in
    /// what is listed.
    pub fn page_size(mut self, executions: u32) -> Self {
        self.request.page_size = executions;
        self
    }

    /// The executions one by one, fetched a page at a time as they are asked for.
    pub fn pages(self) -> ExecutionPages {
        let Self { control, request } = self;
        ExecutionPages { control, request, fetched: VecDeque::new(), is_last: false }
    }

    async fn all(self) -> Result<Vec<ExecutionInfo>, ControlError> {
        let (mut pages, mut all) = (self.pages(), Vec::new());
        while let Some(execution) = pages.next().await {
            all.push(execution?);
        }
        Ok(all)
    }
}

fn micros(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

impl IntoFuture for ListExecutions {
    type Output = Result<Vec<ExecutionInfo>, ControlError>;
    type IntoFuture = Boxed<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.all())
    }
}

/// Executions of a list, one after the other, newest first.
#[derive(Debug)]
pub struct ExecutionPages {
    control: Control,
    request: ListExecutionsRequest,
    fetched: VecDeque<proto::ExecutionInfo>,
    is_last: bool,
}

impl ExecutionPages {
    /// The next one; `None` when there are no more, and after a rejection, which would be given again.
    ///
    /// # Errors
    ///
    /// As for [`Control::functions`]; [`ControlError::Rejected`] when the slave does not know a
    /// filter, or has begun anew since the last page: list again then, as this list has ended.
    /// Otherwise ask again to try again.
    ///
    /// # Cancel safety
    ///
    /// Safe to drop and to call again: nothing is left out.
    pub async fn next(&mut self) -> Option<Result<ExecutionInfo, ControlError>> {
        while self.fetched.is_empty() && !self.is_last {
            if let Err(error) = self.fetch().await {
                self.is_last = matches!(error, ControlError::Rejected(_));
                return Some(Err(error));
            }
        }
        Some(self.control.read(self.fetched.pop_front()?))
    }

    async fn fetch(&mut self) -> Result<(), ControlError> {
        let ask: Ask<_, _> =
            |mut slave, it| Box::pin(async move { slave.list_executions(it).await });
        let reply = self.control.call(None, Duration::ZERO, self.request.clone(), ask).await?;
        self.fetched = reply.executions.into();
        self.is_last = reply.next_page_token == Bytes::new();
        self.request.page_token = reply.next_page_token;
        Ok(())
    }
}
