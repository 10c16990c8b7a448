//! The settings of a slave, each with its unit, default and bound.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use selsyn_common::{DEFAULT_SLAVE_PORT, Token};

use crate::admission::AdmissionLimits;
use crate::error::BuildError;
use crate::records::{LogLimits, RetentionLimits};

/// Pause named in a refusal for want of a place: long enough for some tasks to end.
pub(crate) const QUEUE_PAUSE: Duration = Duration::from_millis(250);

/// Executions of async functions that run at once: enough to keep small tasks busy, few enough
/// that one owner's burst does not take the memory of all.
const SLOTS: usize = 256;

/// Shortest pause between two beats: more of them are a load of their own.
const MIN_BEAT: Duration = Duration::from_millis(50);

/// Longest channel, in bytes: no master names a longer one.
const MAX_CHANNEL: usize = 256;

const MIB: usize = 1024 * 1024;

/// Largest payload a slave may be set to take: prost counts lengths in 32 bits.
const MAX_PAYLOAD_BYTES: usize = 1024 * MIB;

/// Everything that can be set, as the builder collects it.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) channel: String,
    pub(crate) token: Option<Token>,
    pub(crate) admission: AdmissionLimits,
    pub(crate) max_payload_bytes: usize,
    pub(crate) max_sessions: usize,
    pub(crate) heartbeat_every: Duration,
    pub(crate) heartbeat_tolerance: Duration,
    pub(crate) greeting_timeout: Duration,
    pub(crate) abort_grace: Duration,
    pub(crate) drain_deadline: Duration,
    pub(crate) on_master_lost: OnMasterLost,
    pub(crate) owner_patience: Duration,
    pub(crate) max_connections: usize,
    pub(crate) max_connections_per_address: usize,
    pub(crate) first_call_timeout: Duration,
    pub(crate) retention: RetentionLimits,
    pub(crate) log: LogLimits,
    pub(crate) input_bytes: usize,
}

/// What becomes of a session's executions when its master is gone without a goodbye.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnMasterLost {
    /// They run on, and their results wait for the master; the default.
    #[default]
    FinishRunning,
    /// They are asked to stop when the master was not heard for so long, or as soon as its session
    /// is closed for another reason. They end ABORTED, and their results wait for the master.
    AbortAfter(Duration),
}

impl Default for Settings {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            channel: String::new(),
            token: None,
            admission: AdmissionLimits {
                slots: SLOTS,
                blocking_slots: cores,
                queue_tasks: 100_000,
                queue_bytes: 256 * MIB,
                exclusive: false,
            },
            max_payload_bytes: 64 * MIB,
            max_sessions: 512,
            heartbeat_every: Duration::from_secs(3),
            heartbeat_tolerance: Duration::from_secs(17),
            greeting_timeout: Duration::from_secs(5),
            abort_grace: Duration::from_secs(5),
            drain_deadline: Duration::from_secs(30),
            on_master_lost: OnMasterLost::FinishRunning,
            // Nothing is written down: results that nobody takes cost memory.
            owner_patience: Duration::from_secs(15 * 60),
            max_connections: 512,
            max_connections_per_address: 64,
            first_call_timeout: Duration::from_secs(10),
            retention: RetentionLimits {
                age: Duration::from_secs(15 * 60),
                records: 10_000,
                bytes: 64 * MIB,
            },
            log: LogLimits { events: 1_000_000, bytes: 64 * MIB, total_bytes: 256 * MIB },
            input_bytes: 256 * MIB,
        }
    }
}

impl Settings {
    /// Refuses settings that cannot work, by name.
    pub(crate) fn check(&self) -> Result<(), BuildError> {
        let above_zero = [
            ("slots", self.admission.slots),
            ("blocking_slots", self.admission.blocking_slots),
            ("max_payload_bytes", self.max_payload_bytes),
            ("max_sessions", self.max_sessions),
            ("max_connections", self.max_connections),
            ("max_connections_per_address", self.max_connections_per_address),
            ("first_call_timeout", usize::from(!self.first_call_timeout.is_zero())),
            ("greeting_timeout", usize::from(!self.greeting_timeout.is_zero())),
        ];
        if let Some((setting, _)) = above_zero.iter().find(|(_, value)| *value == 0) {
            return Err(BuildError::setting(setting, "must be above zero"));
        }
        if self.channel.len() > MAX_CHANNEL {
            return Err(BuildError::setting("channel", "must have at most 256 bytes"));
        }
        if self.heartbeat_every < MIN_BEAT {
            return Err(BuildError::setting("heartbeat_every", "must be at least 50 ms"));
        }
        if self.max_payload_bytes > MAX_PAYLOAD_BYTES {
            return Err(BuildError::setting("max_payload_bytes", "must be at most 1 GiB"));
        }
        // A master answers every third beat: a shorter patience would cut healthy sessions.
        if self.heartbeat_tolerance < self.heartbeat_every.saturating_mul(4) {
            let problem = "must be at least four times heartbeat_every";
            return Err(BuildError::setting("heartbeat_tolerance", problem));
        }
        Ok(())
    }
}

/// Reads what a user gives to `bind`: `host:port`, or a bare host for port 7236.
pub(crate) fn listen_address(address: &str) -> Result<String, BuildError> {
    if address.parse::<SocketAddr>().is_ok() {
        return Ok(address.to_owned());
    }
    let bare = address.trim_start_matches('[').trim_end_matches(']');
    if let Ok(ip) = bare.parse::<IpAddr>() {
        return Ok(SocketAddr::from((ip, DEFAULT_SLAVE_PORT)).to_string());
    }
    let (host, port) = address.split_once(':').unwrap_or((address, "7236"));
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    if host.is_empty() || !host.chars().all(is_name) || port.parse::<u16>().is_err() {
        return Err(BuildError::Address { address: address.to_owned() });
    }
    Ok(format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_host_means_port_7236() {
        let cases = [
            ("127.0.0.1", "127.0.0.1:7236"),
            ("127.0.0.1:0", "127.0.0.1:0"),
            ("::1", "[::1]:7236"),
            ("[::1]", "[::1]:7236"),
            ("[::1]:80", "[::1]:80"),
            ("localhost", "localhost:7236"),
        ];
        for (given, wanted) in cases {
            assert_eq!(listen_address(given).unwrap(), wanted);
        }
    }

    #[test]
    fn what_is_no_address_to_listen_on_is_refused_as_it_was_given() {
        for given in ["", ":80", "http://host", "host:99999", "host:", "::1:9000:x", "a b"] {
            let error = listen_address(given).unwrap_err();
            assert!(error.to_string().contains(&format!("{given:?}")), "{error}");
        }
    }

    #[test]
    fn the_defaults_can_work() {
        Settings::default().check().unwrap();
    }

    #[test]
    fn a_setting_that_cannot_work_is_refused_by_name() {
        let settings = Settings { heartbeat_tolerance: Duration::ZERO, ..Settings::default() };
        let error = settings.check().unwrap_err();
        assert!(error.to_string().contains("heartbeat_tolerance"));
    }
}
