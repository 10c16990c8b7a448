//! Outputs on the wire.

use super::WireError;
use super::outcome::same_words;
use crate::output::{Counts, Data};
use crate::proto::{self, output};
use crate::{LogLine, Output, OutputContent, Progress, Verb};

same_words!(Verb = Verb, unknown: Replace, {
    Replace = Replace, Append = Append, Prepend = Prepend, Update = Update, Create = Create,
});

impl From<Progress> for proto::Progress {
    fn from(progress: Progress) -> Self {
        let Progress { key, value, title, counts } = progress;
        let (done, total) = counts.map_or((0, 0), |Counts { done, total }| (done, total));
        Self { key, value, title, done, total }
    }
}

impl From<proto::Progress> for Progress {
    fn from(wire: proto::Progress) -> Self {
        let proto::Progress { key, value, title, done, total } = wire;
        let counts = (total > 0).then_some(Counts { done, total });
        Self { key, value, title, counts }
    }
}

impl From<LogLine> for proto::LogLine {
    fn from(line: LogLine) -> Self {
        let level = proto::LogLevel::from(line.level).into();
        let verb = proto::Verb::from(line.verb).into();
        Self { level, content: line.content, key: line.key, html: line.html, verb }
    }
}

impl From<proto::LogLine> for LogLine {
    fn from(wire: proto::LogLine) -> Self {
        let (level, verb) = (wire.level().into(), wire.verb().into());
        Self { key: wire.key, verb, level, content: wire.content, html: wire.html }
    }
}

impl From<OutputContent> for output::Content {
    fn from(content: OutputContent) -> Self {
        match content {
            OutputContent::Progress(progress) => Self::Progress(Box::new(progress.into())),
            OutputContent::Log(line) => Self::Log(line.into()),
            OutputContent::Plot(plot) => {
                let (key, verb, data) = (plot.key.clone(), plot.verb, text(plot));
                Self::Plot(document(key, verb, data))
            }
            OutputContent::Table(table) => {
                let (key, verb, data) = (table.key.clone(), table.verb, text(table));
                Self::Table(document(key, verb, data))
            }
            OutputContent::Container(container) => {
                let (key, data) = (container.key.clone(), text(container));
                Self::Container(document(key, Verb::Create, data))
            }
            OutputContent::Custom(custom) => {
                let (key, verb, data) = (custom.key.clone(), custom.verb.clone(), text(custom));
                Self::Custom(Box::new(proto::Custom { key, verb, data }))
            }
            OutputContent::Part(part) => Self::Part(Box::new((*part).into())),
        }
    }
}

fn document(key: Option<String>, verb: Verb, data: String) -> Box<proto::Document> {
    Box::new(proto::Document { key, verb: proto::Verb::from(verb).into(), data })
}

/// The JSON text of the data.
fn text(content: impl Into<OutputContent>) -> String {
    Data(&content.into()).text()
}

impl TryFrom<output::Content> for OutputContent {
    type Error = WireError;

    fn try_from(wire: output::Content) -> Result<Self, WireError> {
        match wire {
            output::Content::Progress(progress) => Ok(Progress::from(*progress).into()),
            output::Content::Log(line) => Ok(LogLine::from(line).into()),
            output::Content::Plot(document) => read_document("plot", *document),
            output::Content::Table(document) => read_document("table", *document),
            output::Content::Container(document) => read_document("container", *document),
            output::Content::Custom(custom) => {
                let proto::Custom { key, verb, data } = *custom;
                read("custom", key, &verb, &data)
            }
            output::Content::Part(part) => Ok(Self::Part(Box::new((*part).try_into()?))),
        }
    }
}

fn read_document(
    kind: &'static str,
    document: proto::Document,
) -> Result<OutputContent, WireError> {
    let verb = Verb::from(document.verb());
    read(kind, document.key, verb.as_str(), &document.data)
}

fn read(
    kind: &'static str,
    key: Option<String>,
    verb: &str,
    data: &str,
) -> Result<OutputContent, WireError> {
    let mut data = serde_json::Deserializer::from_str(data);
    OutputContent::read(kind, key, Some(verb), &mut data).map_err(|_| {
        let problem = "is not what its kind and verb say";
        WireError { frame: "Output", field: kind, problem }
    })
}

impl From<Output> for proto::Output {
    fn from(output: Output) -> Self {
        Self { seq: output.seq, content: Some(output.content.into()) }
    }
}

impl TryFrom<proto::Output> for Output {
    type Error = WireError;

    fn try_from(wire: proto::Output) -> Result<Self, WireError> {
        let content = wire.content.ok_or(WireError::missing("Output", "content"))?;
        Ok(Self { seq: wire.seq, content: content.try_into()? })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        Column, Container, ContainerItem, Custom, GridTemplate, LogLevel, Plot, TabPosition, Table,
        Trace,
    };

    fn arrives(content: impl Into<OutputContent>) {
        let output = Output { seq: 7, content: content.into() };
        assert_eq!(Output::try_from(proto::Output::from(output.clone())).unwrap(), output);
    }

    #[test]
    fn every_kind_arrives_as_it_left() {
        arrives(Progress::fraction(0.5));
        arrives(Progress::counts(3, 4).key("epochs").title("training"));
        arrives(LogLine::new(LogLevel::Debug, "plain"));
        arrives(LogLine::new(LogLevel::Critical, "<b>").html().key("k").verb(Verb::Prepend));
        let trace = Trace::line([1, 2], [0.5, 0.25]).set("line", json!({"dash": "dot"}));
        let plot = Plot::new().key("loss").title("Loss").layout(json!({"xaxis": {"title": "t"}}));
        arrives(plot.trace(trace).verb(Verb::Append));
        let table = Table::new().key("t").verb(Verb::Prepend).column(Column::number("n", [1, 2]));
        arrives(table.column(Column::html("h", [Some("<i>"), None])));
        let grid = Container::grid(GridTemplate::default()).key("c");
        arrives(grid.item(ContainerItem::message("item1", "loss").placeholder("soon")));
        arrives(Container::tabs(TabPosition::Bottom));
        arrives(Container::float());
        arrives(Custom::new(json!({"a": [1]})).key("k").verb("merge"));
    }

    #[test]
    fn a_document_that_is_not_what_it_says_is_refused_by_its_kind() {
        let document = |verb: proto::Verb, data: &str| {
            let document = proto::Document { verb: verb.into(), data: data.into(), key: None };
            let content = Some(output::Content::Plot(Box::new(document)));
            Output::try_from(proto::Output { seq: 1, content }).unwrap_err().to_string()
        };
        let expected = "Output.plot is not what its kind and verb say";
        assert_eq!(document(proto::Verb::Replace, "[1"), expected);
        assert_eq!(document(proto::Verb::Create, "{}"), expected);
    }
}
