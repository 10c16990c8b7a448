//! Several connections that are given a task together.

mod carriers;
mod running;
mod task;

use std::sync::Arc;

use selsyn_common::{IntoPayload, PayloadError};

use super::Connection;
use crate::error::InvalidGroup;
use carriers::Carriers;

pub use running::RunningGroup;
pub use task::GroupTask;

/// Several connections that are given a task together, as [`crate::Group`], in an order that
/// results keep. Cheap to clone. They may be of different masters.
///
/// ```no_run
/// # fn example(master: selsyn_master::blocking::Master) -> Result<(), Box<dyn std::error::Error>> {
/// let trainers = master.group(["trainer-0", "trainer-1", "trainer-2"])?;
/// let running = trainers.new_task("resnet")?.function("train").quorum().start()?;
/// let losses: Vec<f64> = running.success()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Group {
    inner: crate::Group,
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
        let inner = crate::Group::new(connections.iter().map(|member| member.inner.clone()))?;
        Ok(Self { inner, connections })
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
        Ok(GroupTask::new(self.inner.new_task(data)?, Carriers::of(&self.connections)))
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
        let inner = crate::GroupTask::new(self.inner.clone(), data.collect::<Result<_, _>>()?);
        Ok(GroupTask::new(inner, Carriers::of(&self.connections)))
    }
}
