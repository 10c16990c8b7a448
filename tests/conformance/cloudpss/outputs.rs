//! what a function shows, and what it may not show.

use selsyn::{LogLevel, NonFinite, OutputContent, OutputError, Plot, Progress, Trace};
use serde_json::{Value, json};

use super::envelopes;

#[tokio::test]
async fn a_01_the_envelopes_are_cloudpsss() {
    let seen = envelopes(|execution| {
        execution.log(LogLevel::Info, "text");
        execution.plot(Plot::new())?;
        execution.progress(0.0)
    });
    let expected = [
        json!({
            "key": null, "version": 1, "verb": "replace", "type": "log",
            "data": {"level": "info", "content": "text", "html": false},
        }),
        json!({
            "key": null, "version": 1, "verb": "replace", "type": "plot",
            "data": {"title": "", "traces": [], "layout": {}},
        }),
        json!({
            "key": "progress-1", "version": 1, "verb": "replace", "type": "progress",
            "data": {"value": 0.0, "title": ""},
        }),
    ];
    assert_eq!(seen.await, expected);
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
