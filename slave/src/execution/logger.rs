//! FunctionGraph's logger: lines that say when, which request, and how grave.

use std::fmt;
use std::sync::atomic::Ordering;
use std::time::{SystemTime, UNIX_EPOCH};

use selsyn_common::utc::Utc;
use selsyn_common::{ExecutionId, LogLevel};

use super::FunctionExecution;

/// Longest piece of one message, in bytes: a longer one becomes several lines.
const MAX_PIECE: usize = 90 * 1024;

/// How grave a line of a [`Logger`] is, the least grave first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum LoggerLevel {
    /// For the function's author.
    Debug,
    /// What a reader wants to know; the default.
    #[default]
    Info,
    /// Something was worked around.
    Warn,
    /// Something failed.
    Error,
}

/// Writes lines into the run's log as FunctionGraph does: `time request invocation LEVEL text`. The
/// request id is the task's, the invocation id the task's and the attempt.
///
/// `FunctionExecution::log` writes the text alone.
#[derive(Clone, Debug)]
pub struct Logger {
    execution: FunctionExecution,
}

impl FunctionExecution {
    /// The logger of this run (`getLogger`). Its level is the same for all of the run's loggers.
    pub fn logger(&self) -> Logger {
        Logger { execution: self.clone() }
    }
}

impl Logger {
    /// Hides lines that are less grave; errors are always shown. Default [`LoggerLevel::Info`].
    pub fn set_level(&self, level: LoggerLevel) {
        let extras = self.execution.record.extras();
        extras.logger_level.store(level as u8, Ordering::Relaxed);
    }

    /// Writes a line of level DEBUG.
    pub fn debug(&self, text: impl fmt::Display) {
        self.log(LoggerLevel::Debug, text);
    }

    /// Writes a line of level INFO.
    pub fn info(&self, text: impl fmt::Display) {
        self.log(LoggerLevel::Info, text);
    }

    /// Writes a line of level WARN.
    pub fn warn(&self, text: impl fmt::Display) {
        self.log(LoggerLevel::Warn, text);
    }

    /// Writes a line of level ERROR.
    pub fn error(&self, text: impl fmt::Display) {
        self.log(LoggerLevel::Error, text);
    }

    fn log(&self, level: LoggerLevel, text: impl fmt::Display) {
        let from = self.execution.record.extras().logger_level.load(Ordering::Relaxed);
        if (level as u8) < from && level != LoggerLevel::Error {
            return;
        }
        // The wall clock only labels.
        let head = head(SystemTime::now(), self.execution.id(), level.label());
        for piece in pieces(&text.to_string()) {
            self.execution.log(level.shown_as(), format_args!("{head} {piece}"));
        }
    }
}

impl LoggerLevel {
    const fn label(self) -> &'static str {
        match self {
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
        }
    }

    const fn shown_as(self) -> LogLevel {
        match self {
            Self::Debug => LogLevel::Debug,
            Self::Info => LogLevel::Info,
            Self::Warn => LogLevel::Warning,
            Self::Error => LogLevel::Error,
        }
    }
}

/// What stands before the text.
fn head(time: SystemTime, id: ExecutionId, label: &str) -> String {
    let (request, attempt) = (id.task.uuid(), id.attempt);
    format!("{} {request} {request}#{attempt} {label}", utc(time))
}

/// A moment as `2026-11-20T12:04:51.204Z`.
fn utc(time: SystemTime) -> String {
    let Utc { year, month, day, hour, minute, second } = Utc::of(time);
    let milli = time.duration_since(UNIX_EPOCH).unwrap_or_default().subsec_millis();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

/// A text in pieces that are not too long, cut between characters; an empty one is one piece.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while rest.len() > MAX_PIECE {
        let at = (0..=MAX_PIECE).rev().find(|at| rest.is_char_boundary(*at)).unwrap_or(0);
        let (piece, behind) = rest.split_at(at);
        pieces.push(piece);
        rest = behind;
    }
    pieces.push(rest);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_as_its_utc_date_and_time() {
        let written = |millis| utc(UNIX_EPOCH + std::time::Duration::from_millis(millis));
        assert_eq!(written(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(written(1_763_640_291_204), "2025-11-20T12:04:51.204Z");
    }

    #[test]
    fn a_long_text_is_cut_between_characters_and_nothing_is_lost() {
        for text in ["", "x", &"ä".repeat(MAX_PIECE), &"x".repeat(MAX_PIECE + 5)] {
            let pieces = pieces(text);
            assert!(pieces.iter().all(|piece| piece.len() <= MAX_PIECE));
            assert_eq!(pieces.concat(), *text);
        }
        assert_eq!(pieces(&"x".repeat(MAX_PIECE + 5)).len(), 2);
    }
}
