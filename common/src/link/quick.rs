//! The most common frames, written and read by hand.
//!
//! What is written is protobuf as any other, of a fixed shape, and whatever is not common
//! or not of that shape is left to generated code: a start with small data, a run that completed
//! with a small value, results that were taken. Generated code costs several times as much, most of
//! it in lengths that are computed at every level and in fields that are read byte by byte.

mod shape;
mod start;
mod tags;
mod taken;
mod verdict;

use bytes::Bytes;

use super::Lane;
use super::batch::FIELD;
use crate::proto::{FromMaster, FromSlave, from_master, from_slave};

pub use start::ShortStart;
pub use verdict::ShortVerdict;

/// Largest payload of a frame that is written here: what is left of a length of two bytes is room
/// for what is around it, and a larger payload costs more than its frame.
const MAX_PAYLOAD: usize = 4 * 1024;

/// A frame that may have a short way.
pub trait Quick: Sized {
    /// Writes the frame as a field of its batch if it is a common one; false, and nothing is
    /// written, if it is not.
    fn write_field(&self, out: &mut Vec<u8>) -> bool;

    /// Reads a field of a batch, which lies in `whole`, if it is a common frame, well-formed and of
    /// its shape; adds the frame where it is to stay, as it is large. A common frame is numbered,
    /// whole, and no part.
    fn read_field(field: &[u8], whole: &Bytes, into: &mut Vec<Self>) -> Option<()>;
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
    fn write_field(&self, out: &mut Vec<u8>) -> bool {
        match &self.frame {
            Some(from_master::Frame::Start(start)) => {
                ShortStart::of(start).is_some_and(|short| write_short(&short, out))
            }
            Some(from_master::Frame::ResultsTaken(taken)) => taken::write(taken, out),
            _ => false,
        }
    }

    #[inline]
    fn read_field(field: &[u8], whole: &Bytes, into: &mut Vec<Self>) -> Option<()> {
        let frame = match start::read(field, whole) {
            Some(start) => from_master::Frame::Start(start),
            None => from_master::Frame::ResultsTaken(taken::read(field)?),
        };
        into.push(Self { frame: Some(frame) });
        Some(())
    }
}

impl Quick for FromSlave {
    fn write_field(&self, out: &mut Vec<u8>) -> bool {
        let Some(from_slave::Frame::Finished(finished)) = &self.frame else { return false };
        ShortVerdict::of(finished).is_some_and(|short| write_short(&short, out))
    }

    #[inline]
    fn read_field(field: &[u8], whole: &Bytes, into: &mut Vec<Self>) -> Option<()> {
        let finished = verdict::read(field, whole)?;
        into.push(Self { frame: Some(from_slave::Frame::Finished(finished)) });
        Some(())
    }
}

#[cfg(test)]
mod tests;
