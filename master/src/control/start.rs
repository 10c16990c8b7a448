//! An execution that belongs to no session, about to be started.

use std::future::IntoFuture;
use std::time::Duration;

use selsyn_common::proto::{self, StartRequest};
use selsyn_common::wire::WireId;
use selsyn_common::{Context, ExecutionId, ExecutionInfo, Lineage, Payload, TaskId};

use super::line::Ask;
use super::{Control, ControlError, Execution};
use crate::hooks::Boxed;

/// An execution that is being asked for. Await it: it is there when the slave has accepted it.
#[derive(Debug)]
#[must_use = "nothing is started before this is awaited"]
pub struct StartDetached {
    control: Control,
    id: Option<ExecutionId>,
    function: String,
    data: Payload,
    deadline: Duration,
    foreground: bool,
    labels: Vec<String>,
    lineage: Option<Lineage>,
}

impl StartDetached {
    pub(super) const fn new(control: Control, function: String, data: Payload) -> Self {
        Self {
            control,
            id: None,
            function,
            data,
            deadline: Duration::ZERO,
            foreground: false,
            labels: Vec::new(),
            lineage: None,
        }
    }

    /// Names it (PyODPS: `unique_identifier_id`). The same id with the same request again starts
    /// nothing, and is answered as the first was; another request, of another parent or with other
    /// labels too, is refused with E0108. Default a new one.
    pub const fn id(mut self, task: TaskId) -> Self {
        self.id = Some(ExecutionId::first(task));
        self
    }

    /// A label to find it by: a word, or `key=value`. Any number, of 256 bytes together; default
    /// none.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.labels.push(label.into());
        self
    }

    /// Makes it a child of the execution that starts it, for functions that hold a master: it names
    /// its parent, and [`children_of`](super::ListExecutions::children_of) finds it. Default
    /// nobody's child.
    ///
    /// Unlike a [`Task`](crate::Task::child_of) it outlives its parent, as what is detached outlives
    /// whoever started it: it is not stopped with it, and has more time than it. Where it shall not,
    /// set a [`deadline`](Self::deadline), and stop it.
    ///
    /// ```
    /// use selsyn_common::{Context, Failure};
    /// use selsyn_master::Control;
    ///
    /// // In a function: report(&control, execution.context()).await?
    /// async fn report(control: &Control, parent: Context) -> Result<(), Failure> {
    ///     control.start("report", "nightly")?.child_of(parent).await?;
    ///     Ok(())
    /// }
    /// ```
    pub fn child_of(mut self, parent: Context) -> Self {
        self.lineage = Some(parent.lineage());
        self
    }

    /// Time until it is ended, its time in the queue included; default none.
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Runs it in front: at most one does, and none waits for that.
    pub const fn foreground(mut self) -> Self {
        self.foreground = true;
        self
    }

    async fn start(self) -> Result<Execution, ControlError> {
        ControlError::check_size(&self.data)?;
        let (control, request) = self.request();
        let id = request.execution.map(ExecutionId::from);
        let ask: Ask<_, _> = |mut slave, it| Box::pin(async move { slave.start(it).await });
        let info = control.call(id, Duration::ZERO, request, ask).await?;
        let ExecutionInfo { id, .. } = control.read(info)?;
        Ok(control.execution(id))
    }

    fn request(self) -> (Control, StartRequest) {
        let Self { control, id, function, data, deadline, foreground, labels, lineage } = self;
        let new_id = || ExecutionId::first(control.new_task_id());
        // The slave counts whole milliseconds, and 0 means none.
        let millis = deadline.as_nanos().div_ceil(1_000_000);
        let placement =
            if foreground { proto::Placement::Foreground } else { proto::Placement::Background };
        let request = StartRequest {
            // Named here, so that a call that is made again starts nothing twice.
            execution: Some(id.unwrap_or_else(new_id).into()),
            function,
            data: Some(data.into()),
            deadline_millis: u64::try_from(millis).unwrap_or(u64::MAX),
            placement: placement.into(),
            owner: control.owner().to_wire(),
            labels,
            lineage: lineage.map(Into::into),
        };
        (control, request)
    }
}

impl IntoFuture for StartDetached {
    /// A handle to it once the slave has accepted it; what has been refused has not run.
    type Output = Result<Execution, ControlError>;
    type IntoFuture = Boxed<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.start())
    }
}
