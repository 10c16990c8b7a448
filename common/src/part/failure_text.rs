//! What the text of a failure says, as PyODPS reads it.

use serde_json::Value;

/// What the text of a failure says. The text itself is kept as it was.
///
/// ```
/// use selsyn_common::{FailureText, FailureTextKind};
///
/// let text = "ODPS-0123055:Script exception - ValueError: unsupported pickle protocol: 3";
/// let failure = FailureText::parse(text);
/// assert_eq!(failure.kind, FailureTextKind::Script);
/// assert_eq!(failure.code.as_deref(), Some("ODPS-0123055"));
/// assert_eq!(failure.message, "Script exception - ValueError: unsupported pickle protocol: 3");
/// assert_eq!(failure.text, text);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FailureText {
    /// What kind of failure, by its code.
    pub kind: FailureTextKind,
    /// Its code, as `ODPS-0123055`, if it has one.
    pub code: Option<String>,
    /// What it says beside the code.
    pub message: String,
    /// The whole text.
    pub text: String,
}

/// What kind of failure a text tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailureTextKind {
    /// User code has failed: `ODPS-0123055` (PyODPS: `ScriptError`).
    Script,
    /// A table is not there: `ODPS-0130131` (PyODPS: `NoSuchTable`).
    NoSuchTable,
    /// It has another code.
    Coded,
    /// It has no code (PyODPS: `ODPSError`).
    Generic,
}

impl FailureText {
    /// Reads a text: plain, or structured as JSON `{"Code": .., "Message": ..}` or XML
    /// `<Error><Code>..</Code><Message>..</Message></Error>`. Every text can be read; one without a
    /// code is generic.
    pub fn parse(text: &str) -> Self {
        let (outer, inner) = from_json(text).or_else(|| from_xml(text)).unwrap_or_default();
        let message = if inner.is_empty() { text } else { &inner };
        // What is inside is nearer to the cause than the code around it.
        let (code, message) = match split_code(message) {
            Some((code, message)) => (Some(code.to_owned()), message),
            None => (Some(outer).filter(|code| !code.is_empty()), message),
        };
        let kind = match code.as_deref() {
            Some("ODPS-0123055") => FailureTextKind::Script,
            Some("ODPS-0130131") => FailureTextKind::NoSuchTable,
            Some(_) => FailureTextKind::Coded,
            None => FailureTextKind::Generic,
        };
        Self { kind, code, message: message.to_owned(), text: text.to_owned() }
    }
}

/// The code that a text begins with, and what follows it.
fn split_code(text: &str) -> Option<(&str, &str)> {
    let text = text.trim();
    let (code, message) = text.split_once(':').unwrap_or((text, ""));
    let code = code.trim_end();
    let number = code.strip_prefix("ODPS-")?;
    let is_code = number.len() == 7 && number.bytes().all(|byte| byte.is_ascii_digit());
    is_code.then(|| (code, message.trim_start()))
}

/// The code and the message of a JSON object.
fn from_json(text: &str) -> Option<(String, String)> {
    let Ok(Value::Object(map)) = serde_json::from_str(text) else { return None };
    let named = |name: &str| {
        let found = map.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.and_then(|(_, value)| value.as_str()).map(str::to_owned)
    };
    Some((named("code")?, named("message").unwrap_or_default()))
}

/// The code and the message of an XML document.
fn from_xml(text: &str) -> Option<(String, String)> {
    let element = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        let (inner, _) = rest.split_once(&format!("</{name}>"))?;
        let plain = inner.strip_prefix("<![CDATA[").and_then(|inner| inner.strip_suffix("]]>"));
        Some(plain.map_or_else(|| unescape(inner), str::to_owned))
    };
    Some((element("Code")?, element("Message").unwrap_or_default()))
}

fn unescape(text: &str) -> String {
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    text.replace("&apos;", "'").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (FailureTextKind, Option<String>, String) {
        let FailureText { kind, code, message, text: kept } = FailureText::parse(text);
        assert_eq!(kept, text);
        (kind, code, message)
    }

    #[test]
    fn structured_texts_are_read_however_they_are_written() {
        let table = "[1,16] Table not found - <t>";
        let expected = (FailureTextKind::NoSuchTable, Some("ODPS-0130131".into()), table.into());
        for text in [
            format!("ODPS-0130131:{table}"),
            format!(r#"{{"Code": "ODPS-0130131", "Message": "{table}"}}"#),
            format!("<?xml version=\"1.0\"?><Error><Code>Failed</Code><Message><![CDATA[ODPS-0130131:{table}]]></Message></Error>"),
            "<Error><Code>ODPS-0130131</Code><Message>[1,16] Table not found - &lt;t&gt;</Message></Error>".into(),
        ] {
            assert_eq!(read(&text), expected);
        }
        let other = read("ODPS-0110061: Failed to run ddltask - x");
        assert_eq!(other.0, FailureTextKind::Coded);
    }

    #[test]
    fn a_text_without_a_code_is_generic() {
        for text in [
            "502 Update replicas failed",
            "",
            "ODPS-12:x",
            "{}",
            "[1]",
            "<Code>x",
            "ODPS-01300ä1:x",
        ] {
            assert_eq!(read(text), (FailureTextKind::Generic, None, text.into()));
        }
    }
}
