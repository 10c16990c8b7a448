//! what a function shows, and what it may not show.

use selsyn::{
    Column, Container, GridTemplate, LogLevel, LogLine, NonFinite, OutputContent, OutputError,
    Plot, Progress, TabPosition, Table, Trace,
};
use serde_json::{Value, json};

use super::{envelopes, shown};

#[tokio::test]
async fn a_01_the_envelopes_are_cloudpsss() {
    let seen = envelopes(|execution| {
        execution.log(LogLevel::Info, "text");
        execution.plot(Plot::new())?;
        execution.table(Table::new())?;
        execution.container(Container::default())?;
        execution.container(Container::tabs(TabPosition::default()))?;
        execution.container(Container::grid(GridTemplate::default()))?;
        execution.progress(0.0)
    });
    let tabs = json!({"layout": {"type": "tabs", "position": "top"}, "items": []});
    let grid = "'item1 . item2' 1fr 'item1 item3 item4' 1fr / 1fr auto 2fr";
    let expected = [
        envelope("log", "replace", json!({"level": "info", "content": "text", "html": false})),
        envelope("plot", "replace", json!({"title": "", "traces": [], "layout": {}})),
        envelope("table", "replace", json!({"title": "", "columns": []})),
        envelope("container", "create", tabs.clone()),
        envelope("container", "create", tabs),
        envelope(
            "container",
            "create",
            json!({"layout": {"type": "grid", "grid": grid}, "items": []}),
        ),
        json!({
            "key": "progress-1", "version": 1, "verb": "replace", "type": "progress",
            "data": {"value": 0.0, "title": ""},
        }),
    ];
    assert_eq!(seen.await, expected);
}

/// An envelope without a key.
fn envelope(kind: &str, verb: &str, data: Value) -> Value {
    json!({"key": null, "version": 1, "verb": verb, "type": kind, "data": data})
}

#[tokio::test]
async fn a_01_what_is_given_stands_in_the_envelopes_as_it_was_given() {
    let envelopes_of = json!([
        {
            "key": "t", "version": 1, "verb": "append", "type": "table",
            "data": {"title": "Rows", "columns": [
                {"name": "n", "type": "number", "data": [1, 2]},
                {"name": "h", "type": "html", "data": ["<i>", null]},
            ]},
        },
        {
            "key": "p", "version": 1, "verb": "update", "type": "plot",
            "data": {"title": "", "traces": [{"x": [1], "line.dash": "dot"}], "layout": {}},
        },
        {
            "key": "c", "version": 1, "verb": "create", "type": "container",
            "data": {"layout": {"type": "float"}, "items": [{
                "title": "a/b", "placeholder": "soon", "html": true,
                "query": {"type": "message", "key": "p", "signal": {"wanted": true}},
            }]},
        },
        {
            "key": "l", "version": 1, "verb": "prepend", "type": "log",
            "data": {"level": "verbose", "content": "<b>", "html": true},
        },
        {"key": "x", "version": 1, "verb": "merge", "type": "custom", "data": {"a": [1, {"b": null}]}},
    ]);
    let Value::Array(given) = envelopes_of else { unreachable!("it is a list") };
    let shown = given.clone();
    let seen = envelopes(move |execution| {
        shown
            .iter()
            .try_for_each(|envelope| execution.show(OutputContent::from_json(envelope.clone())?))
    });
    assert_eq!(seen.await, given);
}

#[tokio::test]
async fn a_02_a_key_names_one_entry_and_no_key_names_none() {
    let shown = shown(|execution| {
        let line = |text: &str| LogLine::new(LogLevel::Info, text);
        execution.log_line(line("first"))?;
        execution.log_line(line("earlier").key("k"))?;
        execution.log_line(line("second"))?;
        execution.log_line(line("later").key("k"))
    });
    let shown = shown.await;
    let entries = shown.picture.log().map(|line| (line.key.as_deref(), line.content.as_str()));
    let expected = [(None, "first"), (Some("k"), "later"), (None, "second")];
    assert_eq!(entries.collect::<Vec<_>>(), expected);
}

#[test]
fn a_04_a_misspelt_verb_is_refused_at_the_caller() {
    trybuild::TestCases::new().compile_fail("conformance/compile_fail/a_04_*.rs");
    // What comes as text is refused too, where it is read.
    let envelope = json!({
        "key": "k", "version": 1, "verb": "repalce", "type": "plot",
        "data": {"title": "", "traces": [], "layout": {}},
    });
    let error = OutputContent::from_json(envelope).unwrap_err();
    assert_eq!(error.to_string(), "a plot has no verb \"repalce\"");
}

#[tokio::test]
async fn a_06_traces_are_flattened_and_the_layout_is_not() {
    let seen = envelopes(|execution| {
        let trace = Trace::new().set("line", json!({"dash": "d", "c": {"w": 1}}));
        execution.plot(Plot::new().trace(trace).layout(json!({"xaxis": {"title": "t"}})))
    });
    let data = json!({
        "title": "",
        "traces": [{"line.dash": "d", "line.c.w": 1}],
        "layout": {"xaxis": {"title": "t"}},
    });
    assert_eq!(seen.await[0]["data"], data);
}

#[tokio::test]
async fn a_07_nan_is_null_or_refused_and_what_leaves_is_json() {
    let seen = envelopes(|execution| {
        let plot = || Plot::new().trace(Trace::line([1, 2, 3], [0.5, f64::NAN, f64::INFINITY]));
        let refused = execution.plot(plot().non_finite(NonFinite::Refuse)).unwrap_err();
        assert_eq!(refused, OutputError::NonFinite { place: "y".to_owned() });
        execution.plot(plot())
    });
    let seen = seen.await;
    assert_eq!(seen.len(), 1, "what is refused is not shown");
    assert_eq!(seen[0]["data"]["traces"][0]["y"], json!([0.5, null, null]));
    let text = seen[0].to_string();
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), seen[0]);
}

#[tokio::test]
async fn a_08_columns_of_different_length_are_refused() {
    let seen = envelopes(|execution| {
        let table = || Table::new().column(Column::text("name", ["a", "b"]));
        let refused = execution.table(table().column(Column::number("size", [1, 2, 3])));
        let expected = OutputError::Rows { column: "name".to_owned(), has: 2, rows: 3 };
        assert_eq!(refused.unwrap_err(), expected);
        execution.table(table().column(Column::number("size", [1, 2])))
    });
    let seen = seen.await;
    assert_eq!(seen.len(), 1, "what is refused is not shown");
    assert_eq!(seen[0]["data"]["columns"][1]["data"], json!([1, 2]));
}

#[tokio::test]
async fn a_09_progress_is_a_part_of_the_whole() {
    let seen = envelopes(|execution| {
        let refused = execution.progress(7.0).unwrap_err();
        assert_eq!(refused.to_string(), "progress is a number between 0 and 1, not 7");
        execution.progress(f64::NAN).unwrap_err();
        execution.progress(Progress::counts(8, 7)).unwrap_err();
        execution.progress(Progress::counts(7, 7).key("steps").title("all"))
    });
    let data = json!({"value": 1.0, "title": "all", "done": 7, "total": 7});
    let expected = json!({
        "key": "steps", "version": 1, "verb": "replace", "type": "progress", "data": data,
    });
    assert_eq!(seen.await, [expected]);
}
