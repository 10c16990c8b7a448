//! What the crates of the facade make public, read from their sources.

use std::fs;

use super::{root, sources};

/// What stands at the left edge of a file, up to the brace that closes it.
struct Block {
    head: String,
    body: String,
}

/// What the facade's crates make public.
pub(super) struct Items {
    blocks: Vec<Block>,
    exports: String,
}

impl Items {
    pub(super) fn read() -> Self {
        let rooms = ["common/src", "master/src", "slave/src"].map(|room| root().join(room));
        let exports = rooms.iter().map(|room| fs::read_to_string(room.join("lib.rs")).unwrap());
        let exports = exports.collect();
        let texts = rooms.iter().flat_map(|room| sources(room));
        Self { blocks: texts.flat_map(|text| blocks(&text)).collect(), exports }
    }

    /// `Type`, `function` or `Type::member`.
    pub(super) fn has(&self, item: &str) -> bool {
        let (owner, member) = item.split_once("::").unwrap_or((item, ""));
        let kinds =
            ["struct", "enum", "trait", "fn", "async fn"].map(|kind| format!("pub {kind} "));
        let mut heads = self.blocks.iter().map(|block| &block.head);
        let is_defined = heads.any(|head| kinds.iter().any(|kind| has_after(head, kind, owner)));
        let is_member = || self.blocks.iter().any(|block| self.declares(block, owner, member));
        has_after(&self.exports, "", owner) && is_defined && (member.is_empty() || is_member())
    }

    /// Whether a block is of the owner and declares a public method, a field or a variant of it.
    fn declares(&self, block: &Block, owner: &str, member: &str) -> bool {
        let Block { head, body } = block;
        if head.starts_with("impl") {
            return has_after(head, "", owner) && self.has_method(body, member);
        }
        let variant = |after: &str| body.contains(&format!("\n    {member}{after}"));
        has_after(head, "pub struct ", owner) && body.contains(&format!("\n    pub {member}: "))
            || has_after(head, "pub enum ", owner)
                && [",", " {", "(", " = "].into_iter().any(variant)
    }

    /// Looks into the macros that stand in the body, too: some write the methods of several types.
    fn has_method(&self, body: &str, member: &str) -> bool {
        let kinds = ["pub fn ", "pub const fn ", "pub async fn "];
        let is_called = |name: &str| body.contains(&format!("    {name}!"));
        let mut macros = self.blocks.iter().filter_map(|block| {
            let name = block.head.strip_prefix("macro_rules! ")?.trim();
            is_called(name).then_some(&block.body)
        });
        kinds.iter().any(|kind| has_after(body, kind, member))
            || macros.any(|body| self.has_method(body, member))
    }
}

fn blocks(text: &str) -> Vec<Block> {
    let (mut blocks, mut open): (Vec<Block>, _) = (Vec::new(), String::new());
    for line in text.lines() {
        let is_outside = open.is_empty() && (line.is_empty() || line.starts_with(['/', '#', ' ']));
        if is_outside {
            continue;
        }
        open.push_str(line);
        open.push('\n');
        let ends =
            line.starts_with(['}', ')']) || !line.starts_with(' ') && line.ends_with([';', '}']);
        if ends {
            let (head, body) = open.split_at(open.find('{').unwrap_or(open.len()));
            blocks.push(Block { head: head.to_owned(), body: body.to_owned() });
            open.clear();
        }
    }
    blocks
}

/// Whether a whole word stands in a text, right after other words.
fn has_after(text: &str, before: &str, word: &str) -> bool {
    let sought = format!("{before}{word}");
    let is_letter = |letter: char| letter.is_alphanumeric() || letter == '_';
    text.match_indices(&sought).any(|(at, _)| {
        !text[..at].ends_with(is_letter) && !text[at + sought.len()..].starts_with(is_letter)
    })
}
