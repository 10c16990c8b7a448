//! One place in a container, and what stands there.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One place in a container: what stands there is looked for by its query, and may come later.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ContainerItem {
    /// The tab's title, the name of the grid's area, or the path of the anchor.
    pub title: String,
    /// The text that stands there until there is something to show; default empty.
    #[serde(default)]
    pub placeholder: String,
    /// Whether the placeholder is HTML; default false.
    #[serde(default)]
    pub html: bool,
    /// What stands there.
    pub query: ItemQuery,
}

/// What stands at a place in a container.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ItemQuery {
    /// The output with this key.
    Message {
        /// The key.
        key: String,
        /// Data for the function, to be sent as its input when nothing has this key yet.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signal: Option<Value>,
    },
    /// What a web server answers to the reader.
    Http {
        /// The method, as `GET`.
        method: String,
        /// Where to.
        url: String,
        /// Headers by their names.
        #[serde(default)]
        headers: BTreeMap<String, String>,
        /// What is sent along.
        #[serde(default)]
        body: Value,
        /// What of the answer is shown.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        picker: Option<Value>,
    },
    /// What lies in the object storage.
    ObjectStorage {
        /// Its hash.
        hash: String,
    },
}

impl ContainerItem {
    /// A place for the output with this key.
    pub fn message(title: impl Into<String>, key: impl Into<String>) -> Self {
        Self::new(title, ItemQuery::Message { key: key.into(), signal: None })
    }

    /// A place for what the query finds.
    pub fn new(title: impl Into<String>, query: ItemQuery) -> Self {
        Self { title: title.into(), placeholder: String::new(), html: false, query }
    }

    /// The text that stands there until there is something to show.
    #[must_use]
    pub fn placeholder(mut self, text: impl Into<String>) -> Self {
        self.placeholder = text.into();
        self
    }

    /// Says that the placeholder is HTML.
    #[must_use]
    pub const fn html(mut self) -> Self {
        self.html = true;
        self
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_three_queries_are_cloudpsss() {
        let item = json!({
            "title": "item1", "placeholder": "Data loading", "html": false,
            "query": {"type": "message", "key": "item-1"},
        });
        let built = ContainerItem::message("item1", "item-1").placeholder("Data loading");
        assert_eq!(serde_json::to_value(&built).unwrap(), item);
        assert_eq!(serde_json::from_value::<ContainerItem>(item).unwrap(), built);
        for query in [
            json!({"type": "http", "method": "GET", "url": "u", "headers": {"a": "b"}, "body": null}),
            json!({"type": "object-storage", "hash": "h"}),
            json!({"type": "message", "key": "k", "signal": {"open": true}}),
        ] {
            let read = serde_json::from_value::<ItemQuery>(query.clone()).unwrap();
            assert_eq!(serde_json::to_value(read).unwrap(), query);
        }
    }
}
