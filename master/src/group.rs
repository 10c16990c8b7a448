//! Several connections that are given a task together.

mod any;
mod callbacks;
mod choice;
mod drive;
mod outcome;
mod policy;
mod running;
mod stop;
mod task;

use std::collections::HashSet;
use std::sync::Arc;

use selsyn_common::{IntoPayload, PayloadError};

use crate::connection::Connection;
use crate::error::InvalidGroup;

pub use outcome::{GroupMember, GroupOutcome};
pub use running::RunningGroup;
pub use task::GroupTask;

/// Several connections that are given a task together, in an order that results keep. Cheap to
/// clone. They may be of different masters.
///
/// ```no_run
/// # async fn example(master: selsyn_master::Master) -> Result<(), Box<dyn std::error::Error>> {
/// let trainers = master.group(["trainer-0", "trainer-1", "trainer-2"])?;
/// let running = trainers.new_task("resnet")?.function("train").quorum().start().await;
/// let losses: Vec<f64> = running.success().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Group {
    connections: Arc<[Connection]>,
}

impl Group {
    /// Makes a group of connections.
    ///
    /// # Errors
    ///
    /// [`InvalidGroup::Empty`] without any; [`InvalidGroup::Twice`] when one comes twice.
    pub fn new(connections: impl IntoIterator<Item = Connection>) -> Result<Self, InvalidGroup> {
        let connections: Arc<[_]> = connections.into_iter().collect();
        if connections.is_empty() {
            return Err(InvalidGroup::Empty);
        }
        let mut seen = HashSet::new();
        match connections.iter().find(|member| !seen.insert(Arc::as_ptr(member.link()))) {
            Some(twice) => Err(InvalidGroup::Twice { connection: twice.name().to_owned() }),
            None => Ok(Self { connections }),
        }
    }

    /// The connections, in the order of the group.
    pub fn connections(&self) -> &[Connection] {
        &self.connections
    }

    /// Makes a task of the same data for every member; nothing is sent. The data is encoded once.
    ///
    /// # Errors
    ///
    /// [`PayloadError::Encode`] when the data has no JSON form.
    pub fn new_task(&self, data: impl IntoPayload) -> Result<GroupTask, PayloadError> {
        let data = data.into_payload()?;
        Ok(GroupTask::new(self.clone(), vec![data; self.connections.len()]))
    }

    /// Makes a task with data of its own for each member, which is asked for in the order of the
    /// group; nothing is sent.
    ///
    /// # Errors
    ///
    /// [`PayloadError::Encode`] when data of a member has no JSON form.
    pub fn new_tasks<D: IntoPayload>(
        &self,
        mut data: impl FnMut(&Connection) -> D,
    ) -> Result<GroupTask, PayloadError> {
        let data = self.connections.iter().map(|member| data(member).into_payload());
        Ok(GroupTask::new(self.clone(), data.collect::<Result<_, _>>()?))
    }
}
