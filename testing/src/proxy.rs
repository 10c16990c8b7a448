//! A proxy between a master and a slave that makes the network fail as it is told.

mod board;
mod carry;
mod fault;
mod flow;
mod plan;
mod pump;
mod wire;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::Timeline;
use board::Board;
use wire::Wire;

pub use fault::{Applied, Direction, Ending, Fault, FaultKind};
pub use plan::{Plan, Planned};
pub use wire::ProxyStream;

type Dial = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = io::Result<Wire>> + Send>> + Send + Sync>;

/// Bytes that a stream in memory holds each way: as much as a socket's buffer.
const BUFFER: usize = 256 * 1024;
/// A connection that broke is dialled again within some seconds, and feels what is in force then.
const FELT_WITHIN: Duration = Duration::from_secs(10);

/// Stands between a master and a slave, passes their bytes on, and applies faults to them.
///
/// Its far side dials the slave: by TCP ([`to_address`](Self::to_address)) or however the test
/// dials ([`to`](Self::to)). Its near side is a stream in memory ([`dial`](Self::dial), which works
/// under a paused clock) or a TCP port of its own ([`listen`](Self::listen)). It counts every fault
/// that really had an effect: [`applied`](Self::applied).
///
/// Clones are the same proxy. When the last one is dropped, its connections end.
///
/// ```
/// use selsyn_testing::{Fault, FaultKind, FaultProxy, expect, functions};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let slave = selsyn::Slave::builder().function("echo", functions::echo());
/// let slave = slave.bind("127.0.0.1:0").await?.spawn();
/// let proxy = FaultProxy::to_address(slave.addr(), 7);
/// let master = selsyn::Master::new()?;
/// let connection = master.connect("flaky", proxy.listen().await?).await?;
///
/// proxy.inject(Fault::Reset);
/// expect::state(&connection, selsyn::ConnectionState::Unreachable).await;
/// expect::state(&connection, selsyn::ConnectionState::Connected).await;
/// assert_eq!(proxy.applied().of(FaultKind::Reset), 1);
/// master.close().await;
/// slave.shutdown().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct FaultProxy(Arc<Inner>);

struct Inner {
    board: Arc<Board>,
    dial: Dial,
    /// One for each open connection and each port: who opens them bounds them. They end with the
    /// proxy.
    carried: Mutex<JoinSet<()>>,
}

impl FaultProxy {
    /// A proxy that dials a slave by TCP, where a reset is a real one. The seed decides the jitter.
    pub fn to_address(slave: SocketAddr, seed: u64) -> Self {
        Self::to_address_noting(slave, seed, slave.to_string(), Timeline::new(Some(seed)))
    }

    /// As [`Self::to_address`], under a name of its own and noting what happens in a timeline.
    pub fn to_address_noting(
        slave: SocketAddr,
        seed: u64,
        name: impl Into<String>,
        timeline: Timeline,
    ) -> Self {
        let dial = move || -> Pin<Box<dyn Future<Output = _> + Send>> {
            Box::pin(async move {
                let stream = TcpStream::connect(slave).await?;
                stream.set_nodelay(true)?;
                Ok(Wire::Tcp(stream))
            })
        };
        Self::new(Arc::new(dial), seed, name.into(), timeline)
    }

    /// A proxy that dials as it is told: pipes, simulated networks. What it dialled sees a reset
    /// as the end of the stream. The seed decides the jitter.
    pub fn to<F, Fut, IO>(dial: F, seed: u64) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = io::Result<IO>> + Send + 'static,
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        Self::to_noting(dial, seed, "of a test", Timeline::new(Some(seed)))
    }

    /// As [`Self::to`], under a name of its own and noting what happens in a timeline.
    pub fn to_noting<F, Fut, IO>(
        dial: F,
        seed: u64,
        name: impl Into<String>,
        timeline: Timeline,
    ) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = io::Result<IO>> + Send + 'static,
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let dial = move || -> Pin<Box<dyn Future<Output = _> + Send>> {
            let dialling = dial();
            Box::pin(async move { Ok(Wire::Other(Box::new(dialling.await?))) })
        };
        Self::new(Arc::new(dial), seed, name.into(), timeline)
    }

    fn new(dial: Dial, seed: u64, name: String, timeline: Timeline) -> Self {
        let board = Arc::new(Board::new(name, seed, timeline));
        Self(Arc::new(Inner { board, dial, carried: Mutex::default() }))
    }

    /// Makes one stream in memory to the slave, for `Master::connect_with`. In a black hole it
    /// waits for the end of it.
    ///
    /// # Errors
    ///
    /// What dialling the slave gives.
    ///
    /// # Cancel safety
    ///
    /// Safe to drop.
    pub async fn dial(self) -> io::Result<ProxyStream> {
        carry::swallowed_by_a_hole(&self.0.board).await;
        let far = (self.0.dial)().await?;
        let (near, ours) = wire::pipe(BUFFER);
        let (open, dial) = (carry::Open::new(&self.0.board), Arc::clone(&self.0.dial));
        self.spawn(carry::join(open, Wire::Pipe(ours), far, dial));
        Ok(near)
    }

    /// Listens on a free port of this machine; gives its address, for `Master::connect`.
    ///
    /// # Errors
    ///
    /// What binding gives.
    ///
    /// # Cancel safety
    ///
    /// Safe to drop; nothing is bound then.
    pub async fn listen(&self) -> io::Result<SocketAddr> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (board, dial) = (Arc::clone(&self.0.board), Arc::clone(&self.0.dial));
        self.spawn(accept(listener, board, dial));
        Ok(address)
    }

    /// Lets something go wrong from now on: see [`Fault`].
    pub fn inject(&self, fault: Fault) {
        self.0.board.inject(fault);
    }

    /// Ends every fault that lasts, and forgets those that have not happened yet. What a stall or
    /// a black hole held back arrives now.
    pub fn heal(&self) {
        self.0.board.heal();
    }

    /// Plays a plan from its first step to its last. A fault that lasts is healed after its time,
    /// or up to 10 s later if it had no effect until then; one that happens once is waited for, at
    /// most for its time unless that is zero. Faults that were injected otherwise are healed with
    /// it, and at the end everything is.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the fault that is in force: call [`heal`](Self::heal).
    pub async fn play(&self, plan: &Plan) {
        for step in plan.steps() {
            let wanted = self.applied().of(step.fault.kind()) + 1;
            self.inject(step.fault);
            let applied = self.until_applied(step.fault.kind(), wanted);
            if step.fault.lasts() {
                // One that is never felt is not counted; there may be nobody to feel it.
                let felt = timeout(step.lasts.saturating_add(FELT_WITHIN), applied);
                let _ = tokio::join!(sleep(step.lasts), felt);
                self.heal();
            } else if step.lasts.is_zero() {
                applied.await;
            } else {
                // One that met nothing in its time may still do so, until the next healing.
                let _ = timeout(step.lasts, applied).await;
            }
            sleep(step.pause).await;
        }
        self.heal();
    }

    /// The faults that had an effect.
    pub fn applied(&self) -> Applied {
        self.0.board.applied()
    }

    /// Waits until so many faults of a kind have had an effect, counted from the beginning.
    ///
    /// # Cancel safety
    ///
    /// Safe to drop and to call again.
    pub async fn until_applied(&self, kind: FaultKind, count: u64) {
        let mut changes = self.0.board.changes();
        while self.applied().of(kind) < count {
            // The board lives as long as the proxy: the wait cannot fail.
            let _ = changes.changed().await;
        }
    }

    /// Connections that it carries now.
    pub fn open_connections(&self) -> usize {
        self.0.board.open_connections()
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut carried = self.0.carried.lock().unwrap_or_else(PoisonError::into_inner);
        while carried.try_join_next().is_some() {}
        carried.spawn(task);
    }
}

async fn accept(listener: TcpListener, board: Arc<Board>, dial: Dial) {
    let mut carried = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // One that has gone before it was taken in is no connection.
                let Ok((near, _)) = accepted else { continue };
                // A socket that refuses is one whose peer has gone already.
                let _ = near.set_nodelay(true);
                carried.spawn(carry::carry(Arc::clone(&board), Wire::Tcp(near), Arc::clone(&dial)));
            }
            Some(_) = carried.join_next() => {}
        }
    }
}

impl fmt::Debug for FaultProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultProxy").field("board", &self.0.board).finish_non_exhaustive()
    }
}
