//! What the slave says first.

use selsyn_common::Payload;
use selsyn_common::link::MAX_GREETING_BYTES;
use selsyn_common::proto::{self, FromSlave, from_slave::Frame};
use selsyn_common::wire::WireId;
use tracing::warn;

use crate::core::Core;
use crate::session::{Session, shrink};

/// What a Welcome says beside what the slave always says.
pub(super) struct Welcomed {
    pub(super) version: u32,
    pub(super) reply: Option<Payload>,
    pub(super) resumed: bool,
}

pub(super) fn welcome(core: &Core, session: &Session, welcomed: Welcomed) -> Frame {
    let Welcomed { version, reply, resumed } = welcomed;
    let fits = |reply: &Payload| {
        let fits = reply.len() <= MAX_GREETING_BYTES.min(session.max_result_bytes);
        if !fits {
            warn!(connection = %session.peer.connection, bytes = reply.len(), "the reply of before_connection is too large, and is not sent");
        }
        fits
    };
    let mut first = FromSlave {
        frame: Some(Frame::Welcome(Box::new(proto::Welcome {
            version,
            slave_id: core.slave_id.to_wire(),
            boot_id: core.boot_id.to_wire(),
            session_id: session.id.to_wire(),
            session_secret: session.secret.reveal().as_bytes().to_vec().into(),
            durability: proto::Durability::Memory.into(),
            limits: Some(core.limits()),
            functions: core.registry.list(),
            reply: reply.filter(fits).map(proto::Payload::from),
            resumed,
            received: session.outbox.received(),
        }))),
    };
    shrink::to_fit(&mut first, session.max_result_bytes);
    first.frame.expect("it was put in right here")
}
