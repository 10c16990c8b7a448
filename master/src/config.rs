//! The settings of a master's connections, each with its unit, default and bound.

use std::time::Duration;

use selsyn_common::Token;

use crate::error::ConnectError;

/// Everything that can be set for a connection.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) channel: String,
    pub(crate) token: Option<Token>,
    pub(crate) suspect_after: Duration,
    pub(crate) heartbeat_tolerance: Duration,
    pub(crate) resume_window: Option<Duration>,
    pub(crate) greeting_timeout: Duration,
    pub(crate) start_deadline: Duration,
    pub(crate) max_payload_bytes: usize,
    pub(crate) max_in_flight: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            channel: String::new(),
            token: None,
            suspect_after: Duration::from_secs(7),
            heartbeat_tolerance: Duration::from_secs(17),
            resume_window: Some(Duration::from_secs(60)),
            greeting_timeout: Duration::from_secs(5),
            start_deadline: Duration::from_secs(10),
            max_payload_bytes: 64 * 1024 * 1024,
            // A million tasks of some 400 bytes each: beyond it a program has lost count.
            max_in_flight: 1_048_576,
        }
    }
}

/// Shortest tolerance: below it the beats would be a load of their own.
const MIN_TOLERANCE: Duration = Duration::from_millis(200);

/// Longest channel, in bytes: it stands in a Hello, whose size has a limit, and in refusals.
const MAX_CHANNEL: usize = 256;

impl Settings {
    /// Refuses settings that cannot work, by name.
    pub(crate) fn check(&self) -> Result<(), ConnectError> {
        let (setting, problem) = if self.heartbeat_tolerance < MIN_TOLERANCE {
            ("heartbeat_tolerance", "must be at least 200 ms")
        } else if self.greeting_timeout.is_zero() {
            ("greeting_timeout", "must be above zero")
        } else if self.max_payload_bytes == 0 {
            ("max_payload_bytes", "must be above zero")
        } else if self.channel.len() > MAX_CHANNEL {
            ("channel", "must have at most 256 bytes")
        } else if self.max_in_flight == 0 {
            ("max_in_flight", "must be above zero")
        } else {
            return Ok(());
        };
        Err(ConnectError::Setting { setting, problem })
    }

    /// The window in which tasks of a broken session may still be heard of; never below the
    /// tolerance, since a silence that is tolerated must not end tasks.
    pub(crate) fn window(&self) -> Option<Duration> {
        self.resume_window.map(|window| window.max(self.heartbeat_tolerance))
    }
}

/// Writes the setters of the settings that a master and a connection have in common.
macro_rules! setting_setters {
    ($($at:ident).+) => {
        /// Slaves must be on the same channel, of 256 bytes at most; default the empty one.
        pub fn channel(mut self, channel: impl Into<String>) -> Self {
            self.$($at).+.channel = channel.into();
            self
        }

        /// The token that slaves demand; default none.
        pub fn token(mut self, token: selsyn_common::Token) -> Self {
            self.$($at).+.token = Some(token);
            self
        }

        /// Silence after which a connection is viewed as Suspect; default 7 s.
        pub const fn suspect_after(mut self, silence: std::time::Duration) -> Self {
            self.$($at).+.suspect_after = silence;
            self
        }

        /// Silence after which a connection is viewed as Unreachable and re-dialled; default
        /// 17 s, as in DI-engine. The slave beats at least three times in it.
        pub const fn heartbeat_tolerance(mut self, silence: std::time::Duration) -> Self {
            self.$($at).+.heartbeat_tolerance = silence;
            self
        }

        /// Time after the last sign of a slave until its tasks end LOST; default 60 s, `None`
        /// means never. At least the heartbeat tolerance.
        pub const fn resume_window(mut self, window: Option<std::time::Duration>) -> Self {
            self.$($at).+.resume_window = window;
            self
        }

        /// Time in which one dial must connect and be greeted; default 5 s.
        pub const fn greeting_timeout(mut self, timeout: std::time::Duration) -> Self {
            self.$($at).+.greeting_timeout = timeout;
            self
        }

        /// Time in which a start must be answered; default 10 s. A task may have its own.
        pub const fn start_deadline(mut self, deadline: std::time::Duration) -> Self {
            self.$($at).+.start_deadline = deadline;
            self
        }

        /// Largest result taken from a slave, in bytes; default 64 MiB.
        pub const fn max_payload_bytes(mut self, bytes: usize) -> Self {
            self.$($at).+.max_payload_bytes = bytes;
            self
        }

        /// Tasks that one connection may carry at once; default 1,048,576.
        pub const fn max_in_flight(mut self, tasks: usize) -> Self {
            self.$($at).+.max_in_flight = tasks;
            self
        }
    };
}

pub(crate) use setting_setters;
