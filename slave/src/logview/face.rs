//! The page as text for terminals and as HTML for browsers; both hold the same lines.

use std::fmt::Write;

use super::line::{Line, harmless};

/// What a browser may do with the page: show it, in colours of ours. Nothing is fetched, nothing
/// runs, no other page holds it in a frame.
const POLICY: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'; sandbox; style-src 'nonce-";

const STYLE: &str = "body{margin:1rem;font:14px/1.45 ui-monospace,monospace}\
    h1{font-size:1rem}pre{white-space:pre-wrap;overflow-wrap:anywhere}\
    .state,.progress{font-weight:bold}.warning,.gap{color:#b06000}.error,.critical{color:#d03030}\
    .verbose,.debug{opacity:.7}";

/// How the page is written.
#[derive(Clone, Debug)]
pub(crate) enum Face {
    /// For `curl -N` and its like.
    Text,
    /// For browsers, which need no script for it. The nonce names the page's own style.
    Html { nonce: String },
}

impl Face {
    pub(crate) const fn content_type(&self) -> &'static str {
        match self {
            Self::Text => "text/plain; charset=utf-8",
            Self::Html { .. } => "text/html; charset=utf-8",
        }
    }

    /// The header `content-security-policy`.
    pub(crate) fn policy(&self) -> String {
        match self {
            Self::Text => "default-src 'none'; frame-ancestors 'none'; sandbox".to_owned(),
            Self::Html { nonce } => format!("{POLICY}{nonce}'"),
        }
    }

    /// How the page begins.
    pub(crate) fn head(&self, title: &str) -> String {
        let title = harmless(title);
        match self {
            Self::Text => format!("{title}\n\n"),
            Self::Html { nonce } => {
                let title = escaped(&title);
                format!(
                    "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
                     <meta name=\"viewport\" content=\"width=device-width\">\
                     <meta name=\"color-scheme\" content=\"light dark\"><title>{title}</title>\
                     <style nonce=\"{nonce}\">{STYLE}</style><h1>{title}</h1><pre>\n"
                )
            }
        }
    }

    /// One more line. What a function says is HTML is shown as it is written: no reader's browser
    /// has to trust a filter, and nothing but the text is lost.
    pub(super) fn line(&self, line: &Line, into: &mut String) {
        let Line { kind, text } = line;
        // Writing to a String cannot fail.
        let _ = match self {
            Self::Text => writeln!(into, "{text}"),
            Self::Html { .. } => writeln!(into, "<span class=\"{kind}\">{}</span>", escaped(text)),
        };
    }

    /// How the page ends.
    pub(super) const fn tail(&self) -> &'static str {
        match self {
            Self::Text => "",
            Self::Html { .. } => "</pre></html>\n",
        }
    }
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn what_a_function_writes_is_text_in_a_browser_whatever_it_is() {
        let face = Face::Html { nonce: "7".to_owned() };
        let evil = "</pre><script>alert('1')</script><img src=x onerror=\"a&b\">";
        let line = Line::new(UNIX_EPOCH, "info".to_owned(), evil);
        let mut page = face.head(evil);
        face.line(&line, &mut page);
        let ours = page.replace("<style nonce=\"7\">", "").replace("<span class=\"info\">", "");
        assert!(!ours.contains("<script") && !ours.contains("<img"), "{ours}");
        assert!(page.ends_with("onerror=&quot;a&amp;b&quot;&gt;</span>\n"), "{page}");
        assert!(page.contains("alert(&#39;1&#39;)") && page.matches("</pre>").count() == 0);
    }
}
