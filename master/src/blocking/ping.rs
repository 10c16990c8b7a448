//! Asks who a slave is and how busy, without a master.

use selsyn_common::Token;

use super::carrier::{Carrier, may_wait};
use crate::error::ConnectError;
use crate::ping::SlaveInfo;

/// Asks a slave who it is, within 5 s, as [`crate::ping()`]. Opens no session.
///
/// # Errors
///
/// [`ConnectError`] as for a connection: the address, the token, nobody there;
/// [`ConnectError::InsideRuntime`] in async code; [`ConnectError::NoRuntime`] when the operating
/// system gives no thread to ask on.
pub fn ping(address: &str, token: Option<&Token>) -> Result<SlaveInfo, ConnectError> {
    may_wait("ping()")?;
    let carrier = Carrier::start().map_err(|_| ConnectError::NoRuntime)?;
    carrier.wait("ping()", crate::ping(address, token))?
}
