//! Reads the parts of an address, each with an error of its own.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::EndpointError;

/// Refuses what an address never has, before any part of it could be repeated in a message.
pub(super) fn refuse_strays(text: &str) -> Result<(), EndpointError> {
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
pub(super) fn split_scheme(text: &str) -> (Option<&str>, &str) {
    match text.split_once("://") {
        Some((scheme, rest)) if !scheme.contains('/') => (Some(scheme), rest),
        _ => (None, text),
    }
}

/// Reads the host and cuts off the text of the port.
pub(super) fn split_authority(authority: &str) -> Result<(String, Option<&str>), EndpointError> {
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
pub(super) fn parse_port(text: &str) -> Result<u16, EndpointError> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    match text.parse() {
        Ok(port) if digits && port > 0 => Ok(port),
        _ => Err(EndpointError::BadPort { port: text.into() }),
    }
}

/// Checks that a path can stand in a URL as it is.
pub(super) fn parse_path(path: &str) -> Result<String, EndpointError> {
    let may_stand = |c: char| c.is_ascii_alphanumeric() || "/-._~%!$&'()*+,;=:".contains(c);
    match path.chars().find(|c| !may_stand(*c)) {
        Some(bad) => Err(EndpointError::BadPath { path: path.into(), bad }),
        None if path == "/" => Ok(String::new()),
        None => Ok(path.into()),
    }
}
