//! Which thread carries which member of a group: members may be of different masters.

use std::sync::Arc;

use crate::blocking::carrier::Carrier;
use crate::blocking::{Connection, RunningTask, Task};
use crate::connection::link::Link;
use crate::error::InsideRuntime;

/// The carriers of all members. Keeps the threads, and not the connections: a group that runs
/// lets go of those as a single task does.
#[derive(Clone, Debug)]
pub(super) struct Carriers(Arc<[Member]>);

#[derive(Debug)]
struct Member {
    link: Arc<Link>,
    carrier: Arc<Carrier>,
}

impl Carriers {
    pub(super) fn of(connections: &[Connection]) -> Self {
        let members = connections.iter().map(|Connection { inner, carrier }| Member {
            link: Arc::clone(inner.link()),
            carrier: Arc::clone(carrier),
        });
        Self(members.collect())
    }

    /// Says no where a wait would hold up an async runtime, the one of any member included.
    pub(super) fn may_wait(&self, call: &'static str) -> Result<(), InsideRuntime> {
        self.0.iter().try_for_each(|member| member.carrier.may_wait(call))
    }

    /// Runs a future to its end on the calling thread.
    pub(super) fn wait<T>(
        &self,
        call: &'static str,
        future: impl Future<Output = T>,
    ) -> Result<T, InsideRuntime> {
        self.may_wait(call)?;
        Ok(self.run(future))
    }

    /// As [`Self::wait`], for those who have asked [`Self::may_wait`].
    pub(super) fn run<T>(&self, future: impl Future<Output = T>) -> T {
        self.0[0].carrier.run(future)
    }

    /// The task of a member, by its blocking name.
    pub(super) fn task(&self, inner: crate::Task) -> Task {
        let carrier = self.carrier(inner.link());
        Task { inner, carrier }
    }

    /// The running task of a member, by its blocking name.
    pub(super) fn running(&self, inner: crate::RunningTask) -> RunningTask {
        let carrier = self.carrier(inner.link());
        RunningTask { inner, carrier }
    }

    fn carrier(&self, link: &Arc<Link>) -> Arc<Carrier> {
        let member = self.0.iter().find(|member| Arc::ptr_eq(&member.link, link));
        Arc::clone(&member.expect("a group's tasks are of its members").carrier)
    }
}
