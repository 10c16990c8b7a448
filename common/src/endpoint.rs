//! Where does the other side listen?

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use thiserror::Error;

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

/// Refuses what an address never has, before any part of it could be repeated in a message.
fn refuse_strays(text: &str) -> Result<(), EndpointError> {
    if text.is_empty() {
        return Err(EndpointError::Empty);
    }
    if let Some(at) = text.find(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(EndpointError::Space { at });
    }
    // An `@` anywhere: a password may itself hold a `/`, so that what follows looks like a path.
    if text.contains('@') {
        return Err(EndpointError::UserInfo);
    }
    if text.contains(['?', '#']) {
        return Err(EndpointError::Query);
    }
    Ok(())
}

/// Cuts `scheme://` off; a `://` behind a path is none.
fn split_scheme(text: &str) -> (Option<&str>, &str) {
    match text.split_once("://") {
        Some((scheme, rest)) if !scheme.contains('/') => (Some(scheme), rest),
        _ => (None, text),
    }
}

/// Reads the host and cuts off the text of the port.
fn split_authority(authority: &str) -> Result<(String, Option<&str>), EndpointError> {
    let bad_host = || EndpointError::BadHost { host: authority.into() };
    if let Some(bracketed) = authority.strip_prefix('[') {
        let (inner, after) = bracketed.split_once(']').ok_or_else(bad_host)?;
        let host: Ipv6Addr = inner.parse().map_err(|_| bad_host())?;
        return match after.strip_prefix(':') {
            None if !after.is_empty() => Err(bad_host()),
            port => Ok((host.to_string(), port)),
        };
    }
    match authority.split_once(':') {
        None => Ok((parse_name(authority)?, None)),
        Some((_, port)) if port.contains(':') => Err(bad_host()),
        Some((host, port)) => Ok((parse_name(host)?, Some(port))),
    }
}

/// Reads a host name or an IPv4 address.
fn parse_name(host: &str) -> Result<String, EndpointError> {
    if host.is_empty() {
        return Err(EndpointError::NoHost);
    }
    let labels = host.strip_suffix('.').unwrap_or(host);
    let last = labels.rsplit('.').next().unwrap_or(labels);
    // A name that ends in a number can only be an address: `1.2.3.999`, or a port alone.
    let good = match last.bytes().all(|b| b.is_ascii_digit()) {
        true => host.parse::<Ipv4Addr>().is_ok(),
        false => host.len() <= 253 && labels.split('.').all(is_label),
    };
    match good {
        true => Ok(host.to_ascii_lowercase()),
        false => Err(EndpointError::BadHost { host: host.into() }),
    }
}

/// Whether a text may stand between the dots of a host name.
fn is_label(label: &str) -> bool {
    let fits = (1..=63).contains(&label.len()) && !label.starts_with('-');
    fits && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// Reads a port; digits only, since the standard parser would take `+80`.
fn parse_port(text: &str) -> Result<u16, EndpointError> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    match text.parse() {
        Ok(port) if digits && port > 0 => Ok(port),
        _ => Err(EndpointError::BadPort { port: text.into() }),
    }
}

/// Checks that a path can stand in a URL as it is.
fn parse_path(path: &str) -> Result<String, EndpointError> {
    let may_stand = |c: char| c.is_ascii_alphanumeric() || "/-._~%!$&'()*+,;=:".contains(c);
    match path.chars().find(|c| !may_stand(*c)) {
        Some(bad) => Err(EndpointError::BadPath { path: path.into(), bad }),
        None if path == "/" => Ok(String::new()),
        None => Ok(path.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        text.parse::<Endpoint>().unwrap().to_string()
    }

    fn refused(text: &str) -> String {
        text.parse::<Endpoint>().unwrap_err().to_string()
    }

    #[test]
    fn a_url_is_split_into_host_port_tls_and_path() {
        for (text, parts) in [
            ("https://1.2.3.4:8787/this/is/path", ("1.2.3.4", 8787, true, "/this/is/path")),
            ("http://1.2.3.4", ("1.2.3.4", 80, false, "")),
            ("https://1.2.3.4", ("1.2.3.4", 443, true, "")),
            ("http://1.2.3.4:8888", ("1.2.3.4", 8888, false, "")),
        ] {
            let e = Endpoint::try_from(text).unwrap();
            assert_eq!((e.host(), e.port(), e.tls(), e.path()), parts, "{text}");
        }
    }

    #[test]
    fn an_address_without_a_scheme_is_a_slave_over_http() {
        assert_eq!(shown("gpu-3"), "http://gpu-3:7236");
        assert_eq!(shown("gpu-3:9000/under"), "http://gpu-3:9000/under");
        assert_eq!(shown("127.0.0.1"), "http://127.0.0.1:7236");
        assert_eq!(shown("host/a://b"), "http://host:7236/a://b");
    }

    #[test]
    fn ipv6_is_read_with_and_without_brackets_and_shown_with_them() {
        assert_eq!(shown("::1"), "http://[::1]:7236");
        assert_eq!(shown("::1/under"), "http://[::1]:7236/under");
        assert_eq!(shown("[::1]"), "http://[::1]:7236");
        assert_eq!(shown("https://[2001:DB8:0::1]:9000/"), "https://[2001:db8::1]:9000");
        assert_eq!("::1".parse::<Endpoint>().unwrap().host(), "::1");
        for bad in ["http://::1", "http://::1:80", "[::1", "[::1]80", "[1.2.3.4]", "[fe80::1%eth0]"]
        {
            assert!(refused(bad).starts_with("bad host"), "{bad}");
        }
    }

    #[test]
    fn the_url_that_is_shown_reads_back_as_the_same_endpoint() {
        for text in ["HTTPS://GPU-3.Lab/", "my_box.", "[::ffff:1.2.3.4]:1", "http://a/%40;b=1:2"] {
            let endpoint: Endpoint = text.parse().unwrap();
            assert_eq!(endpoint.to_string().parse(), Ok(endpoint), "{text}");
        }
        assert_eq!(shown("HTTPS://GPU-3.Lab/"), "https://gpu-3.lab:443");
    }

    #[test]
    fn a_socket_address_is_an_endpoint_without_tls() {
        let endpoint = Endpoint::from("[::1]:80".parse::<SocketAddr>().unwrap());
        assert_eq!(endpoint.authority(), "[::1]:80");
        assert!(!endpoint.tls());
        assert_eq!(Endpoint::try_from("http://[::1]".to_owned()), Ok(endpoint));
    }

    #[test]
    fn a_password_is_never_repeated() {
        for text in [
            "http://user:s3cret@host",
            "user:s3cret@host:80",
            "user:s3cret@http://host",
            "http://user:s3/cret@host",
            "http://user:s3#cret@host",
            "s3cret://user:pw@host",
        ] {
            let error = text.parse::<Endpoint>().unwrap_err();
            assert_eq!(error, EndpointError::UserInfo);
            assert!(!format!("{error} {error:?}").contains("s3"), "{text}");
        }
        assert_eq!("a:s3 cret@b".parse::<Endpoint>(), Err(EndpointError::Space { at: 4 }));
    }

    #[test]
    fn a_refusal_names_what_is_wrong() {
        assert_eq!(refused(""), "the address is empty");
        assert_eq!(refused("ftp://host"), "unknown scheme \"ftp\": use http or https");
        assert_eq!(
            refused("host\n"),
            "the address has white space or a control character at byte 4"
        );
        assert_eq!(refused("host:99999"), "bad port \"99999\": use a number from 1 to 65535");
        assert_eq!(refused("a/b{c"), "bad path \"/b{c\": '{' must be percent-encoded");
    }

    #[test]
    fn what_cannot_be_dialled_is_refused() {
        for port in ["", "0", "+80", "-1", "65536", "http", "٣"] {
            assert!(refused(&format!("http://host:{port}")).starts_with("bad port"), "{port}");
        }
        for host in
            ["1.2.3.999", "1.2.3", "7236", "a..b", ".", "-to", "höst", "a%20b", "a\\b", "a,b"]
        {
            assert!(refused(host).starts_with("bad host"), "{host}");
        }
        assert!(refused(&"a".repeat(64)).starts_with("bad host"));
        for none in ["http://", ":80", "/path", "http:///path", "//host"] {
            assert_eq!(none.parse::<Endpoint>(), Err(EndpointError::NoHost), "{none}");
        }
        for query in ["host?a=b", "http://host/path#top"] {
            assert_eq!(query.parse::<Endpoint>(), Err(EndpointError::Query), "{query}");
        }
        assert!(refused("://host").starts_with("unknown scheme"));
        assert!(refused("http://host/ü").starts_with("bad path"));
    }
}
