//! The first byte of each field: its number and how it is written.

/// A number of variable length.
const fn number(field: u8) -> u8 {
    field << 3
}

/// Eight bytes.
const fn fixed(field: u8) -> u8 {
    field << 3 | 1
}

/// A length, and so many bytes.
const fn bytes(field: u8) -> u8 {
    field << 3 | 2
}

pub(super) const START: u8 = bytes(4);
pub(super) const RESULTS_TAKEN: u8 = bytes(7);
pub(super) const FINISHED: u8 = bytes(9);

/// The execution in a start and in a verdict, and each of those that were taken.
pub(super) const EXECUTION: u8 = bytes(1);
pub(super) const TASK_HIGH: u8 = fixed(1);
pub(super) const TASK_LOW: u8 = fixed(2);
pub(super) const ATTEMPT: u8 = number(3);

pub(super) const DATA: u8 = bytes(3);
pub(super) const DEADLINE: u8 = number(4);
pub(super) const PLACEMENT: u8 = number(5);
pub(super) const FUNCTION_NUMBER: u8 = number(7);

pub(super) const KIND: u8 = number(1);
pub(super) const PAYLOAD: u8 = bytes(2);

pub(super) const OUTCOME: u8 = bytes(2);
pub(super) const STATUS: u8 = number(1);
pub(super) const VALUE: u8 = bytes(2);
pub(super) const SUMMARY: u8 = bytes(4);
pub(super) const QUEUED: u8 = number(1);
pub(super) const RAN: u8 = number(2);
