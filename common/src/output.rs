//! What a running function shows.

mod column;
mod container;
mod custom;
mod envelope;
mod error;
mod grid;
mod item;
mod log;
mod picture;
mod plot;
mod progress;
mod table;
mod trace;
mod value;
mod verb;

pub use column::{Column, ColumnType};
pub use container::{Container, ContainerLayout, TabPosition};
pub use custom::Custom;
pub(crate) use envelope::Data;
pub use error::OutputError;
pub use grid::{GridArea, GridError, GridTemplate};
pub use item::{ContainerItem, ItemQuery};
pub use log::{LogLevel, LogLine};
pub use picture::{Picture, Snapshot};
pub use plot::Plot;
pub use progress::{Counts, Progress};
pub use table::Table;
pub use trace::Trace;
pub use value::NonFinite;
pub use verb::Verb;

use crate::Part;

/// Something a running function shows, with its place in the execution's event log.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// Place in the log, from 1; a hole in the row is a loss.
    pub seq: u64,
    /// What is shown.
    pub content: OutputContent,
}

/// What is shown. The kinds and their shapes are CloudPSS's, but for parts, which are PyODPS's.
///
/// Its JSON is CloudPSS's envelope: see [`OutputContent::to_json`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum OutputContent {
    /// How far it has come.
    Progress(Progress),
    /// A line of its log.
    Log(LogLine),
    /// A plot, or a piece of one.
    Plot(Plot),
    /// A table, or rows for one.
    Table(Table),
    /// Other outputs together.
    Container(Container),
    /// What only the application understands.
    Custom(Custom),
    /// A part of its work, as it stands: reported through `FunctionExecution::part`, which alone
    /// knows what may follow what.
    Part(Box<Part>),
}

impl OutputContent {
    /// Most bytes of one output, as JSON text: 1 MB. Larger plots and tables are shown in pieces,
    /// the later ones with [`Verb::Append`].
    pub const MAX_BYTES: usize = 1_000_000;

    /// Most lists and objects in one another in one output: 100. Readers of JSON end at 128.
    pub const MAX_DEPTH: usize = 100;

    /// The word for its kind, as in the envelope's `type`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Progress(_) => "progress",
            Self::Log(_) => "log",
            Self::Plot(_) => "plot",
            Self::Table(_) => "table",
            Self::Container(_) => "container",
            Self::Custom(_) => "custom",
            Self::Part(_) => "part",
        }
    }

    /// What names it: a later output with the same key acts on the same thing. One without a key
    /// is a thing of its own.
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Progress(progress) => progress.key.as_deref(),
            Self::Log(line) => line.key.as_deref(),
            Self::Plot(plot) => plot.key.as_deref(),
            Self::Table(table) => table.key.as_deref(),
            Self::Container(container) => container.key.as_deref(),
            Self::Custom(custom) => custom.key.as_deref(),
            Self::Part(part) => Some(&part.name),
        }
    }

    /// What it does to the thing its key names, as in the envelope's `verb`.
    pub fn verb(&self) -> &str {
        match self {
            Self::Progress(_) | Self::Part(_) => Verb::Replace.as_str(),
            Self::Log(line) => line.verb.as_str(),
            Self::Plot(plot) => plot.verb.as_str(),
            Self::Table(table) => table.verb.as_str(),
            Self::Container(_) => Verb::Create.as_str(),
            Self::Custom(custom) => &custom.verb,
        }
    }

    /// About how many bytes it takes in memory.
    #[doc(hidden)]
    pub fn weight(&self) -> usize {
        picture::weigh(self)
    }

    /// Whether it can be shown.
    ///
    /// # Errors
    ///
    /// [`OutputError`] says what is wrong with it.
    pub fn check(&self) -> Result<(), OutputError> {
        match self {
            Self::Progress(progress) => progress.check(),
            Self::Log(line) => line.verb.of("log", LogLine::VERBS),
            Self::Plot(plot) => plot.check(),
            Self::Table(table) => table.check(),
            Self::Container(container) => container.check(),
            Self::Custom(custom) => custom.check(),
            Self::Part(_) => Err(OutputError::Part),
        }
    }
}

/// A content of one kind is a content.
macro_rules! contents {
    ($($kind:ident($content:ident))+) => {
        $(impl From<$content> for OutputContent {
            fn from(content: $content) -> Self {
                Self::$kind(content)
            }
        })+
    };
}

contents! {
    Progress(Progress) Log(LogLine) Plot(Plot) Table(Table) Container(Container) Custom(Custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_a_log_pays_little_for_plots() {
        // Those who watch have room for a thousand outputs each.
        assert!(size_of::<Output>() <= 128, "{}", size_of::<Output>());
    }
}
