//! Common frames that came together, each read where it lies when its turn comes.

use std::marker::PhantomData;
use std::ops::Range;

use bytes::Bytes;

use super::shape::{self, HEAD};
use super::{Quick, verdict};
use crate::link::batch::{FIELD, MAX_BATCH_FRAMES};
use crate::proto::{ExecutionId, FromSlave};

/// Common frames that came together: not made into frames, as that costs more than to deal with
/// them does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series<F> {
    /// All of them were looked at, and are common.
    fields: Bytes,
    /// Where the next one begins.
    at: usize,
    left: usize,
    kind: PhantomData<F>,
}

impl<F> Default for Series<F> {
    fn default() -> Self {
        Self { fields: Bytes::new(), at: 0, left: 0, kind: PhantomData }
    }
}

impl<F: Quick> Series<F> {
    /// Takes the common frames off the front of a batch; no more than one may hold.
    pub(in crate::link) fn take(batch: &mut Bytes) -> Self {
        let (mut until, mut left) = (0, 0);
        while left < MAX_BATCH_FRAMES
            && let Some(field) = field(batch, until).filter(|field| F::is_common(field))
        {
            until += field.len();
            left += 1;
        }
        Self { fields: batch.split_to(until), left, ..Self::default() }
    }
}

impl<F> Series<F> {
    /// How many there are.
    pub const fn len(&self) -> usize {
        self.left
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.left == 0
    }

    /// Leaves the first ones out.
    pub(in crate::link) fn drop_first(&mut self, known: usize) {
        for _ in 0..known {
            self.next_field();
        }
    }

    /// Where the next one is.
    #[inline(always)]
    fn next_field(&mut self) -> Option<Range<usize>> {
        let begin = self.at;
        self.at += field(&self.fields, begin)?.len();
        self.left -= 1;
        Some(begin..self.at)
    }
}

/// What they say, one by one.
impl<F: Quick> Iterator for Series<F> {
    type Item = F::Common;

    #[inline(always)]
    fn next(&mut self) -> Option<F::Common> {
        let field = self.next_field()?;
        F::read_common(self.fields.get(field)?, &self.fields)
    }
}

impl Series<FromSlave> {
    /// The runs that these verdicts are of.
    pub fn executions(&self) -> impl Iterator<Item = ExecutionId> {
        let mut at = self.at;
        std::iter::from_fn(move || {
            let field = field(&self.fields, at)?;
            at += field.len();
            verdict::execution(field)
        })
    }
}

/// The field of a frame that begins here, if its length takes two bytes, as that of a common frame
/// does.
#[inline(always)]
fn field(fields: &[u8], at: usize) -> Option<&[u8]> {
    let rest = fields.get(at..)?;
    let head = rest.first_chunk::<HEAD>()?;
    if head[0] != FIELD {
        return None;
    }
    rest.get(..HEAD + shape::length(head, 0))
}
