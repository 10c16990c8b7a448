//! The figures of one execution, given however it ended.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{ExecutionId, TaskId};

/// Figures about one execution (FunctionGraph: the execution summary). Success and failure have
/// the same.
///
/// What cannot be told apart is `None`: CPU time is measured for blocking functions, which have a
/// thread to themselves; async functions share theirs, and all functions of a process share its
/// memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Which run; `None` in what no master has received.
    pub execution: Option<ExecutionId>,
    /// Time between acceptance and the first user instruction; an initializer counts.
    pub queued: Duration,
    /// Time that user code ran.
    pub ran: Duration,
    /// CPU time that user code took.
    pub cpu: Option<Duration>,
    /// Memory that the function is allotted by its registration, in bytes.
    pub memory_limit: Option<u64>,
    /// Most memory that user code took at once, in bytes.
    pub memory_peak: Option<u64>,
}

impl Summary {
    /// What [`billed`](Self::billed) is rounded up to: 1 ms, as in FunctionGraph.
    pub const BILLING_STEP: Duration = Duration::from_millis(1);

    /// FunctionGraph's request id: the task's.
    pub fn request_id(&self) -> Option<TaskId> {
        self.execution.map(|execution| execution.task)
    }

    /// How many attempts the task has taken, this one included; 0 in what no master has received.
    pub fn attempts(&self) -> u32 {
        self.execution.map_or(0, |execution| execution.attempt)
    }

    /// Time that is billed: that of user code, rounded up to [`BILLING_STEP`](Self::BILLING_STEP).
    pub fn billed(&self) -> Duration {
        self.billed_by(Self::BILLING_STEP)
    }

    /// Time that is billed in steps of another length; a step of zero rounds nothing.
    pub fn billed_by(&self, step: Duration) -> Duration {
        let (ran, step) = (self.ran.as_nanos(), step.as_nanos());
        let steps = if step == 0 { ran } else { ran.div_ceil(step) * step };
        Duration::from_nanos(u64::try_from(steps).unwrap_or(u64::MAX))
    }

    /// The JSON face, in FunctionGraph's names: times in milliseconds, memory in MiB. What was not
    /// measured is `null`, and `notMeasured` says why.
    pub fn to_json(&self) -> Value {
        let millis = |time: Duration| time.as_secs_f64() * 1_000.0;
        let mebibytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let request = self.execution.map(|execution| execution.task.uuid().to_string());
        let mut why = serde_json::Map::new();
        if self.cpu.is_none() {
            why.insert("cpuUsed".into(), "async functions share their threads".into());
        }
        if self.memory_peak.is_none() {
            why.insert("memoryUsed".into(), "functions share the memory of their process".into());
        }
        if self.memory_limit.is_none() {
            why.insert("memorySize".into(), "the function's registration states none".into());
        }
        json!({
            "requestId": request,
            "attempts": self.attempts(),
            "queued": millis(self.queued),
            "duration": millis(self.ran),
            "billingDuration": millis(self.billed()),
            "cpuUsed": self.cpu.map(millis),
            "memorySize": self.memory_limit.map(mebibytes),
            "memoryUsed": self.memory_peak.map(mebibytes),
            "notMeasured": why,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_billed_is_rounded_up_to_whole_steps() {
        let ran = |ran| Summary { ran, ..Summary::default() };
        let millis = Duration::from_millis;
        assert_eq!(ran(Duration::ZERO).billed(), Duration::ZERO);
        assert_eq!(ran(Duration::from_micros(1)).billed(), millis(1));
        assert_eq!(ran(millis(3)).billed(), millis(3));
        assert_eq!(ran(millis(101)).billed_by(millis(100)), millis(200));
        assert_eq!(ran(millis(101)).billed_by(Duration::ZERO), millis(101));
    }

    #[test]
    fn what_was_not_measured_is_null_with_a_reason() {
        let json = Summary::default().to_json();
        for field in ["cpuUsed", "memoryUsed", "memorySize"] {
            assert!(json[field].is_null() && json["notMeasured"][field].is_string(), "{json}");
        }
    }
}
