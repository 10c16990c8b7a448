//! Whether a call has a right to be made.

use selsyn_common::{ErrorCode, Token};
use tonic::metadata::MetadataMap;
use tonic::service::Interceptor;
use tonic::{Code, Request, Status};

use super::CODE_HEADER;
use super::guarded::Called;

/// Checks the bearer token of every call before it is routed.
#[derive(Clone, Debug)]
pub(super) struct Check {
    token: Option<Token>,
}

impl Check {
    pub(super) const fn new(token: Option<Token>) -> Self {
        Self { token }
    }
}

impl Interceptor for Check {
    fn call(&mut self, request: Request<()>) -> Result<Request<()>, Status> {
        self.check(&request)?;
        if let Some(called) = request.extensions().get::<Called>() {
            called.mark();
        }
        Ok(request)
    }
}

impl Check {
    fn check(&self, request: &Request<()>) -> Result<(), Status> {
        let Some(wanted) = &self.token else {
            return Ok(());
        };
        let presented = request.metadata().get("authorization");
        let presented = presented.and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        match presented {
            None => Err(deny(ErrorCode::TokenMissing)),
            Some(token) if wanted.matches(token) => Ok(()),
            Some(_) => Err(deny(ErrorCode::TokenInvalid)),
        }
    }
}

fn deny(reason: ErrorCode) -> Status {
    let mut metadata = MetadataMap::new();
    let code = reason.as_str().parse().expect("a code is visible text");
    metadata.insert(CODE_HEADER, code);
    Status::with_metadata(Code::Unauthenticated, reason.meaning(), metadata)
}
