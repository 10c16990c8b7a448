//! What a part gave, so that what is only the beginning of it cannot be taken for all of it.

use super::PartReadError;
use crate::{FromPayload, IntoPayload, Payload, PayloadError};

/// How much of a part's result there is. The words are PyODPS's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PartExtent {
    /// All of it.
    Full,
    /// Nothing.
    No,
    /// Its beginning.
    Truncated,
}

impl PartExtent {
    /// Its word, as `FULL`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => "FULL",
            Self::No => "NO",
            Self::Truncated => "TRUNCATED",
        }
    }
}

/// What a part gave: all of it, its beginning, or nothing. It is only read together with that
/// question: [`read`](Self::read) gives a whole result, and
/// [`read_truncated`](Self::read_truncated) says in its name that a beginning will do.
///
/// ```
/// use selsyn_common::{PartReadError, PartResult};
///
/// let rows = PartResult::truncated(vec![1, 2, 3])?;
/// assert!(matches!(rows.read::<Vec<i32>>(), Err(PartReadError::Truncated { .. })));
/// assert_eq!(rows.read_truncated::<Vec<i32>>().unwrap(), [1, 2, 3]);
/// # Ok::<(), selsyn_common::PayloadError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use = "it may be truncated"]
pub struct PartResult {
    value: Option<Payload>,
    is_truncated: bool,
}

impl PartResult {
    /// No result.
    pub const fn none() -> Self {
        Self { value: None, is_truncated: false }
    }

    /// A whole result.
    ///
    /// # Errors
    ///
    /// [`PayloadError::Encode`] when the value has no JSON form.
    pub fn full(value: impl IntoPayload) -> Result<Self, PayloadError> {
        Ok(Self { value: Some(value.into_payload()?), is_truncated: false })
    }

    /// The beginning of a result, as one that is too large to report has.
    ///
    /// # Errors
    ///
    /// As for [`full`](Self::full).
    pub fn truncated(value: impl IntoPayload) -> Result<Self, PayloadError> {
        Ok(Self { is_truncated: true, ..Self::full(value)? })
    }

    /// How much of it there is.
    pub const fn extent(&self) -> PartExtent {
        match (&self.value, self.is_truncated) {
            (None, _) => PartExtent::No,
            (Some(_), false) => PartExtent::Full,
            (Some(_), true) => PartExtent::Truncated,
        }
    }

    /// The whole result, read as `T`.
    ///
    /// # Errors
    ///
    /// [`PartReadError::NoResult`], [`PartReadError::Truncated`], or
    /// [`PartReadError::Unreadable`] when it is no `T`.
    pub fn read<T: FromPayload>(&self) -> Result<T, PartReadError> {
        if self.extent() == PartExtent::Truncated {
            return Err(PartReadError::Truncated { bytes: self.bytes() });
        }
        self.read_truncated()
    }

    /// The result, read as `T`, though it may be a beginning only (PyODPS: `limit=True`).
    ///
    /// # Errors
    ///
    /// [`PartReadError::NoResult`], or [`PartReadError::Unreadable`] when it is no `T`.
    pub fn read_truncated<T: FromPayload>(&self) -> Result<T, PartReadError> {
        let value = self.value.as_ref().ok_or(PartReadError::NoResult)?;
        Ok(T::from_payload(value)?)
    }

    pub(crate) fn of(value: Option<Payload>, is_truncated: bool) -> Self {
        let is_truncated = is_truncated && value.is_some();
        Self { value, is_truncated }
    }

    pub(crate) fn into_value(self) -> Option<Payload> {
        self.value
    }

    pub(super) fn bytes(&self) -> usize {
        self.value.as_ref().map_or(0, Payload::len)
    }
}

impl Default for PartResult {
    fn default() -> Self {
        Self::none()
    }
}
