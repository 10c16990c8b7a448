//! Which executions stand on one page of a list, and where the next page begins.
//!
//! Newest first: what comes while somebody turns the pages stands before the first one, and
//! changes no page after it.

use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use selsyn_common::{ExecutionId, proto};

use crate::records::Record;

/// The place of an execution in a list: when it came, and its id.
pub(super) type Place = (u64, ExecutionId);

/// Bytes of a token: a time, an id, an attempt.
const TOKEN: usize = 8 + 16 + 4;

/// The place of an execution.
pub(super) fn place(record: &Record) -> Place {
    (record.state().came(), record.id)
}

/// Says where a page ended.
pub(super) fn token((came, id): Place) -> Bytes {
    let mut token = BytesMut::with_capacity(TOKEN);
    token.put_u64(came);
    let id = proto::ExecutionId::from(id);
    token.put_u64(id.task_high);
    token.put_u64(id.task_low);
    token.put_u32(id.attempt);
    token.freeze()
}

/// Reads where a page ended; `None` when it is no such thing.
pub(super) fn read(mut token: &[u8]) -> Option<Place> {
    if token.len() != TOKEN {
        return None;
    }
    let came = token.get_u64();
    let (task_high, task_low, attempt) = (token.get_u64(), token.get_u64(), token.get_u32());
    Some((came, proto::ExecutionId { task_high, task_low, attempt }.into()))
}

/// The newest so many of what was found, newest first; and the place of the last of them when
/// there are more.
pub(super) fn cut(
    mut found: Vec<(Place, Arc<Record>)>,
    size: usize,
) -> (Vec<Arc<Record>>, Option<Place>) {
    let newest_first = |one: &(Place, _), other: &(Place, _)| other.0.cmp(&one.0);
    let more = found.len() > size;
    if more {
        found.select_nth_unstable_by(size, newest_first);
        found.truncate(size);
    }
    found.sort_unstable_by(newest_first);
    let last = found.last().map(|(place, _)| *place).filter(|_| more);
    (found.into_iter().map(|(_, record)| record).collect(), last)
}

#[cfg(test)]
mod tests {
    use selsyn_common::TaskId;

    use super::*;

    #[test]
    fn a_token_says_where_a_page_ended_and_nothing_else_is_one() {
        let id = ExecutionId { task: TaskId::from_random([7; 16]), attempt: 3 };
        assert_eq!(read(&token((42, id))), Some((42, id)));
        for token in [&[][..], &[1; TOKEN - 1], &[1; TOKEN + 1]] {
            assert_eq!(read(token), None);
        }
    }
}
