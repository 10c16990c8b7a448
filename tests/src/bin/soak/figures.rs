//! What a process holds: memory, descriptors, threads, tasks.

use std::fmt;
use std::fs;

use selsyn::Connection;
use tokio::runtime::Handle;

use crate::Result;

/// What memory may have grown by, in KiB: the allocator keeps pages in an arena for each thread, and
/// the slave keeps executions that have ended, 64 MiB of data and results at most, so that how much
/// that is differs from run to run. A leak of 50 bytes a task is more than that within ten minutes.
const MEMORY_NOISE: u64 = 24 * 1024;

/// Of the master's process and of the slave's.
pub(crate) struct Both {
    master: Figures,
    slave: Figures,
}

struct Figures {
    memory_kib: u64,
    descriptors: usize,
    threads: u64,
    tasks: usize,
}

impl Both {
    /// Takes them. The slave is asked for its tasks; those that asking makes count on both sides.
    pub(crate) async fn take(connection: &Connection, slave: u32) -> Result<Self> {
        let asked = connection.new_task(())?.function("tasks").start().await?;
        let tasks = asked.success().await?;
        let slave = Figures::of(slave, tasks)?;
        let own = Handle::current().metrics().num_alive_tasks();
        Ok(Self { master: Figures::of(std::process::id(), own)?, slave })
    }

    /// What has not come back to the base line.
    pub(crate) fn problem(&self, base: &Self) -> Option<String> {
        let master = self.master.problem(&base.master).map(|problem| format!("master: {problem}"));
        master.or_else(|| Some(format!("slave: {}", self.slave.problem(&base.slave)?)))
    }
}

impl Figures {
    fn of(process: u32, tasks: usize) -> Result<Self> {
        let status = fs::read_to_string(format!("/proc/{process}/status"))?;
        let field = |name: &str| -> Result<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let line = line.ok_or_else(|| format!("/proc/{process}/status tells no {name}"))?;
            Ok(line.trim().trim_end_matches(" kB").parse()?)
        };
        let descriptors = fs::read_dir(format!("/proc/{process}/fd"))?.count();
        Ok(Self { memory_kib: field("VmRSS:")?, descriptors, threads: field("Threads:")?, tasks })
    }

    fn problem(&self, base: &Self) -> Option<String> {
        let memory = base.memory_kib + MEMORY_NOISE;
        if self.memory_kib > memory {
            return Some(format!(
                "{} KiB of memory, at most {memory} are allowed",
                self.memory_kib
            ));
        }
        if self.descriptors > base.descriptors {
            return Some(format!("{} descriptors, {} before", self.descriptors, base.descriptors));
        }
        if self.threads > base.threads {
            return Some(format!("{} threads, {} before", self.threads, base.threads));
        }
        let has_more = self.tasks > base.tasks;
        has_more.then(|| format!("{} tokio tasks, {} before", self.tasks, base.tasks))
    }
}

impl fmt::Display for Both {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "master {}; slave {}", self.master, self.slave)
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { memory_kib, descriptors, threads, tasks } = self;
        let mib = memory_kib / 1024;
        write!(f, "{mib} MiB, {descriptors} descriptors, {threads} threads, {tasks} tasks")
    }
}
