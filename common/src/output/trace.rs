//! One curve, row of bars or map of a plot.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::value::Doubts;

/// Most bytes of names that a trace has which is read, once they are flat: what a stranger nests must
/// not become a thousand times as large.
const MAX_NAMES: usize = 1024 * 1024;

/// One curve, row of bars or map of a plot: any trace of Plotly.
///
/// Its attributes are flat, as CloudPSS sends them: an object becomes attributes with dots in
/// their names, a list stays a list.
///
/// ```
/// use selsyn_common::Trace;
/// use serde_json::json;
///
/// let trace = Trace::line([1, 2, 3], [0.9, 0.7, 0.6]).name("loss").set("line", json!({"dash": "dot"}));
/// assert_eq!(trace.attributes()["line.dash"], "dot");
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trace {
    pub(super) attributes: Map<String, Value>,
    pub(super) doubts: Doubts,
}

impl Trace {
    /// A trace without attributes: Plotly draws it as a line.
    pub fn new() -> Self {
        Self::default()
    }

    /// A trace of one of Plotly's types, as `sankey` or `violin`.
    pub fn of(kind: &str) -> Self {
        Self::new().set("type", kind)
    }

    /// Points that are joined by a line.
    pub fn line(x: impl Serialize, y: impl Serialize) -> Self {
        Self::of("scatter").set("mode", "lines").x(x).y(y)
    }

    /// Points.
    pub fn scatter(x: impl Serialize, y: impl Serialize) -> Self {
        Self::of("scatter").set("mode", "markers").x(x).y(y)
    }

    /// Bars.
    pub fn bar(x: impl Serialize, y: impl Serialize) -> Self {
        Self::of("bar").x(x).y(y)
    }

    /// How often values occur.
    pub fn histogram(x: impl Serialize) -> Self {
        Self::of("histogram").x(x)
    }

    /// A map of colours; `z` is a list of rows.
    pub fn heatmap(z: impl Serialize) -> Self {
        Self::of("heatmap").set("z", z)
    }

    /// Its name in the legend.
    #[must_use]
    pub fn name(self, name: &str) -> Self {
        self.set("name", name)
    }

    /// Where its points lie from left to right.
    #[must_use]
    pub fn x(self, values: impl Serialize) -> Self {
        self.set("x", values)
    }

    /// Where its points lie from bottom to top.
    #[must_use]
    pub fn y(self, values: impl Serialize) -> Self {
        self.set("y", values)
    }

    /// Sets an attribute of Plotly's reference. Numbers that JSON has not become `null`, which is
    /// a gap in a curve, or are refused: see [`NonFinite`](super::NonFinite).
    #[must_use]
    pub fn set(mut self, attribute: &str, value: impl Serialize) -> Self {
        let value = self.doubts.json(attribute, &value);
        flatten(&mut self.attributes, attribute.to_owned(), value);
        self
    }

    /// Its attributes: none of them is an object.
    pub const fn attributes(&self) -> &Map<String, Value> {
        &self.attributes
    }
}

/// From Plotly's own shape, nested or flat.
impl From<Map<String, Value>> for Trace {
    fn from(nested: Map<String, Value>) -> Self {
        let mut attributes = Map::new();
        nested.into_iter().for_each(|(name, value)| flatten(&mut attributes, name, value));
        Self { attributes, doubts: Doubts::default() }
    }
}

fn flatten(into: &mut Map<String, Value>, name: String, value: Value) {
    let Value::Object(nested) = value else {
        into.insert(name, value);
        return;
    };
    nested.into_iter().for_each(|(inner, value)| flatten(into, format!("{name}.{inner}"), value));
}

impl Serialize for Trace {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.attributes.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Trace {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let nested = Map::deserialize(deserializer)?;
        if names(&nested, 0) > MAX_NAMES {
            let problem = format!("the names of a trace's attributes have over {MAX_NAMES} bytes");
            return Err(serde::de::Error::custom(problem));
        }
        Ok(nested.into())
    }
}

/// How many bytes the names have once they are flat: each repeats those around it.
fn names(nested: &Map<String, Value>, around: usize) -> usize {
    let bytes = nested.iter().map(|(name, value)| {
        let name = around + name.len() + 1;
        value.as_object().map_or(name, |inner| names(inner, name))
    });
    bytes.fold(0, usize::saturating_add)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_that_would_fill_the_memory_are_refused() {
        let inner: Map<_, _> = (0..2_000).map(|n| (n.to_string(), json!(n))).collect();
        let nested = json!({ "x".repeat(10_000): inner });
        let error = serde_json::from_value::<Trace>(nested).unwrap_err();
        assert_eq!(error.to_string(), "the names of a trace's attributes have over 1048576 bytes");
    }

    #[test]
    fn objects_become_dotted_names_and_lists_stay() {
        let nested = json!({"x": [1, {"a": 2}], "line": {"dash": "d", "c": {"w": 1}, "none": {}}});
        let Value::Object(nested) = nested else { unreachable!("it is an object") };
        let flat = json!({"x": [1, {"a": 2}], "line.dash": "d", "line.c.w": 1});
        let trace = Trace::from(nested);
        assert_eq!(serde_json::to_value(&trace).unwrap(), flat);
        // What is flat stays as it is.
        assert_eq!(serde_json::from_value::<Trace>(flat).unwrap(), trace);
    }

    #[test]
    fn the_helpers_are_plotlys_types() {
        let heatmap = Trace::heatmap([[1, 2], [3, 4]]);
        assert_eq!(heatmap.attributes()["z"], json!([[1, 2], [3, 4]]));
        let modes = [Trace::line([1], [1]), Trace::scatter([1], [1])];
        assert_eq!(modes.map(|trace| trace.attributes()["mode"].clone()), ["lines", "markers"]);
        assert_eq!(Trace::histogram([1]).attributes()["type"], "histogram");
    }
}
