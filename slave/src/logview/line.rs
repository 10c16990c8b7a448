//! An event as lines of text that cannot pretend to be another event.

use std::fmt::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use selsyn_common::{ExecutionEvent, Happened, Outcome, OutputContent, Part, Progress};

/// Where the text of a line begins: behind the time and the kind.
const MARGIN: usize = 23;

/// One thing that happened, as it is shown.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// A level of the log, `state`, `progress`, `part`, `shown` or `gap`: never a text of the function's.
    pub(super) kind: String,
    /// The time, the kind and the text; lines after the first are set in.
    pub(super) text: String,
}

impl Line {
    pub(super) fn of(event: ExecutionEvent) -> Self {
        let (kind, text) = match event.what {
            Happened::Output(output) => shown(output.content),
            Happened::Gap(count) => ("gap".to_owned(), format!("{count} events are kept no more")),
            Happened::Ended(outcome) => ("state".to_owned(), ended(&outcome)),
            Happened::Accepted => ("state".to_owned(), "accepted".to_owned()),
            Happened::Running => ("state".to_owned(), "running".to_owned()),
            Happened::Stopping(why) => ("state".to_owned(), format!("asked to stop: {why}")),
            _ => ("state".to_owned(), "something this page does not know".to_owned()),
        };
        Self::new(event.at, kind, &text)
    }

    /// A line of the page's own.
    pub(super) fn new(at: SystemTime, kind: String, text: &str) -> Self {
        let text = format!("{}  {kind:<8} {}", time_of_day(at), harmless(text));
        Self { kind, text }
    }
}

fn shown(content: OutputContent) -> (String, String) {
    let (kind, verb) = (content.kind(), content.verb());
    match &content {
        OutputContent::Progress(bar) => (kind.to_owned(), progress(bar)),
        OutputContent::Log(line) => (line.level.to_string(), line.content.clone()),
        OutputContent::Part(report) => (kind.to_owned(), part(report)),
        other => {
            let key = other.key().map_or_else(String::new, |key| format!(" {key:?}"));
            ("shown".to_owned(), format!("{kind}{key}: {verb}"))
        }
    }
}

fn progress(bar: &Progress) -> String {
    let mut text = format!("{:3.0} % {}", bar.value * 100.0, bar.title);
    if let Some(counts) = bar.counts {
        // Writing to a String cannot fail.
        let _ = write!(text, " ({}/{})", counts.done, counts.total);
    }
    if let Some(key) = bar.key.as_deref().filter(|key| *key != Progress::DEFAULT_KEY) {
        let _ = write!(text, " [{key}]");
    }
    text
}

/// Where it stands, why, and how far its stages have come.
fn part(part: &Part) -> String {
    let mut text = format!("{:?} {}", part.name, part.status);
    if let Some(failure) = &part.failure {
        let _ = write!(text, ": {failure}");
    }
    for stage in &part.stages {
        let _ = write!(text, " {stage}");
    }
    text
}

fn ended(outcome: &Outcome) -> String {
    let summary = &outcome.summary;
    let why = outcome.failure().map_or_else(String::new, |failure| format!(": {failure}"));
    format!("ended {} after {:.3} s{why}", outcome.status, summary.ran.as_secs_f64())
}

/// The time of day in UTC, to the millisecond.
fn time_of_day(at: SystemTime) -> String {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let seconds = since.as_secs() % (24 * 60 * 60);
    let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}.{:03}", seconds % 60, since.subsec_millis())
}

/// A text as a terminal and a reader can take it: what steers a terminal, or turns the direction of
/// writing, is spelled out, and a line break begins no line of its own.
pub(super) fn harmless(text: &str) -> String {
    let mut harmless = String::with_capacity(text.len());
    for letter in text.trim_end_matches(['\r', '\n']).chars() {
        match letter {
            '\n' => harmless.extend(["\n", " ".repeat(MARGIN).as_str()]),
            '\t' => harmless.push('\t'),
            letter if steers(letter) => harmless.extend(letter.escape_unicode()),
            letter => harmless.push(letter),
        }
    }
    harmless
}

fn steers(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}')
        || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use selsyn_common::{LogLevel, LogLine, Output, PartChange, Parts, Plot, StageProgress};

    use super::*;

    fn line(content: impl Into<OutputContent>) -> String {
        let at = UNIX_EPOCH + Duration::from_millis(86_400_000 + 45_296_789);
        let what = Happened::Output(Output { seq: 1, content: content.into() });
        Line::of(ExecutionEvent { seq: 3, at, what }).text
    }

    #[test]
    fn a_part_is_told_with_its_status_and_its_stages() {
        let (mut parts, stage) = (Parts::default(), StageProgress::new("M1").workers(1, 0, 1));
        parts.add("sql".to_owned(), UNIX_EPOCH).unwrap();
        let change = PartChange::Progress(vec![stage.percent(50)]);
        let report = parts.change(1, change, UNIX_EPOCH).unwrap().unwrap();
        let told = line(OutputContent::Part(Box::new(report)));
        assert_eq!(told, "12:34:56.789  part     \"sql\" RUNNING M1:1/0/1[50%]");
    }

    #[test]
    fn each_kind_of_output_is_one_line_with_its_time() {
        let log = LogLine::new(LogLevel::Warning, "gradient clipped");
        assert_eq!(line(log), "12:34:56.789  warning  gradient clipped");
        let bar = Progress::counts(15, 20).key("epochs").title("training");
        assert_eq!(line(bar), "12:34:56.789  progress  75 % training (15/20) [epochs]");
        let plot = line(Plot::new().key("loss"));
        assert_eq!(plot, "12:34:56.789  shown    plot \"loss\": replace");
    }

    #[test]
    fn a_line_of_the_log_pretends_to_be_no_other_and_steers_no_terminal() {
        let forged = "a\n12:34:56.789  state    ended COMPLETED\r\n\u{1b}[2J\u{202e}b\n";
        let log = line(LogLine::new(LogLevel::Info, forged));
        let lines: Vec<_> = log.split('\n').collect();
        assert_eq!(lines[0], "12:34:56.789  info     a");
        let margin = " ".repeat(MARGIN);
        assert_eq!(lines[1], format!("{margin}12:34:56.789  state    ended COMPLETED\\u{{d}}"));
        assert_eq!(lines[2], format!("{margin}\\u{{1b}}[2J\\u{{202e}}b"));
    }

    #[test]
    fn the_text_begins_at_the_margin() {
        assert_eq!(line(LogLine::new(LogLevel::Critical, "x")).find('x'), Some(MARGIN));
    }
}
