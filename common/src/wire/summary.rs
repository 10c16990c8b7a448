//! The figures of an execution on the wire: the common ones apart from those that few have.

use std::time::Duration;

use crate::{LogTail, Summary, proto};

impl From<Summary> for proto::Summary {
    fn from(summary: Summary) -> Self {
        Self { queued_micros: micros(summary.queued), ran_micros: micros(summary.ran) }
    }
}

impl From<proto::Summary> for Summary {
    fn from(wire: proto::Summary) -> Self {
        Self {
            queued: Duration::from_micros(wire.queued_micros),
            ran: Duration::from_micros(wire.ran_micros),
            ..Self::default()
        }
    }
}

impl proto::Measured {
    /// What more than its times there is to tell of an execution; most have nothing.
    pub(super) fn of(summary: Summary, log_tail: Option<LogTail>) -> Option<Box<Self>> {
        let Summary { cpu, memory_limit, memory_peak, .. } = summary;
        let measured = Self {
            cpu_micros: cpu.map(micros),
            memory_limit_bytes: memory_limit,
            memory_peak_bytes: memory_peak,
            log_tail: log_tail.map(Into::into),
        };
        (measured != Self::default()).then(|| Box::new(measured))
    }

    /// Adds the figures to a summary; gives the end of the log.
    pub(super) fn read_into(self, summary: &mut Summary) -> Option<LogTail> {
        summary.cpu = self.cpu_micros.map(Duration::from_micros);
        summary.memory_limit = self.memory_limit_bytes;
        summary.memory_peak = self.memory_peak_bytes;
        self.log_tail.map(Into::into)
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

impl From<LogTail> for proto::LogTail {
    fn from(tail: LogTail) -> Self {
        let (truncated, total_bytes) = (tail.is_truncated(), tail.total_bytes());
        Self { text: tail.into_text(), truncated, total_bytes }
    }
}

impl From<proto::LogTail> for LogTail {
    fn from(wire: proto::LogTail) -> Self {
        Self::received(wire.text, wire.total_bytes)
    }
}
