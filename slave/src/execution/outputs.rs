//! What a function shows while it runs.

use std::fmt;

use prost::Message;
use selsyn_common::proto::output;
use selsyn_common::{
    Container, Custom, LogLevel, LogLine, OutputContent, OutputError, Plot, Progress, Table,
};

use super::FunctionExecution;

/// What it shows goes to whoever watches, in the order in which it was shown. No method here
/// waits: where a reader is too slow, outputs are dropped, and counted at the reader.
///
/// Methods and shapes are those of CloudPSS's `FunctionExecution`.
impl FunctionExecution {
    /// Shows how far the run has come: a number between 0 and 1 for its one unnamed bar, or a
    /// [`Progress`] with counts, a title, or a key.
    ///
    /// # Errors
    ///
    /// [`OutputError::Progress`] and [`OutputError::Counts`] when the value is no number between 0
    /// and 1, or more is done than there is; nothing is shown.
    pub fn progress(&self, progress: impl Into<Progress>) -> Result<(), OutputError> {
        self.show(progress.into())
    }

    /// Shows a plot, or joins a piece to one.
    ///
    /// ```
    /// use selsyn_common::{Failure, Plot, Trace, Verb};
    /// use selsyn_slave::FunctionExecution;
    ///
    /// async fn train(execution: FunctionExecution, epochs: u32) -> Result<(), Failure> {
    ///     let plot = || Plot::new().key("loss");
    ///     execution.plot(plot().title("Loss").trace(Trace::line([0], [1.0])))?;
    ///     for epoch in 1..epochs {
    ///         let point = Trace::new().x([epoch]).y([0.9_f64.powi(epoch as i32)]);
    ///         execution.plot(plot().verb(Verb::Append).trace(point))?;
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`OutputError`] when a verb, a value or the layout cannot be shown, or it is over
    /// [`OutputContent::MAX_BYTES`]; nothing is shown.
    pub fn plot(&self, plot: Plot) -> Result<(), OutputError> {
        self.show(plot)
    }

    /// Shows a table, or joins rows to one.
    ///
    /// # Errors
    ///
    /// [`OutputError::Rows`] when columns differ in length, [`OutputError::Cell`] when a cell is
    /// not of its column's type; otherwise as for [`Self::plot`]. Nothing is shown.
    pub fn table(&self, table: Table) -> Result<(), OutputError> {
        self.show(table)
    }

    /// Shows other outputs together: in tabs, in a grid, or floating. They are named by their keys
    /// and may come later.
    ///
    /// ```
    /// use selsyn_common::{Container, ContainerItem, Failure};
    /// use selsyn_slave::FunctionExecution;
    ///
    /// async fn train(execution: FunctionExecution, (): ()) -> Result<(), Failure> {
    ///     let grid = Container::grid("'loss log' 1fr / 2fr 1fr".parse()?);
    ///     let grid = grid.item(ContainerItem::message("loss", "loss-plot"));
    ///     execution.container(grid.item(ContainerItem::message("log", "last-line")))?;
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`OutputError::Area`] when an item's title is no area of the grid; nothing is shown.
    pub fn container(&self, container: Container) -> Result<(), OutputError> {
        self.show(container)
    }

    /// Shows what only the application and its readers understand.
    ///
    /// # Errors
    ///
    /// As for [`Self::plot`]; nothing is shown.
    pub fn custom(&self, custom: Custom) -> Result<(), OutputError> {
        self.show(custom)
    }

    /// Adds a line to the run's log. Never waits.
    pub fn log(&self, level: LogLevel, content: impl fmt::Display) {
        // Never refused: a text that is too long for a frame is cut.
        let line = LogLine::new(level, content);
        self.logs(&line);
        self.record.show(output::Content::Log(line.into()));
    }

    /// Keeps the end of the log, for the outcome.
    fn logs(&self, line: &LogLine) {
        self.record.extras().log().push(&line.content);
    }

    /// Adds a line to the run's log that has a key, or is HTML; or acts on the line of that key.
    ///
    /// # Errors
    ///
    /// [`OutputError::Verb`] when a log does not have the verb; nothing is shown.
    pub fn log_line(&self, line: LogLine) -> Result<(), OutputError> {
        self.show(line)
    }

    /// Adds a line of level [`LogLevel::Critical`].
    pub fn critical(&self, content: impl fmt::Display) {
        self.log(LogLevel::Critical, content);
    }

    /// Adds a line of level [`LogLevel::Error`].
    pub fn error(&self, content: impl fmt::Display) {
        self.log(LogLevel::Error, content);
    }

    /// Adds a line of level [`LogLevel::Warning`].
    pub fn warning(&self, content: impl fmt::Display) {
        self.log(LogLevel::Warning, content);
    }

    /// Adds a line of level [`LogLevel::Info`].
    pub fn info(&self, content: impl fmt::Display) {
        self.log(LogLevel::Info, content);
    }

    /// Adds a line of level [`LogLevel::Verbose`].
    pub fn verbose(&self, content: impl fmt::Display) {
        self.log(LogLevel::Verbose, content);
    }

    /// Adds a line of level [`LogLevel::Debug`].
    pub fn debug(&self, content: impl fmt::Display) {
        self.log(LogLevel::Debug, content);
    }

    /// Shows whatever can be shown: for what was read by [`OutputContent::from_json`].
    ///
    /// # Errors
    ///
    /// [`OutputError`] says why it cannot be shown; nothing is shown.
    pub fn show(&self, content: impl Into<OutputContent>) -> Result<(), OutputError> {
        let content = content.into();
        content.check()?;
        let kind = content.kind();
        if let OutputContent::Log(line) = &content {
            self.logs(line);
        }
        let content = content.into();
        check_document(kind, &content)?;
        self.record.show(content);
        Ok(())
    }
}

/// Looks at what readers could not read: what is too large, or nested too deep.
fn check_document(kind: &'static str, content: &output::Content) -> Result<(), OutputError> {
    let (bytes, text) = match content {
        // These are cut where they are too long.
        output::Content::Progress(_) | output::Content::Log(_) => return Ok(()),
        // These are looked at where they are reported.
        output::Content::Part(_) => return Ok(()),
        output::Content::Plot(document)
        | output::Content::Table(document)
        | output::Content::Container(document) => (document.encoded_len(), &document.data),
        output::Content::Custom(custom) => (custom.encoded_len(), &custom.data),
    };
    let limit = OutputContent::MAX_BYTES;
    if bytes > limit {
        return Err(OutputError::TooLarge { kind, bytes, limit });
    }
    let (depth, limit) = (depth(text), OutputContent::MAX_DEPTH);
    if depth <= limit { Ok(()) } else { Err(OutputError::TooDeep { kind, depth, limit }) }
}

/// How many lists and objects stand in one another in a JSON text.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut in_text, mut escaped) = (false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth -= 1,
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_in_texts_are_not_deep() {
        assert_eq!(depth("7"), 0);
        assert_eq!(depth(r#"{"a":[1,[2]],"b":{}}"#), 3);
        assert_eq!(depth(r#"["[[[{\\","\"[[",["x"]]"#), 2);
    }
}
