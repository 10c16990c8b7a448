//! Where does the other side listen?

mod parse;

use std::fmt;
use std::net::{Ipv6Addr, SocketAddr};
use std::str::FromStr;

use thiserror::Error;

use parse::{parse_path, parse_port, refuse_strays, split_authority, split_scheme};

/// The port of a slave whose address names none.
pub const DEFAULT_SLAVE_PORT: u16 = 7236;

/// The port a master listens on when it is given none.
pub const DEFAULT_MASTER_PORT: u16 = 7235;

/// An address to dial: host, port, whether over TLS, and a path in front of every call.
///
/// It is read from a URL, or from a bare host with or without a port, and shown as a normalised
/// URL that reads back as the same endpoint. Equal endpoints have equal URLs: host names are in
/// lower case, and the path `/` is the same as none.
///
/// | text | read as |
/// |---|---|
/// | `https://1.2.3.4:8787/this/is/path` | itself |
/// | `http://1.2.3.4`, `https://1.2.3.4` | port 80, port 443 |
/// | `gpu-3`, `gpu-3:9000` | `http://gpu-3:7236`, `http://gpu-3:9000` |
/// | `::1`, `[::1]`, `[::1]:9000` | `http://[::1]:7236` twice, `http://[::1]:9000` |
///
/// An IPv6 address without brackets never has a port: `::1:9000` is one address.
///
/// ```
/// use selsyn_common::Endpoint;
///
/// let endpoint: Endpoint = "https://1.2.3.4:8787/this/is/path".parse()?;
/// assert_eq!(endpoint.host(), "1.2.3.4");
/// assert_eq!(endpoint.port(), 8787);
/// assert!(endpoint.tls());
/// assert_eq!(endpoint.path(), "/this/is/path");
/// # Ok::<(), selsyn_common::EndpointError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    host: String,
    port: u16,
    tls: bool,
    path: String,
}

/// Why a text is not an address. No variant repeats a text that may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// The text is empty.
    #[error("the address is empty")]
    Empty,
    /// White space or a control character stands in the text, also when at its ends.
    #[error("the address has white space or a control character at byte {at}")]
    Space {
        /// Its offset in the text, in bytes from 0.
        at: usize,
    },
    /// The text holds an `@`: credentials have no place in an address, and a path writes `%40`.
    #[error("the address has user information before an `@`: give a token instead")]
    UserInfo,
    /// The text holds a `?` or `#`, which a call has no use for.
    #[error("the address has a query or a fragment, which no call can carry")]
    Query,
    /// The scheme is neither `http` nor `https`.
    #[error("unknown scheme {scheme:?}: use http or https")]
    UnknownScheme {
        /// The scheme as written.
        scheme: String,
    },
    /// The address has a scheme, a port or a path, but nothing in the host's place.
    #[error("the address names no host")]
    NoHost,
    /// The host is neither a name nor an IP address.
    #[error("bad host {host:?}: use a name, an IPv4 address, or an IPv6 address in brackets")]
    BadHost {
        /// The host as written.
        host: String,
    },
    /// The port is no number from 1 to 65535.
    #[error("bad port {port:?}: use a number from 1 to 65535")]
    BadPort {
        /// The port as written.
        port: String,
    },
    /// The path holds a character that a URL must percent-encode.
    #[error("bad path {path:?}: {bad:?} must be percent-encoded")]
    BadPath {
        /// The path as written.
        path: String,
        /// Its first character that must be encoded.
        bad: char,
    },
}

impl EndpointError {
    /// The code that people look up.
    pub const fn code(&self) -> &'static str {
        crate::ErrorCode::AddressInvalid.as_str()
    }
}

impl Endpoint {
    /// The host: a name in lower case, or an IP address; IPv6 without its brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Whether the connection is encrypted: the scheme is `https`.
    pub const fn tls(&self) -> bool {
        self.tls
    }

    /// The path with its leading `/`, percent-encoded as written; empty when there is none.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Writes `host:port`, an IPv6 host in brackets.
    pub fn authority(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        refuse_strays(text)?;
        let (scheme, rest) = split_scheme(text);
        let (tls, default_port) = match scheme {
            None => (false, DEFAULT_SLAVE_PORT),
            Some(name) if name.eq_ignore_ascii_case("http") => (false, 80),
            Some(name) if name.eq_ignore_ascii_case("https") => (true, 443),
            Some(name) => {
                return Err(EndpointError::UnknownScheme { scheme: name.into() });
            }
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = match authority.parse::<Ipv6Addr>() {
            Ok(bare) if scheme.is_none() => (bare.to_string(), None),
            _ => split_authority(authority)?,
        };
        Ok(Self {
            host,
            port: port.map_or(Ok(default_port), parse_port)?,
            tls,
            path: parse_path(path)?,
        })
    }
}

impl TryFrom<&str> for Endpoint {
    type Error = EndpointError;

    fn try_from(text: &str) -> Result<Self, EndpointError> {
        text.parse()
    }
}

impl TryFrom<String> for Endpoint {
    type Error = EndpointError;

    fn try_from(text: String) -> Result<Self, EndpointError> {
        text.parse()
    }
}

/// Takes the address without TLS and path. The scope of a link-local IPv6 address is lost.
impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Self {
        Self {
            host: address.ip().to_string(),
            port: address.port(),
            tls: false,
            path: String::new(),
        }
    }
}

/// Shows the normalised URL, always with its port.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority(), self.path)
    }
}

#[cfg(test)]
#[path = "endpoint/tests.rs"]
mod tests;
