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
    /// Writes the frame if it is a common one; false, and nothing is written, if it is not.
    fn write(&self, out: &mut Vec<u8>) -> bool;

    /// Writes the frame as a field of a message if it is a common one; false if it is not.
    fn write_field(&self, tag: u8, out: &mut Vec<u8>) -> bool {
        let before = out.len();
        out.extend_from_slice(&[tag, 0]);
        let begin = out.len();
        let is_common = self.write(out);
        if is_common {
            write::put_length(out, begin);
        } else {
            out.truncate(before);
        }
        is_common
    }

    /// Reads a frame if it is a common one, well-formed, and has no fields that are not known; adds
    /// it where it is to stay, as it is large.
    fn read(whole: &Bytes, range: Range<usize>, into: &mut Vec<Self>) -> Option<()>;
}

impl Quick for FromMaster {
    fn write(&self, out: &mut Vec<u8>) -> bool {
        match &self.frame {
            Some(from_master::Frame::Start(start)) if write::is_common_start(start) => {
                write::head(out, self.seq, self.ack);
                write::start(out, start);
                true
            }
            Some(from_master::Frame::ResultsTaken(taken)) => {
                write::head(out, self.seq, self.ack);
                write::taken(out, taken);
                true
            }
            _ => false,
        }
    }

    fn read(whole: &Bytes, range: Range<usize>, into: &mut Vec<Self>) -> Option<()> {
        read::from_master(whole, range, into)
    }
}

impl Quick for FromSlave {
    fn write(&self, out: &mut Vec<u8>) -> bool {
        let Some(from_slave::Frame::Finished(finished)) = &self.frame else { return false };
        let Some((outcome, value)) = write::common_outcome(finished) else { return false };
        write::head(out, self.seq, self.ack);
        write::finished(out, finished.execution, outcome, value);
        true
    }

    fn read(whole: &Bytes, range: Range<usize>, into: &mut Vec<Self>) -> Option<()> {
        read::from_slave(whole, range, into)
    }
}

#[cfg(test)]
mod tests;
