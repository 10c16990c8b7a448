//! Events as the bytes that leave: each was encoded once, for however many readers.

use bytes::{Buf, BufMut};
use prost::encoding::{DecodeContext, WireType, encode_varint, skip_field};
use prost::{DecodeError, Message};
use selsyn_common::proto;

/// The byte that each event of a `WatchReply` begins with: its field 1, with a length.
const FIELD: u8 = 0x0a;

/// The events of one `WatchReply`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct EventBytes(Vec<u8>);

impl EventBytes {
    /// Writes an event as it stands in a reply.
    pub(super) fn write(event: &proto::Event, into: &mut Vec<u8>) {
        into.push(FIELD);
        encode_varint(event.encoded_len() as u64, into);
        event.encode_raw(into);
    }

    /// Adds an event.
    pub(super) fn push(&mut self, event: &proto::Event) {
        Self::write(event, &mut self.0);
    }

    /// Adds events that were written before.
    pub(super) fn extend(&mut self, events: &[u8]) {
        self.0.extend_from_slice(events);
    }

    /// Whether there is none.
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// It only leaves: nobody sends events to a slave.
impl Message for EventBytes {
    fn encode_raw(&self, buf: &mut impl BufMut) {
        buf.put_slice(&self.0);
    }

    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buf: &mut impl Buf,
        context: DecodeContext,
    ) -> Result<(), DecodeError> {
        skip_field(wire_type, tag, buf, context)
    }

    fn encoded_len(&self) -> usize {
        self.0.len()
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}
