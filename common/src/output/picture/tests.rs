use std::collections::HashMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::proto;
use crate::{
    Column, Container, ContainerItem, Custom, LogLevel, Plot, Progress, TabPosition, Table, Trace,
    Verb,
};

fn key() -> impl Strategy<Value = Option<String>> {
    prop::option::weighted(0.7, prop::sample::select(vec!["a", "b", "c"]).prop_map(str::to_owned))
}

fn verb(verbs: &'static [Verb]) -> impl Strategy<Value = Verb> {
    prop::sample::select(verbs)
}

fn trace() -> impl Strategy<Value = Trace> {
    let numbers = || prop::collection::vec(prop::num::f64::NORMAL, 0..4);
    (numbers(), numbers(), any::<bool>(), 0..3).prop_map(|(x, y, named, width)| {
        let trace = Trace::new().x(x).set("line.width", width);
        if named { trace.name("n").y(y) } else { trace }
    })
}

fn plot() -> impl Strategy<Value = Plot> {
    let verbs = verb(&[Verb::Replace, Verb::Append, Verb::Prepend, Verb::Update]);
    (verbs, prop::collection::vec(trace(), 0..3), "[t]{0,2}", 0..3_usize).prop_map(
        |(verb, traces, title, at)| {
            let layout =
                [json!({}), json!({"xaxis": {"title": "t"}}), json!({"xaxis": {"range": [0, 1]}})];
            let plot = Plot::new().verb(verb).title(title).layout(&layout[at]);
            traces.into_iter().fold(plot, Plot::trace)
        },
    )
}

fn table() -> impl Strategy<Value = Table> {
    let verbs = verb(&[Verb::Replace, Verb::Append, Verb::Prepend]);
    (verbs, 0..4_usize, 0..3_usize, "[t]{0,2}").prop_map(|(verb, rows, columns, title)| {
        let table = Table::new().verb(verb).title(title);
        let column = |at: usize| Column::text("c", (0..rows).map(move |row| format!("{at}{row}")));
        (0..columns).map(column).fold(table, Table::column)
    })
}

fn log() -> impl Strategy<Value = LogLine> {
    (verb(LogLine::VERBS), "[a-c]{0,5}")
        .prop_map(|(verb, text)| LogLine::new(LogLevel::Info, text).verb(verb))
}

fn content() -> impl Strategy<Value = OutputContent> {
    let content = prop_oneof![
        3 => plot().prop_map(OutputContent::from),
        3 => table().prop_map(OutputContent::from),
        3 => log().prop_map(OutputContent::from),
        1 => (0.0..1.0).prop_map(|value| Progress::fraction(value).into()),
        1 => (0..9).prop_map(|data| Custom::new(data).verb("merge").into()),
        1 => Just(Container::tabs(TabPosition::Left).item(ContainerItem::message("t", "a")).into()),
    ];
    (content, key()).prop_map(|(mut content, key)| {
        match &mut content {
            OutputContent::Plot(plot) => plot.key = key,
            OutputContent::Table(table) => table.key = key,
            OutputContent::Log(line) => line.key = key,
            OutputContent::Progress(progress) => progress.key = key,
            OutputContent::Custom(custom) => custom.key = key,
            OutputContent::Container(container) => container.key = key,
            OutputContent::Part(_) => {}
        }
        content
    })
}

/// What one execution shows, in order.
fn outputs() -> impl Strategy<Value = Vec<Output>> {
    prop::collection::vec(content(), 0..40).prop_map(|contents| {
        (1..).zip(contents).map(|(seq, content)| Output { seq, content }).collect()
    })
}

/// Pictures with much room, and with little.
fn empty() -> impl Strategy<Value = Picture> {
    prop::sample::select(vec![
        Picture::new(),
        Picture::with_limits(5, Picture::MAX_BYTES),
        Picture::with_limits(100, 20_000),
    ])
}

fn seen(empty: &Picture, outputs: &[Output]) -> Picture {
    let mut picture = empty.clone();
    outputs.iter().cloned().for_each(|output| picture.apply(output));
    picture
}

/// A snapshot as somebody far away gets it.
fn sent(snapshot: Snapshot) -> Snapshot {
    let sent = |output: Output| Output::try_from(proto::Output::from(output)).unwrap();
    Snapshot { outputs: snapshot.outputs.into_iter().map(sent).collect(), ..snapshot }
}

proptest! {
    #[test]
    fn whoever_comes_late_sees_what_was_seen_from_the_beginning(
        (empty, outputs) in (empty(), outputs()),
        (cuts, again) in (prop::collection::vec(0..40_usize, 0..4), 0..10_usize),
    ) {
        let live = seen(&empty, &outputs);
        let mut late = empty;
        let (mut cuts, mut from) = (cuts, 0_usize);
        cuts.sort_unstable();
        for cut in cuts.into_iter().chain([outputs.len()]).map(|cut| cut.min(outputs.len())) {
            // A little of what it has seen comes again.
            outputs[from.saturating_sub(again).min(cut)..cut].iter().cloned().for_each(|output| late.apply(output));
            let (before, snapshot) = (late.clone(), sent(late.snapshot()));
            late.restore(snapshot);
            prop_assert_eq!(&late, &before);
            from = cut;
        }
        prop_assert_eq!(late, live);
    }

    #[test]
    fn a_reader_that_missed_the_beginning_is_healed_by_a_snapshot(
        (empty, outputs) in (empty(), outputs()),
        (lost, until) in (0..40_usize, 0..40_usize),
    ) {
        let lost = lost.min(outputs.len());
        let until = until.clamp(lost, outputs.len());
        let mut reader = seen(&empty, &outputs[lost..until]);
        if until > lost {
            prop_assert_eq!(reader.missed(), lost as u64);
        }
        reader.restore(sent(seen(&empty, &outputs[..until]).snapshot()));
        outputs[until..].iter().cloned().for_each(|output| reader.apply(output));
        prop_assert_eq!(reader, seen(&empty, &outputs));
    }

    #[test]
    fn a_picture_is_never_over_its_limits_and_weighs_what_is_in_it(
        (empty, outputs) in (empty(), outputs()),
    ) {
        let mut picture = empty;
        let mut shown = 0;
        for output in outputs {
            picture.apply(output);
            shown += 1;
            prop_assert!(picture.len() <= picture.max_entries && picture.bytes <= picture.max_bytes);
            let weighed = picture.iter().map(weigh).sum::<usize>();
            prop_assert_eq!(picture.bytes, weighed);
            prop_assert!(picture.len() as u64 + picture.dropped() <= shown);
        }
    }

    #[test]
    fn a_table_stays_a_table(outputs in outputs()) {
        for content in seen(&Picture::new(), &outputs).iter() {
            if let OutputContent::Table(table) = content {
                let lengths = table.columns.iter().map(|column| (column.data.len(), ())).collect::<HashMap<_, _>>();
                prop_assert!(lengths.len() <= 1);
            }
        }
    }
}

/// What the picture holds after these.
fn folded(contents: impl IntoIterator<Item = OutputContent>) -> Vec<Value> {
    let outputs = (1..).zip(contents).map(|(seq, content)| Output { seq, content });
    let picture = seen(&Picture::new(), &outputs.collect::<Vec<_>>());
    picture.iter().map(|content| content.to_json()["data"].clone()).collect()
}

#[test]
fn each_verb_does_to_a_plot_what_it_says() {
    let plot = |verb, x: &[i32]| {
        let trace = Trace::new().x(x).name(&format!("{verb}"));
        OutputContent::from(Plot::new().key("k").verb(verb).trace(trace))
    };
    let after = |verb| {
        let data = folded([plot(Verb::Replace, &[1, 2]), plot(verb, &[3])]);
        (data[0]["traces"][0]["x"].clone(), data[0]["traces"][0]["name"].clone())
    };
    assert_eq!(after(Verb::Replace), (json!([3]), json!("replace")));
    assert_eq!(after(Verb::Append), (json!([1, 2, 3]), json!("append")));
    assert_eq!(after(Verb::Prepend), (json!([3, 1, 2]), json!("prepend")));
    assert_eq!(after(Verb::Update), (json!([3]), json!("update")));
}

#[test]
fn an_update_leaves_what_it_does_not_name() {
    let whole = Plot::new()
        .key("k")
        .title("Loss")
        .layout(json!({"xaxis": {"title": "t", "range": [0, 1]}}));
    let whole = whole.trace(Trace::line([1], [2])).trace(Trace::bar([3], [4]));
    let update = Plot::new().key("k").verb(Verb::Update).layout(json!({"xaxis": {"title": "s"}}));
    let data = folded([whole.into(), update.trace(Trace::new().y([5])).into()]);
    let expected = json!([{
        "title": "Loss",
        "traces": [
            {"type": "scatter", "mode": "lines", "x": [1], "y": [5]},
            {"type": "bar", "x": [3], "y": [4]},
        ],
        "layout": {"xaxis": {"title": "s", "range": [0, 1]}},
    }]);
    assert_eq!(Value::Array(data), expected);
}

#[test]
fn rows_join_a_table_and_what_has_no_column_is_empty() {
    let table = |verb| Table::new().key("k").verb(verb);
    let whole = table(Verb::Replace).column(Column::text("a", ["1"]));
    let wider =
        table(Verb::Append).column(Column::text("a", ["2"])).column(Column::text("b", ["x"]));
    let above = table(Verb::Prepend).column(Column::text("a", ["0"]));
    let data = folded([whole.into(), wider.into(), above.into()]);
    let expected = json!([
        {"name": "a", "type": "text", "data": ["0", "1", "2"]},
        {"name": "b", "type": "text", "data": [null, null, "x"]},
    ]);
    assert_eq!(data[0]["columns"], expected);
}

#[test]
fn a_small_output_does_not_become_a_large_table() {
    let rows = Table::new().key("k").column(Column::number("n", 0..1_000));
    let columns = (0..1_000).map(|_| Column::number("n", [] as [u8; 0]));
    let wide = columns.fold(Table::new().key("k").verb(Verb::Append), Table::column);
    let data = folded([rows.into(), wide.into()]);
    // It covers the other, as it would have to fill a million cells.
    assert_eq!(data[0]["columns"][0]["data"], json!([]));
    let uneven =
        Table::new().column(Column::text("a", ["1", "2"])).column(Column::text("b", ["x"]));
    let data = folded([uneven.into()]);
    assert_eq!(data[0]["columns"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_key_names_one_thing_whatever_its_kind() {
    let line = LogLine::new(LogLevel::Info, "text").key("k").verb(Verb::Append);
    let data = folded([Plot::new().key("k").into(), line.into()]);
    assert_eq!(data, [json!({"level": "info", "content": "text", "html": false})]);
}

#[test]
fn what_has_no_key_goes_first_where_there_is_no_room() {
    let line = |text: &str| OutputContent::from(LogLine::new(LogLevel::Info, text));
    let contents = [Plot::new().key("loss").into(), line("a"), line("b"), line("c")];
    let outputs = (1..).zip(contents).map(|(seq, content)| Output { seq, content });
    let picture = seen(&Picture::with_limits(3, usize::MAX), &outputs.collect::<Vec<_>>());
    assert!(picture.get("loss").is_some());
    assert_eq!(picture.log().map(|line| line.content.as_str()).collect::<Vec<_>>(), ["b", "c"]);
    assert_eq!(picture.dropped(), 1);
}
