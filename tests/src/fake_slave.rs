//! A slave that a test plays by hand, frame by frame.

mod service;
mod session;

use selsyn::{BootId, Connection, Master, SlaveId};
use selsyn_common::link::greeting::VERSIONS;
use selsyn_common::proto;
use selsyn_common::wire::WireId;
use selsyn_testing::{PipeDialer, expect, pipe};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

pub use session::FakeSession;

/// A peer that speaks the protocol, and says nothing that the test does not tell it to.
///
/// It listens on a pipe. Each stream that a master opens comes out as a [`FakeSession`]. Dropping
/// it cuts every stream.
///
/// ```
/// use selsyn::Master;
/// use selsyn_common::proto::{self, from_slave::Frame};
/// use selsyn_testing::expect;
/// use selsyn_tests::FakeSlave;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut slave = FakeSlave::listen();
/// let master = Master::new()?;
/// let (connection, mut session) = slave.connect(&master, "by-hand").await;
///
/// session.send(Frame::Draining(proto::Draining { deadline_millis: 0 }));
/// expect::state(&connection, selsyn::ConnectionState::Draining).await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct FakeSlave {
    dialer: PipeDialer,
    opened: mpsc::UnboundedReceiver<FakeSession>,
    serving: AbortHandle,
}

impl FakeSlave {
    /// Listens; call it inside a runtime.
    pub fn listen() -> Self {
        let (dialer, listener) = pipe();
        // One item a stream; the test bounds them.
        let (open, opened) = mpsc::unbounded_channel();
        let serving = tokio::spawn(service::serve(listener, open)).abort_handle();
        Self { dialer, opened, serving }
    }

    /// A way to dial it, for `Master::connect_with`.
    pub fn dialer(&self) -> PipeDialer {
        self.dialer.clone()
    }

    /// Waits for the next stream that a master opens. Nothing was read from it yet.
    ///
    /// # Panics
    ///
    /// When none comes in time.
    ///
    /// # Cancel safety
    ///
    /// Safe to drop and to call again.
    pub async fn session(&mut self) -> FakeSession {
        let opened = expect::soon("a master to open a stream", self.opened.recv()).await;
        opened.expect("the service lives as long as the slave")
    }

    /// As [`Self::session`], and answers the Hello by a [`welcome`](Self::welcome).
    ///
    /// # Panics
    ///
    /// When no stream comes in time, or its first frame is no Hello.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may lose a stream that has come.
    pub async fn greeted(&mut self) -> FakeSession {
        let mut session = self.session().await;
        session.hello().await;
        session.send(proto::from_slave::Frame::Welcome(Self::welcome().into()));
        session
    }

    /// Connects a master that is to be greeted.
    ///
    /// # Panics
    ///
    /// When the two do not come together in time.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave the connection to the master.
    pub async fn connect(&mut self, master: &Master, name: &str) -> (Connection, FakeSession) {
        let dialer = self.dialer();
        let dialling = master.connect_with(name, move || dialer.clone().dial());
        let connection = dialling.lazy().await.expect("the name is free");
        let session = self.greeted().await;
        expect::soon("the connection to be up", connection.connected())
            .await
            .expect("the slave has said Welcome");
        (connection, session)
    }

    /// A Welcome that a master takes: no functions, room for 64 MiB, and always the same boot of
    /// the same slave.
    pub fn welcome() -> proto::Welcome {
        let limits = proto::Limits {
            max_payload_bytes: 64 * 1024 * 1024,
            slots: 1,
            blocking_slots: 1,
            heartbeat_every_millis: 3_000,
            ..proto::Limits::default()
        };
        proto::Welcome {
            version: VERSIONS.max,
            slave_id: SlaveId::from_random([1; 16]).to_wire(),
            boot_id: BootId::from_random([2; 16]).to_wire(),
            durability: proto::Durability::Memory.into(),
            limits: Some(limits),
            ..proto::Welcome::default()
        }
    }
}

impl Drop for FakeSlave {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
