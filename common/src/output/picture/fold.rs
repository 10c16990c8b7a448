//! Folds an output into the thing that its key names. The only place that knows what verbs do.

use serde_json::{Map, Value};

use super::weight::{
    weigh, weigh_column, weigh_list, weigh_map, weigh_nodes, weigh_pair, weigh_trace,
};
use crate::output::{LogLine, OutputContent, Plot, Table, Trace, Verb};

/// Folds `new` into `old`, and keeps the weight of `old` true.
///
/// What joins on to a thing of another kind, or to a table with too many other columns, covers it:
/// there is nothing it could join on to.
pub(super) fn fold(old: &mut OutputContent, new: OutputContent, bytes: &mut usize) {
    match (old, new) {
        (OutputContent::Plot(old), OutputContent::Plot(new)) if new.verb != Verb::Replace => {
            fold_plot(old, new, bytes);
        }
        (OutputContent::Table(old), OutputContent::Table(new))
            if new.verb != Verb::Replace && joins(old, &new) =>
        {
            fold_table(old, square(new), bytes);
        }
        (OutputContent::Log(old), OutputContent::Log(new)) if new.verb != Verb::Replace => {
            fold_log(old, new, bytes);
        }
        (old, new) => {
            *old = whole(new);
            *bytes = weigh(old);
        }
    }
}

/// What an output shows where there is nothing before it.
pub(super) fn whole(mut content: OutputContent) -> OutputContent {
    match &mut content {
        OutputContent::Plot(plot) => plot.verb = Verb::Replace,
        OutputContent::Log(line) => line.verb = Verb::Replace,
        OutputContent::Table(table) => {
            *table = square(std::mem::take(table));
            table.verb = Verb::Replace;
        }
        OutputContent::Progress(_)
        | OutputContent::Container(_)
        | OutputContent::Custom(_)
        | OutputContent::Part(_) => {}
    }
    content
}

/// A table whose columns have one length. Nobody has looked at one that comes from a stranger; its
/// shorter columns are left out, as filling them up would make a large output of a small one.
fn square(mut table: Table) -> Table {
    let rows = table.rows();
    table.columns.retain(|column| column.data.len() == rows);
    table
}

/// On which side something joins on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Behind,
    Front,
}

impl Side {
    fn of(verb: Verb) -> Self {
        if verb == Verb::Prepend { Self::Front } else { Self::Behind }
    }
}

fn join(list: &mut Vec<Value>, more: Vec<Value>, side: Side, bytes: &mut usize) {
    *bytes += weigh_list(&more);
    match side {
        Side::Behind => list.extend(more),
        Side::Front => drop(list.splice(0..0, more)),
    }
}

fn fold_plot(old: &mut Plot, new: Plot, bytes: &mut usize) {
    retitle(&mut old.title, new.title, bytes);
    *bytes -= weigh_map(&old.layout);
    merge(&mut old.layout, new.layout);
    *bytes += weigh_map(&old.layout);
    for (at, trace) in new.traces.into_iter().enumerate() {
        match old.traces.get_mut(at) {
            Some(old) => fold_trace(old, trace, new.verb, bytes),
            None => {
                *bytes += weigh_trace(&trace);
                old.traces.push(trace);
            }
        }
    }
}

/// Lists join on, unless they are updated; all else is covered.
fn fold_trace(old: &mut Trace, new: Trace, verb: Verb, bytes: &mut usize) {
    let attributes = &mut old.attributes;
    for (name, value) in new.attributes {
        match (attributes.get_mut(&name), value) {
            (Some(Value::Array(list)), Value::Array(more)) if verb != Verb::Update => {
                join(list, more, Side::of(verb), bytes);
            }
            (_, value) => set(attributes, name, value, bytes),
        }
    }
}

fn set(map: &mut Map<String, Value>, name: String, value: Value, bytes: &mut usize) {
    let nodes = weigh_nodes(map.len());
    *bytes += weigh_pair(&name, &value);
    if let Some(covered) = map.get(&name) {
        *bytes -= weigh_pair(&name, covered);
    }
    map.insert(name, value);
    *bytes += weigh_nodes(map.len()) - nodes;
}

/// Objects merge, all else is covered.
fn merge(old: &mut Map<String, Value>, new: Map<String, Value>) {
    for (name, value) in new {
        match (old.get_mut(&name), value) {
            (Some(Value::Object(inner)), Value::Object(more)) => merge(inner, more),
            (_, value) => drop(old.insert(name, value)),
        }
    }
}

/// Most cells that are filled up where two tables of different columns join: a small output shall
/// not become a large one.
const MAX_FILLED: usize = 100_000;

/// Whether two tables can join: their columns differ in number by few cells.
fn joins(old: &Table, new: &Table) -> bool {
    let (had, has) = (old.columns.len(), new.columns.len());
    let filled = if has > had { (has - had) * old.rows() } else { (had - has) * new.rows() };
    filled <= MAX_FILLED
}

/// Rows join on; a table stays one, so that what one side has no column for is empty there.
fn fold_table(old: &mut Table, new: Table, bytes: &mut usize) {
    let side = Side::of(new.verb);
    let (old_rows, new_rows) = (old.rows(), new.rows());
    retitle(&mut old.title, new.title, bytes);
    let mut columns = new.columns.into_iter();
    for old in &mut old.columns {
        let nothing = || vec![Value::Null; new_rows];
        let cells = columns.next().map_or_else(nothing, |column| column.data);
        join(&mut old.data, cells, side, bytes);
    }
    for mut new in columns {
        let above = if side == Side::Behind { Side::Front } else { Side::Behind };
        join(&mut new.data, vec![Value::Null; old_rows], above, &mut 0);
        *bytes += weigh_column(&new);
        old.columns.push(new);
    }
}

fn fold_log(old: &mut LogLine, new: LogLine, bytes: &mut usize) {
    *bytes += new.content.len();
    match Side::of(new.verb) {
        Side::Behind => old.content.push_str(&new.content),
        Side::Front => old.content.insert_str(0, &new.content),
    }
    (old.level, old.html) = (new.level, new.html);
}

/// An empty title says nothing.
fn retitle(old: &mut String, new: String, bytes: &mut usize) {
    if !new.is_empty() {
        *bytes = *bytes + new.len() - old.len();
        *old = new;
    }
}
