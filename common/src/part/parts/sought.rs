//! Finds the part whose result is asked for.

use super::Parts;
use crate::part::read_error::some;
use crate::part::{Part, PartReadError, PartResult, PartStatus};

impl Parts {
    /// The part of this name; without a name the only one there is.
    ///
    /// # Errors
    ///
    /// [`PartReadError::NoParts`] and [`PartReadError::SeveralParts`] without a name;
    /// [`PartReadError::Unknown`] with one that no part has.
    pub fn sought(&self, name: Option<&str>) -> Result<&Part, PartReadError> {
        let names = || some(self.names());
        match (name, self.iter().next()) {
            (Some(name), _) => self
                .get(name)
                .ok_or_else(|| PartReadError::Unknown { name: name.to_owned(), names: names() }),
            (None, None) => Err(PartReadError::NoParts),
            (None, Some(only)) if self.len() == 1 => Ok(only),
            (None, Some(_)) => Err(PartReadError::SeveralParts { names: names() }),
        }
    }

    /// What the part of this name gave, or the only one there is (PyODPS: `get_task_result`).
    ///
    /// # Errors
    ///
    /// As for [`sought`](Self::sought); [`PartReadError::NotSucceeded`] when it has not ended, or
    /// not well.
    pub fn result(&self, name: Option<&str>) -> Result<&PartResult, PartReadError> {
        self.sought(name)?.success()
    }
}

impl Part {
    /// What it gave.
    ///
    /// # Errors
    ///
    /// [`PartReadError::NotSucceeded`] when it has not ended, or not well.
    pub fn success(&self) -> Result<&PartResult, PartReadError> {
        if self.status == PartStatus::Success {
            return Ok(&self.result);
        }
        let why = self.failure.as_ref().map(|failure| format!(": {failure}")).unwrap_or_default();
        let (name, status) = (self.name.clone(), self.status);
        Err(PartReadError::NotSucceeded { name, status, why })
    }
}
