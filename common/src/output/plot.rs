//! A plot.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::value::{Doubts, NonFinite};
use super::{OutputError, Trace, Verb};

/// A plot, or a piece of one: traces and a layout as Plotly has them.
///
/// Serialises as the data of CloudPSS's envelope, without key and verb.
///
/// ```
/// use selsyn_common::{Plot, Trace, Verb};
///
/// let whole = Plot::new().key("loss").title("Loss").trace(Trace::line([1, 2], [0.9, 0.7]));
/// let next = Plot::new().key("loss").verb(Verb::Append).trace(Trace::new().x([3]).y([0.6]));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Plot {
    /// Names the plot, so that a later output acts on it; default none.
    #[serde(skip)]
    pub key: Option<String>,
    /// What it does to the plot of the same key; default [`Verb::Replace`].
    #[serde(skip)]
    pub verb: Verb,
    /// The text above it; default empty, which leaves the earlier one where it joins on.
    #[serde(default)]
    pub title: String,
    /// Its traces, which are matched by their position in this list.
    #[serde(default)]
    pub traces: Vec<Trace>,
    /// Axes and all else that is not data; default empty.
    #[serde(default)]
    pub layout: Map<String, Value>,
    #[serde(skip)]
    non_finite: NonFinite,
    #[serde(skip)]
    doubts: Doubts,
}

impl Plot {
    pub(super) const VERBS: &[Verb] = &[Verb::Replace, Verb::Append, Verb::Prepend, Verb::Update];

    /// An empty plot without a key.
    pub fn new() -> Self {
        Self::default()
    }

    /// Names the plot, so that a later output with the same key acts on it.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// What it does to the plot of the same key: `Replace`, `Append`, `Prepend` or `Update`.
    #[must_use]
    pub const fn verb(mut self, verb: Verb) -> Self {
        self.verb = verb;
        self
    }

    /// The text above it.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Adds a trace.
    #[must_use]
    pub fn trace(mut self, trace: Trace) -> Self {
        self.traces.push(trace);
        self
    }

    /// Axes and all else that is not data, as Plotly has it: anything that is an object in JSON.
    #[must_use]
    pub fn layout(mut self, layout: impl Serialize) -> Self {
        match self.doubts.json("layout", &layout) {
            Value::Object(layout) => self.layout = layout,
            _ => self.doubts.shape("layout", "to be an object"),
        }
        self
    }

    /// What becomes of numbers that JSON has not; default [`NonFinite::Null`].
    #[must_use]
    pub const fn non_finite(mut self, policy: NonFinite) -> Self {
        self.non_finite = policy;
        self
    }

    pub(super) fn check(&self) -> Result<(), OutputError> {
        self.verb.of("plot", Self::VERBS)?;
        self.doubts.check(self.non_finite)?;
        self.traces.iter().try_for_each(|trace| trace.doubts.check(self.non_finite))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nan_is_a_gap_unless_it_is_refused() {
        let plot = Plot::new().trace(Trace::line([1, 2], [1.0, f64::NAN]));
        plot.check().unwrap();
        assert_eq!(plot.traces[0].attributes()["y"], json!([1.0, null]));
        let error = plot.non_finite(NonFinite::Refuse).check().unwrap_err();
        assert_eq!(error, OutputError::NonFinite { place: "y".to_owned() });
    }

    #[test]
    fn a_layout_is_an_object_and_stays_nested() {
        let layout = json!({"xaxis": {"title": "t", "range": [0, 1]}});
        let plot = Plot::new().layout(&layout);
        plot.check().unwrap();
        assert_eq!(Value::Object(plot.layout), layout);
        let error = Plot::new().layout([1, 2]).check().unwrap_err();
        assert_eq!(error.to_string(), "layout has to be an object");
    }

    #[test]
    fn a_plot_is_not_created() {
        Plot::new().verb(Verb::Update).check().unwrap();
        let error = Plot::new().verb(Verb::Create).check().unwrap_err();
        assert_eq!(error.to_string(), "a plot has no verb \"create\"");
    }

    #[test]
    fn what_json_cannot_say_is_refused_by_its_place() {
        let keys = std::collections::BTreeMap::from([((1, 2), 3)]);
        let error = Plot::new().trace(Trace::new().set("meta", keys)).check().unwrap_err();
        assert!(matches!(error, OutputError::NotEncodable { place, .. } if place == "meta"));
    }
}
