//! What stands before everything else on the port: who may pass, and where to.
//!
//! Calls of gRPC come by HTTP/2 and show the slave's token. By HTTP/1.1, which browsers speak,
//! there is the page and nothing else: a page of a stranger could make a browser send a call of gRPC
//! in a form, to a slave on the very machine that its reader sits at.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use futures_util::future::Either;
use selsyn_common::{ErrorCode, Token};
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::codegen::http::{Request, Response, Version, header};
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};

use super::guarded::Called;
use super::{CODE_HEADER, page};

/// Checks the bearer token of every call before it is routed.
#[derive(Clone, Debug)]
pub(super) struct Gate<S> {
    token: Option<Token>,
    inner: S,
}

impl<S> Gate<S> {
    pub(super) const fn new(token: Option<Token>, inner: S) -> Self {
        Self { token, inner }
    }

    /// The answer to a request that may not pass.
    fn refuse(&self, request: &Request<Body>) -> Option<Response<Body>> {
        if page::is_page(request.uri().path()) {
            // Its address is its token, which it asks for itself.
            return None;
        }
        if request.version() != Version::HTTP_2 {
            return Some(page::nothing_here().map(Body::new));
        }
        if let Err(reason) = self.check_token(request) {
            return Some(denied(reason));
        }
        if let Some(called) = request.extensions().get::<Called>() {
            called.mark();
        }
        None
    }

    fn check_token(&self, request: &Request<Body>) -> Result<(), ErrorCode> {
        let Some(wanted) = &self.token else {
            return Ok(());
        };
        let presented = request.headers().get(header::AUTHORIZATION);
        let presented = presented.and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        match presented {
            None => Err(ErrorCode::TokenMissing),
            Some(token) if wanted.matches(token) => Ok(()),
            Some(_) => Err(ErrorCode::TokenInvalid),
        }
    }
}

impl<S> Service<Request<Body>> for Gate<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Either<S::Future, Ready<Result<Response<Body>, Infallible>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        match self.refuse(&request) {
            None => Either::Left(self.inner.call(request)),
            Some(response) => Either::Right(ready(Ok(response))),
        }
    }
}

fn denied(reason: ErrorCode) -> Response<Body> {
    let mut metadata = MetadataMap::new();
    let code = reason.as_str().parse().expect("a code is visible text");
    metadata.insert(CODE_HEADER, code);
    Status::with_metadata(Code::Unauthenticated, reason.meaning(), metadata).into_http()
}
