//! The page of one execution, for whoever has its address.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use tonic::codegen::http::{
    HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header,
};

use super::guarded::{Called, Keeps, LONGEST_STALL};
use crate::core::Core;
use crate::logview::{Face, MAX_VALID, PREFIX, tell};
use crate::random;

/// Where pages are.
pub(super) const ROUTE: &str = "/logview/{secret}";

/// Pause named to a reader for whom there is no place, in seconds.
const PAUSE: &str = "10";

/// Whether a path may be that of a page.
pub(super) fn is_page(path: &str) -> bool {
    path.strip_prefix(PREFIX).is_some_and(|secret| !secret.is_empty() && !secret.contains('/'))
}

/// Answers GET and HEAD.
pub(super) fn routes(core: Arc<Core>) -> MethodRouter {
    get(move |request: Request| {
        let response = answer(&core, &request);
        std::future::ready(response)
    })
}

/// Whatever is wrong with an address, the answer is the same.
pub(super) fn nothing_here() -> Response {
    plain(StatusCode::NOT_FOUND, "there is nothing here\n")
}

fn answer(core: &Arc<Core>, request: &Request) -> Response {
    let secret = request.uri().path().strip_prefix(PREFIX).unwrap_or_default();
    let Some(link) = core.links.find(secret, core.epoch.now()) else {
        return nothing_here();
    };
    core.sweep();
    let Some(record) = core.records.get(link.execution) else {
        let gone = format!("Expired: execution {} is kept no more\n", link.execution);
        return plain(StatusCode::GONE, gone);
    };
    let places = [&link.readers, &core.links.readers];
    let places = places.map(|places| Arc::clone(places).try_acquire_owned().ok());
    let ([Some(one), Some(other)], Ok(face)) = (places, face(request.headers())) else {
        let full = "too many look at this now: try again soon\n";
        let mut response = plain(StatusCode::SERVICE_UNAVAILABLE, full);
        set(&mut response, header::RETRY_AFTER, PAUSE);
        return response;
    };
    let (kind, policy) = (face.content_type(), face.policy());
    let is_alone = request.version() != Version::HTTP_2;
    // A connection of its own notices by itself that nothing leaves, byte by byte.
    let patience = if is_alone { MAX_VALID } else { LONGEST_STALL };
    // Only now: who was shown nothing has no reason to stay.
    let stays = stay(request, is_alone, link.left(core.epoch.now()));
    let page = Body::from_stream(tell(core, record, link, face, (one, other, stays), patience));
    let mut response = Response::new(page);
    dress(&mut response, kind, &policy);
    if is_alone {
        // A connection is one reader's, and ends with the page.
        set(&mut response, header::CONNECTION, "close");
    }
    response
}

/// Lets the connection stay on which the page is told: for that page alone, or as long as it is held.
/// Who asks for the head alone is shown nothing.
fn stay(request: &Request, is_alone: bool, left: Duration) -> Option<Keeps> {
    let called =
        request.extensions().get::<Called>().filter(|_| request.method() != Method::HEAD)?;
    if is_alone {
        called.mark_page(left);
        return None;
    }
    Some(called.keep())
}

/// HTML for those who ask for it, as browsers do; text for all others.
fn face(headers: &HeaderMap) -> std::io::Result<Face> {
    let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    if !accepts.is_some_and(|kinds| kinds.contains("text/html")) {
        return Ok(Face::Text);
    }
    let nonce = u128::from_ne_bytes(random::bytes()?);
    Ok(Face::Html { nonce: format!("{nonce:032x}") })
}

fn plain(status: StatusCode, text: impl Into<Body>) -> Response {
    let mut response = Response::new(text.into());
    *response.status_mut() = status;
    dress(&mut response, Face::Text.content_type(), &Face::Text.policy());
    response
}

/// The address is a secret: no cache keeps the page, and no link in it tells where it stood.
fn dress(response: &mut Response, kind: &str, policy: &str) {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in headers {
        set(response, name, value);
    }
}

fn set(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
