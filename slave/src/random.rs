//! Random bytes of the operating system.

use std::io;

use selsyn_common::Token;

/// As many random bytes as are asked for.
pub(crate) fn bytes<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes)
}

/// Makes a token of 256 random bits, written as 64 hex digits, as DI-engine writes its tokens.
///
/// # Errors
///
/// When the operating system gives no random bytes.
pub fn generate_token() -> io::Result<Token> {
    bytes().map(Token::from_random)
}
