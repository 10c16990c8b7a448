//! The most common frames, written and read by hand.
//!
//! The bytes are those that the generated code writes and reads, and whatever is not common is
//! left to it: a start with small data, a run that completed with a small value, results that were
//! taken. Generated code costs several times as much, most of it in lengths that are computed at
//! every level and in fields that are read byte by byte.

mod read;
mod tags;
mod write;

use std::ops::Range;

use bytes::Bytes;

use crate::proto::{FromMaster, FromSlave, from_master, from_slave};

/// Largest payload of a frame that is written here: the copies for a length in front of a larger
/// one would cost more than they save.
const MAX_PAYLOAD: usize = 4 * 1024;

/// A frame that may have a short way.
pub trait Quick: Sized {
    /// Writes the frame as a field of its batch if it is a common one; false, and nothing is
    /// written, if it is not.
    fn write_field(&self, field: u8, out: &mut Vec<u8>) -> bool;

    /// Reads a frame if it is a common one, well-formed, and has no fields that are not known; adds
    /// it where it is to stay, as it is large. A common frame is numbered, whole, and no part.
    fn read(whole: &Bytes, range: Range<usize>, into: &mut Vec<Self>) -> Option<()>;
}

impl Quick for FromMaster {
    #[inline]
    fn write_field(&self, field: u8, out: &mut Vec<u8>) -> bool {
        match &self.frame {
            Some(from_master::Frame::Start(start)) => {
                let common = write::common_start(start);
                common.map(|common| write::start(out, field, start, common)).is_some()
            }
            Some(from_master::Frame::ResultsTaken(taken)) if write::is_common_taken(taken) => {
                write::taken(out, field, taken);
                true
            }
            _ => false,
        }
    }

    #[inline]
    fn read(whole: &Bytes, range: Range<usize>, into: &mut Vec<Self>) -> Option<()> {
        read::from_master(whole, range, into)
    }
}

impl Quick for FromSlave {
    #[inline]
    fn write_field(&self, field: u8, out: &mut Vec<u8>) -> bool {
        let Some(from_slave::Frame::Finished(finished)) = &self.frame else { return false };
        let common = write::common_verdict(finished);
        common.map(|common| write::finished(out, field, common)).is_some()
    }

    #[inline]
    fn read(whole: &Bytes, range: Range<usize>, into: &mut Vec<Self>) -> Option<()> {
        read::from_slave(whole, range, into)
    }
}

#[cfg(test)]
mod tests;
