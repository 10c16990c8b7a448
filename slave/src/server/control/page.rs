//! Which executions stand on one page of a list, and where the next page begins.
//!
//! Newest first: what comes while somebody turns the pages stands before the first one, and
//! changes no page after it.

use std::collections::BTreeSet;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use prost::Message;
use selsyn_common::wire::WireId;
use selsyn_common::{BootId, ExecutionId, proto};

/// The place of an execution in a list: when it came, and its id.
pub(super) type Place = (u64, ExecutionId);

/// Bytes of a token: a boot, a time, an id, an attempt.
const TOKEN: usize = 16 + 8 + 16 + 4;

/// Says where a page ended. A time means something in one boot of the slave, so it names that.
pub(super) fn token(boot: BootId, (came, id): Place) -> Bytes {
    let mut token = BytesMut::with_capacity(TOKEN);
    token.put(boot.to_wire());
    token.put_u64(came);
    let id = proto::ExecutionId::from(id);
    token.put_u64(id.task_high);
    token.put_u64(id.task_low);
    token.put_u32(id.attempt);
    token.freeze()
}

/// Reads where a page ended.
///
/// # Errors
///
/// What is wrong with the token: it is none, or another boot gave it.
pub(super) fn read(boot: BootId, token: &[u8]) -> Result<Place, &'static str> {
    let Some((of, mut token)) = token.split_at_checked(16).filter(|_| token.len() == TOKEN) else {
        return Err("is none that was given");
    };
    if of != boot.to_wire() {
        return Err("is of another boot of the slave: begin with the first page");
    }
    let came = token.get_u64();
    let (task_high, task_low, attempt) = (token.get_u64(), token.get_u64(), token.get_u32());
    Ok((came, proto::ExecutionId { task_high, task_low, attempt }.into()))
}

/// The newest of those that are offered: as many as a page may have, and no more than their places, so
/// that a list of a million holds as little as its page.
#[derive(Debug)]
pub(super) struct Newest {
    size: usize,
    places: BTreeSet<Place>,
    /// Older ones were offered too.
    is_more: bool,
}

impl Newest {
    /// Nothing yet, and never more than so many: one or more.
    pub(super) const fn new(size: usize) -> Self {
        Self { size, places: BTreeSet::new(), is_more: false }
    }

    pub(super) fn offer(&mut self, place: Place) {
        let is_full = self.places.len() == self.size;
        if is_full && self.places.first().is_some_and(|oldest| place < *oldest) {
            self.is_more = true;
            return;
        }
        self.places.insert(place);
        if self.places.len() > self.size {
            self.places.pop_first();
            self.is_more = true;
        }
    }

    /// What is told of them, newest first, as far as one answer has room for it; and the place at
    /// which it ended, when there are more. Of those that have gone or changed meanwhile nothing is
    /// told.
    pub(super) fn tell<M: Message>(
        self,
        tell: impl Fn(Place) -> Option<M>,
    ) -> (Vec<M>, Option<Place>) {
        let mut newest_first = self.places.into_iter().rev().peekable();
        let (mut told, mut room) = (Vec::new(), Room::default());
        while let Some(place) = newest_first.next() {
            told.extend(tell(place).inspect(|message| room.take(message)));
            let is_oldest = newest_first.peek().is_none();
            let ends = if is_oldest { self.is_more } else { room.is_full() };
            if ends {
                return (told, Some(place));
            }
        }
        (told, None)
    }
}

/// Bytes after which an answer takes no more: every reader's limit has room for one more.
const ANSWER_BYTES: usize = 2 * 1024 * 1024;

/// How much more an answer has room for.
#[derive(Debug, Default)]
pub(super) struct Room {
    taken: usize,
}

impl Room {
    /// Counts what goes into the answer.
    pub(super) fn take(&mut self, message: &impl Message) {
        self.taken += message.encoded_len();
    }

    /// Whether what comes next belongs to another answer.
    pub(super) const fn is_full(&self) -> bool {
        self.taken > ANSWER_BYTES
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use selsyn_common::TaskId;

    use super::*;

    fn place(came: u64) -> Place {
        (came, ExecutionId::first(TaskId::from_random([7; 16])))
    }

    proptest! {
        #[test]
        fn a_page_holds_the_newest_in_order_and_never_more_than_it_shows(
            times in prop::collection::hash_set(0_u64..1_000, 0..100), size in 1_usize..20,
        ) {
            let mut newest = Newest::new(size);
            for came in &times {
                newest.offer(place(*came));
                prop_assert!(newest.places.len() <= size);
            }
            let mut expected: Vec<_> = times.iter().copied().collect();
            expected.sort_unstable_by(|one, other| other.cmp(one));
            expected.truncate(size);
            let shown: Vec<_> = newest.places.iter().rev().map(|place| place.0).collect();
            prop_assert_eq!(&shown, &expected);
            let (told, last) = newest.tell(|_| Some(Bytes::new()));
            prop_assert_eq!(told.len(), expected.len());
            let more = expected.last().filter(|_| times.len() > size).copied();
            prop_assert_eq!(last, more.map(place));
        }
    }

    #[test]
    fn a_page_ends_where_an_answer_is_full_and_the_next_one_goes_on_there() {
        let mut newest = Newest::new(100);
        (1..=4).for_each(|came| newest.offer(place(came)));
        let (told, last) = newest.tell(|_| Some(Bytes::from(vec![0; ANSWER_BYTES / 2])));
        assert_eq!((told.len(), last), (2, Some(place(3))));
        let mut rest = Newest::new(100);
        (1..=2).for_each(|came| rest.offer(place(came)));
        let (told, last) = rest.tell(|_| Some(Bytes::from(vec![0; ANSWER_BYTES * 2])));
        assert_eq!((told.len(), last), (1, Some(place(2))), "one at least");
    }

    #[test]
    fn one_that_has_gone_meanwhile_is_left_out_and_ends_nothing() {
        let mut newest = Newest::new(1);
        (1..=2).for_each(|came| newest.offer(place(came)));
        let (told, last) = newest.tell(|_| None::<Bytes>);
        assert_eq!((told, last), (Vec::new(), Some(place(2))));
    }

    #[test]
    fn a_token_says_where_a_page_of_this_boot_ended_and_nothing_else_is_one() {
        let id = ExecutionId { task: TaskId::from_random([7; 16]), attempt: 3 };
        let [boot, other] = [1, 2].map(|n| BootId::from_random([n; 16]));
        let token = token(boot, (42, id));
        assert_eq!(read(boot, &token), Ok((42, id)));
        assert!(read(other, &token).unwrap_err().contains("another boot"));
        for token in [&[][..], &token[1..], &[&token[..], &[1]].concat()] {
            assert_eq!(read(boot, token), Err("is none that was given"));
        }
    }
}
