//! Does the peer know the secret?

use std::fmt;

use subtle::ConstantTimeEq;
use thiserror::Error;

/// A secret that a master presents and a slave compares.
///
/// It travels in a header, so it is visible ASCII. Nothing shows it by accident: `Debug` prints
/// `Token(..)`, there is neither `Display` nor `Serialize`, and two tokens are compared by
/// [`matches`](Self::matches) only.
///
/// ```
/// use selsyn_common::Token;
///
/// let token = Token::new("correct-horse")?;
/// assert!(token.matches("correct-horse") && !token.matches("battery"));
/// assert_eq!(format!("{token:?}"), "Token(..)");
/// # Ok::<(), selsyn_common::TokenError>(())
/// ```
///
/// ```compile_fail,E0277
/// let token = selsyn_common::Token::from_random([7; 32]);
/// println!("{token}");
/// ```
#[derive(Clone)]
pub struct Token(String);

/// Why a text cannot be a token. No variant repeats any of it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The token is empty.
    #[error("the token is empty")]
    Empty,
    /// The token is longer than [`Token::MAX_BYTES`].
    #[error("the token has {bytes} bytes, over the limit of {}", Token::MAX_BYTES)]
    TooLong {
        /// Its length, in bytes.
        bytes: usize,
    },
    /// White space, a control character or a character beyond ASCII stands in the token.
    #[error("the token has a character at byte {at} that is not visible ASCII")]
    NotVisible {
        /// Its offset in the token, in bytes from 0.
        at: usize,
    },
}

impl TokenError {
    /// The code that people look up.
    pub const fn code(&self) -> &'static str {
        crate::ErrorCode::SettingInvalid.as_str()
    }
}

impl Token {
    /// The longest token, in bytes.
    pub const MAX_BYTES: usize = 4096;

    /// Makes a token of 32 random bytes, written as 64 hex digits in lower case.
    ///
    /// The bytes must come from the operating system's generator: who guesses them is let in.
    pub fn from_random(bytes: [u8; 32]) -> Self {
        let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
        Self(digits.map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)])).collect())
    }

    /// Takes a token that somebody else made: 1 to 4096 characters of visible ASCII.
    ///
    /// Nothing is trimmed: the line end of a file is for the caller to cut off.
    ///
    /// # Errors
    ///
    /// [`TokenError`] when the token is empty, longer than [`MAX_BYTES`](Self::MAX_BYTES), or
    /// holds a character outside `!` to `~`.
    pub fn new(secret: impl Into<String>) -> Result<Self, TokenError> {
        let secret = secret.into();
        if secret.is_empty() {
            return Err(TokenError::Empty);
        }
        if secret.len() > Self::MAX_BYTES {
            return Err(TokenError::TooLong { bytes: secret.len() });
        }
        match secret.bytes().position(|byte| !byte.is_ascii_graphic()) {
            Some(at) => Err(TokenError::NotVisible { at }),
            None => Ok(Self(secret)),
        }
    }

    /// Shows the secret, for the header or file it is written to; never for a log.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether `presented` is this token.
    ///
    /// Takes the same time wherever the two differ; only the length can be learned from it.
    pub fn matches(&self, presented: &str) -> bool {
        self.0.as_bytes().ct_eq(presented.as_bytes()).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_random_token_is_64_hex_digits_of_its_bytes() {
        let mut bytes = [0; 32];
        (bytes[0], bytes[31]) = (0x0f, 0xa9);
        let token = Token::from_random(bytes);
        assert_eq!(token.reveal(), format!("0f{}a9", "0".repeat(60)));
        assert_ne!(token.reveal(), Token::from_random([0; 32]).reveal());
        assert!(Token::new(token.reveal()).is_ok());
    }

    #[test]
    fn only_the_very_same_text_matches() {
        let token = Token::new("s3cret").unwrap();
        assert!(token.matches("s3cret"));
        for other in ["", "s3cre", "s3crets", "S3cret", "s3cret ", "t3cret"] {
            assert!(!token.matches(other), "{other}");
        }
    }

    #[test]
    fn debug_never_shows_the_secret() {
        let token = Token::new("s3cret").unwrap();
        assert_eq!(format!("{token:?}"), "Token(..)");
        assert_eq!(format!("{:#?}", Some(token)), "Some(\n    Token(..),\n)");
    }

    #[test]
    fn every_visible_character_may_stand_in_a_token() {
        let visible: String = ('!'..='~').collect();
        assert_eq!(Token::new(visible.clone()).unwrap().reveal(), visible);
    }

    #[test]
    fn what_cannot_travel_in_a_header_is_refused_and_not_repeated() {
        assert_eq!(Token::new("").unwrap_err(), TokenError::Empty);
        for bad in ["s3cret\n", "s3cret x", "s3cret\u{7f}", "s3cret\0", "s3crett\u{e9}"] {
            let error = Token::new(bad).unwrap_err();
            assert!(matches!(error, TokenError::NotVisible { at: 6 | 7 }), "{bad:?}");
            assert!(!format!("{error} {error:?}").contains("s3"));
        }
    }

    #[test]
    fn a_token_over_the_limit_is_refused_with_its_length() {
        assert!(Token::new("x".repeat(Token::MAX_BYTES)).is_ok());
        let error = Token::new("x".repeat(4097)).unwrap_err();
        assert_eq!(error.to_string(), "the token has 4097 bytes, over the limit of 4096");
    }
}
