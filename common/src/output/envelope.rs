//! CloudPSS's envelope: the JSON of what is shown.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::{Container, Custom, LogLine, OutputContent, OutputError, Plot, Progress, Table, Verb};

/// The version of the envelope.
const VERSION: u64 = 1;

/// What goes around the data.
#[derive(Serialize)]
struct Outer<'a> {
    key: Option<&'a str>,
    version: u64,
    verb: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    data: Data<'a>,
}

/// As it comes in: whatever else stands in it, as older versions have it, is not looked at.
#[derive(Deserialize)]
struct Incoming {
    #[serde(default)]
    key: Option<String>,
    #[serde(default)]
    version: Option<u64>,
    #[serde(default)]
    verb: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    data: Value,
}

/// The data inside.
pub(crate) struct Data<'a>(pub(crate) &'a OutputContent);

impl Data<'_> {
    /// Its JSON text.
    pub(crate) fn text(&self) -> String {
        // Keys are texts, and what is no number became null when it was given.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl Serialize for Data<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            OutputContent::Progress(progress) => progress.serialize(serializer),
            OutputContent::Log(line) => line.serialize(serializer),
            OutputContent::Plot(plot) => plot.serialize(serializer),
            OutputContent::Table(table) => table.serialize(serializer),
            OutputContent::Container(container) => container.serialize(serializer),
            OutputContent::Custom(custom) => custom.data.serialize(serializer),
            OutputContent::Part(part) => part.serialize(serializer),
        }
    }
}

/// CloudPSS's envelope: `{key, version, verb, type, data}`.
impl Serialize for OutputContent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (key, verb, kind, data) = (self.key(), self.verb(), self.kind(), Data(self));
        Outer { key, version: VERSION, verb, kind, data }.serialize(serializer)
    }
}

impl OutputContent {
    /// CloudPSS's envelope: `{"key": text or null, "version": 1, "verb": .., "type": .., "data": ..}`.
    ///
    /// ```
    /// use selsyn_common::{OutputContent, Progress};
    ///
    /// let shown = OutputContent::from(Progress::fraction(0.5));
    /// let envelope = serde_json::json!({
    ///     "key": "progress-1", "version": 1, "verb": "replace", "type": "progress",
    ///     "data": {"value": 0.5, "title": ""},
    /// });
    /// assert_eq!(shown.to_json(), envelope);
    /// ```
    pub fn to_json(&self) -> Value {
        // Keys are texts, and what is no number became null when it was given.
        serde_json::to_value(self).unwrap_or_default()
    }

    /// Reads CloudPSS's envelope. Without a verb it is `replace`, without a version 1.
    ///
    /// # Errors
    ///
    /// [`OutputError::Envelope`] when it is none, or is of a type that shows nothing;
    /// [`OutputError::Verb`] when its type does not have its verb.
    pub fn from_json(envelope: Value) -> Result<Self, OutputError> {
        let incoming = Incoming::deserialize(envelope).map_err(no_envelope)?;
        if let Some(version) = incoming.version.filter(|version| *version != VERSION) {
            return Err(OutputError::Envelope(format!("its version is {version}, not {VERSION}")));
        }
        Self::read(&incoming.kind, incoming.key, incoming.verb.as_deref(), incoming.data)
    }

    /// Reads the data of one kind.
    pub(crate) fn read<'de, D>(
        kind: &str,
        key: Option<String>,
        verb: Option<&str>,
        data: D,
    ) -> Result<Self, OutputError>
    where
        D: Deserializer<'de, Error = serde_json::Error>,
    {
        match kind {
            "progress" => {
                // An older form says append, and means the same.
                Verb::read(verb, "progress", &[Verb::Replace, Verb::Append])?;
                let progress = Progress::deserialize(data).map_err(no_envelope)?;
                Ok(Progress { key, ..progress }.into())
            }
            "log" => {
                let line = LogLine::deserialize(data).map_err(no_envelope)?;
                // An older form says create, and means replace.
                let verb = verb.filter(|verb| *verb != Verb::Create.as_str());
                let verb = Verb::read(verb, "log", LogLine::VERBS)?;
                Ok(LogLine { key, verb, ..line }.into())
            }
            "plot" => {
                let mut plot = Plot::deserialize(data).map_err(no_envelope)?;
                (plot.key, plot.verb) = (key, Verb::read(verb, "plot", Plot::VERBS)?);
                Ok(plot.into())
            }
            "table" => {
                let mut table = Table::deserialize(data).map_err(no_envelope)?;
                (table.key, table.verb) = (key, Verb::read(verb, "table", Table::VERBS)?);
                Ok(table.into())
            }
            "container" => {
                // An older form says replace, and means the same.
                let verbs = &[Verb::Create, Verb::Replace];
                Verb::read(verb, "container", verbs)?;
                let container = Container::deserialize(data).map_err(no_envelope)?;
                Ok(Container { key, ..container }.into())
            }
            "custom" => {
                let mut custom = Custom::new(Value::deserialize(data).map_err(no_envelope)?);
                custom.key = key;
                if let Some(verb) = verb {
                    custom.verb = verb.to_owned();
                }
                Ok(custom.into())
            }
            "part" => Err(OutputError::Part),
            _ => Err(OutputError::Envelope(format!("a {kind:?} shows nothing"))),
        }
    }
}

fn no_envelope(error: serde_json::Error) -> OutputError {
    OutputError::Envelope(error.to_string())
}
