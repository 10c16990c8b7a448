//! About how many bytes something takes, so that a picture can be bounded.
//!
//! What joins on adds its own weight, so that a long curve is not weighed again with each point.

use serde_json::{Map, Value};

use crate::output::{Column, OutputContent, Trace};

/// What a value takes in memory beside its text.
const VALUE: usize = size_of::<Value>();

/// What a map takes for every six of its pairs: its tree has rooms for eleven, at least half of them
/// used.
const NODE: usize = 11 * (size_of::<String>() + VALUE);

/// What a thing takes beside its content.
const ENTRY: usize = 2 * size_of::<OutputContent>();

pub(in crate::output) fn weigh(content: &OutputContent) -> usize {
    let key = content.key().map_or(0, |key| 2 * key.len());
    let inner = match content {
        OutputContent::Progress(progress) => progress.title.len(),
        OutputContent::Log(line) => line.content.len(),
        OutputContent::Plot(plot) => {
            let traces = plot.traces.iter().map(weigh_trace).sum::<usize>();
            plot.title.len() + traces + weigh_map(&plot.layout)
        }
        OutputContent::Table(table) => {
            table.title.len() + table.columns.iter().map(weigh_column).sum::<usize>()
        }
        // They are small, and are only ever replaced.
        OutputContent::Container(_) => content.to_json().to_string().len(),
        OutputContent::Custom(custom) => custom.verb.len() + weigh_value(&custom.data),
        OutputContent::Part(part) => part.weight(),
    };
    ENTRY + key + inner
}

pub(super) fn weigh_trace(trace: &Trace) -> usize {
    size_of::<Trace>() + weigh_map(trace.attributes())
}

pub(super) fn weigh_column(column: &Column) -> usize {
    size_of::<Column>() + column.name.len() + weigh_list(&column.data)
}

pub(super) fn weigh_map(map: &Map<String, Value>) -> usize {
    weigh_nodes(map.len()) + map.iter().map(|(name, value)| weigh_pair(name, value)).sum::<usize>()
}

/// What a map of so many pairs takes beside them.
pub(super) const fn weigh_nodes(pairs: usize) -> usize {
    pairs.div_ceil(6) * NODE
}

pub(super) fn weigh_pair(name: &str, value: &Value) -> usize {
    name.len() + weigh_value(value) - VALUE
}

pub(super) fn weigh_list(list: &[Value]) -> usize {
    list.iter().map(weigh_value).sum()
}

fn weigh_value(value: &Value) -> usize {
    VALUE
        + match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
            Value::String(text) => text.len(),
            Value::Array(list) => weigh_list(list),
            Value::Object(map) => weigh_map(map),
        }
}
