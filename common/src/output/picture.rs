//! What a reader sees of an execution: its outputs, folded by key and verb.

mod fold;
mod weight;

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::{LogLine, Output, OutputContent};
use crate::Parts;
use fold::{fold, whole};
pub(super) use weight::weigh;

/// What a reader sees of an execution: its outputs, folded by their keys and verbs.
///
/// Every reader has the same picture, whether it was there from the beginning, came late and was
/// given a [`Snapshot`], or reads what is stored: the order of the outputs is all that counts. Outputs it
/// has seen already change nothing, so a reader may begin again a little before where it was.
///
/// It is bounded: beyond [`Picture::MAX_ENTRIES`] or [`Picture::MAX_BYTES`] what has no key goes
/// first, then what has one, each the oldest first, and is counted.
///
/// ```
/// use selsyn_common::{Output, OutputContent, Picture, Plot, Trace, Verb};
///
/// let piece = |verb, x: i32| Plot::new().key("loss").verb(verb).trace(Trace::new().x([x]));
/// let mut picture = Picture::new();
/// picture.apply(Output { seq: 1, content: piece(Verb::Replace, 1).into() });
/// picture.apply(Output { seq: 2, content: piece(Verb::Append, 2).into() });
/// let Some(OutputContent::Plot(plot)) = picture.get("loss") else { panic!("it was shown") };
/// assert_eq!(plot.traces[0].attributes()["x"], serde_json::json!([1, 2]));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    unkeyed: VecDeque<Entry>,
    /// By the place of the output that showed it first.
    keyed: BTreeMap<u64, Entry>,
    places: HashMap<String, u64>,
    parts: Parts,
    bytes: usize,
    seq: u64,
    missed: u64,
    dropped: u64,
    max_entries: usize,
    max_bytes: usize,
}

/// One thing in the picture.
#[derive(Clone, Debug, PartialEq)]
struct Entry {
    /// The place of the output that showed it first.
    place: u64,
    content: OutputContent,
    /// About the bytes it takes.
    bytes: usize,
}

/// A picture as outputs: whoever comes late begins with it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// The last output that is in it.
    pub seq: u64,
    /// Outputs that were lost before they were folded.
    pub missed: u64,
    /// Things that the picture had no room for.
    pub dropped: u64,
    /// Everything in the picture, whole, each at the place where it was shown first.
    pub outputs: Vec<Output>,
    /// Its parts.
    pub parts: Parts,
}

impl Default for Picture {
    fn default() -> Self {
        Self::with_limits(Self::MAX_ENTRIES, Self::MAX_BYTES)
    }
}

impl Picture {
    /// Most things in a picture: 10,000, most of which are lines of a log. A page shows no more.
    pub const MAX_ENTRIES: usize = 10_000;

    /// Most bytes in a picture, about: 64 MiB, as much as an execution's record keeps.
    pub const MAX_BYTES: usize = 64 * 1024 * 1024;

    /// An empty picture.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty picture with other limits. Readers with different limits may see different things.
    pub fn with_limits(max_entries: usize, max_bytes: usize) -> Self {
        Self {
            unkeyed: VecDeque::new(),
            keyed: BTreeMap::new(),
            places: HashMap::new(),
            parts: Parts::default(),
            bytes: 0,
            seq: 0,
            missed: 0,
            dropped: 0,
            max_entries,
            max_bytes,
        }
    }

    /// Folds an output into the picture. One that is in it already changes nothing.
    pub fn apply(&mut self, output: Output) {
        let Output { seq, content } = output;
        let Some(ahead) = seq.checked_sub(self.seq.saturating_add(1)) else { return };
        self.missed += ahead;
        self.seq = seq;
        if let OutputContent::Part(part) = content {
            return self.parts.apply(*part);
        }
        let known = content.key().and_then(|key| self.places.get(key)).copied();
        match known.and_then(|place| self.keyed.get_mut(&place)) {
            Some(entry) => {
                self.bytes -= entry.bytes;
                fold(&mut entry.content, content, &mut entry.bytes);
                self.bytes += entry.bytes;
            }
            None => self.add(seq, content),
        }
        self.make_room();
    }

    /// Begins anew with what somebody else has folded.
    pub fn restore(&mut self, snapshot: Snapshot) {
        let empty = Self::with_limits(self.max_entries, self.max_bytes);
        *self = Self { parts: snapshot.parts, ..empty };
        for Output { seq, content } in snapshot.outputs {
            match content {
                OutputContent::Part(part) => self.parts.apply(*part),
                content => self.add(seq, content),
            }
        }
        (self.seq, self.missed) = (snapshot.seq, snapshot.missed);
        self.dropped = snapshot.dropped;
        self.make_room();
    }

    /// The picture as outputs, for whoever comes late.
    pub fn snapshot(&self) -> Snapshot {
        let output = |entry: &Entry| Output { seq: entry.place, content: entry.content.clone() };
        let outputs = self.entries().map(output).collect();
        let (parts, Self { seq, missed, dropped, .. }) = (self.parts.clone(), self);
        Snapshot { seq: *seq, missed: *missed, dropped: *dropped, outputs, parts }
    }

    /// Everything in it, each thing whole, in the order in which it was shown first.
    pub fn iter(&self) -> impl Iterator<Item = &OutputContent> {
        self.entries().map(|entry| &entry.content)
    }

    /// The thing of this key.
    pub fn get(&self, key: &str) -> Option<&OutputContent> {
        let place = self.places.get(key)?;
        self.keyed.get(place).map(|entry| &entry.content)
    }

    /// The lines of the log, in the order in which they were shown first.
    pub fn log(&self) -> impl Iterator<Item = &LogLine> {
        self.iter().filter_map(|content| match content {
            OutputContent::Log(line) => Some(line),
            _ => None,
        })
    }

    /// The parts that were reported. They have bounds of their own, and none is dropped for a line.
    pub const fn parts(&self) -> &Parts {
        &self.parts
    }

    /// The last output that was folded; 0 before the first.
    pub const fn seq(&self) -> u64 {
        self.seq
    }

    /// Outputs that never came. The picture may be wrong until what they were about is replaced,
    /// or until it is [restored](Self::restore).
    pub const fn missed(&self) -> u64 {
        self.missed
    }

    /// Things that there was no room for any more.
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    fn add(&mut self, place: u64, content: OutputContent) {
        let content = whole(content);
        let bytes = weigh(&content);
        self.bytes += bytes;
        let key = content.key().map(str::to_owned);
        let entry = Entry { place, content, bytes };
        match key {
            None => self.unkeyed.push_back(entry),
            Some(key) => {
                // A snapshot of a stranger may name a key or a place twice: the later one counts.
                let earlier = self.places.insert(key, place);
                let earlier = earlier.and_then(|place| self.keyed.remove(&place));
                let covered = self.keyed.insert(place, entry);
                let gone = earlier.into_iter().chain(covered);
                self.bytes -= gone.map(|entry| entry.bytes).sum::<usize>();
            }
        }
    }

    fn make_room(&mut self) {
        while self.len() > self.max_entries || self.bytes > self.max_bytes {
            let oldest = self.unkeyed.pop_front();
            let Some(entry) = oldest.or_else(|| Some(self.keyed.pop_first()?.1)) else { return };
            if let Some(key) = entry.content.key() {
                self.places.remove(key);
            }
            self.bytes -= entry.bytes;
            self.dropped += 1;
        }
    }

    fn len(&self) -> usize {
        self.unkeyed.len() + self.keyed.len()
    }

    fn entries(&self) -> impl Iterator<Item = &Entry> {
        let mut entries: Vec<_> = self.unkeyed.iter().chain(self.keyed.values()).collect();
        entries.sort_unstable_by_key(|entry| entry.place);
        entries.into_iter()
    }
}

#[cfg(test)]
mod tests;
