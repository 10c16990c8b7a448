//! The most common frames, written and read by hand.
//!
//! What is written is protobuf as any other, of a fixed shape, and whatever is not common
//! or not of that shape is left to generated code: a start with small data, a run that completed
//! with a small value, results that were taken. Generated code costs several times as much, most of
//! it in lengths that are computed at every level and in fields that are read byte by byte.

mod series;
mod shape;
mod start;
mod tags;
mod taken;
mod verdict;

use bytes::Bytes;

use super::Lane;
use super::batch::FIELD;
use crate::proto::{FromMaster, FromSlave, from_master, from_slave};

pub use series::Series;
pub use start::ShortStart;
pub use taken::Taken;
pub use verdict::ShortVerdict;

/// Largest payload of a frame that is written here: what is left of a length of two bytes is room
/// for what is around it, and a larger payload costs more than its frame.
const MAX_PAYLOAD: usize = 4 * 1024;

/// A frame that may have a short way.
pub trait Quick: Sized {
    /// What a common frame says, read from where it lies.
    type Common;

    /// Writes the frame as a field of its batch if it is a common one; false, and nothing is
    /// written, if it is not.
    fn write_field(&self, out: &mut Vec<u8>) -> bool;

    /// Whether a field of a batch is a common frame, well-formed and of its shape. A common frame
    /// is numbered, whole, and no part.
    fn is_common(field: &[u8]) -> bool;

    /// Reads a field that [is common](Self::is_common), and lies in `whole`.
    fn read_common(field: &[u8], whole: &Bytes) -> Option<Self::Common>;

    /// The frame that says so.
    fn of_common(common: Self::Common) -> Self;
}

/// A common frame of a master.
#[derive(Debug)]
pub enum CommonOfMaster {
    /// A start.
    Start(ShortStart<Bytes>),
    /// Results that were taken.
    Taken(Taken),
}

/// What a common frame says, from where it is kept: written without making a frame of it first.
pub trait Short<F> {
    /// The lane of the frame, which is numbered.
    const LANE: Lane;

    /// Whether it is common in all of its fields.
    fn fits(&self) -> bool;

    /// Whether it names a time that is left.
    fn has_deadline(&self) -> bool;

    /// Writes it as a field of its batch; it must fit.
    fn write(&self, out: &mut Vec<u8>);

    /// The frame.
    fn to_frame(&self) -> F;
}

fn write_short<F>(short: &impl Short<F>, out: &mut Vec<u8>) -> bool {
    let fits = short.fits();
    if fits {
        short.write(out);
    }
    fits
}

impl Quick for FromMaster {
    type Common = CommonOfMaster;

    fn write_field(&self, out: &mut Vec<u8>) -> bool {
        match &self.frame {
            Some(from_master::Frame::Start(start)) => {
                ShortStart::of(start).is_some_and(|short| write_short(&short, out))
            }
            Some(from_master::Frame::ResultsTaken(taken)) => taken::write(taken, out),
            _ => false,
        }
    }

    #[inline(always)]
    fn is_common(field: &[u8]) -> bool {
        start::is_common(field) || taken::is_common(field)
    }

    #[inline(always)]
    fn read_common(field: &[u8], whole: &Bytes) -> Option<CommonOfMaster> {
        if taken::is_tagged(field) {
            return taken::read(field, whole).map(CommonOfMaster::Taken);
        }
        start::read(field, whole).map(CommonOfMaster::Start)
    }

    fn of_common(common: CommonOfMaster) -> Self {
        match common {
            CommonOfMaster::Start(start) => start.to_frame(),
            CommonOfMaster::Taken(taken) => taken.into_frame(),
        }
    }
}

impl Quick for FromSlave {
    type Common = ShortVerdict<Bytes>;

    fn write_field(&self, out: &mut Vec<u8>) -> bool {
        let Some(from_slave::Frame::Finished(finished)) = &self.frame else { return false };
        ShortVerdict::of(finished).is_some_and(|short| write_short(&short, out))
    }

    #[inline(always)]
    fn is_common(field: &[u8]) -> bool {
        verdict::is_common(field)
    }

    #[inline(always)]
    fn read_common(field: &[u8], whole: &Bytes) -> Option<ShortVerdict<Bytes>> {
        verdict::read(field, whole)
    }

    fn of_common(verdict: ShortVerdict<Bytes>) -> Self {
        verdict.to_frame()
    }
}

#[cfg(test)]
mod tests;
