//! A transport in memory: what a master dials comes out at a slave.

use std::io;

use tokio::io::{DuplexStream, duplex};
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;

/// Bytes that may be under way in one direction: as much as a socket's buffer.
const BUFFER: usize = 256 * 1024;

/// The slave's end: a stream of connections, for `Slave::builder().incoming(..)`.
pub type PipeListener = UnboundedReceiverStream<io::Result<DuplexStream>>;

/// The master's end: dials as often as it is asked to.
#[derive(Clone, Debug)]
pub struct PipeDialer(mpsc::UnboundedSender<io::Result<DuplexStream>>);

/// Makes a transport in memory.
///
/// ```
/// use selsyn_testing::{functions, pipe};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (dialer, listener) = pipe();
/// let slave = selsyn::Slave::builder().function("echo", functions::echo()).incoming(listener)?.spawn();
/// let master = selsyn::Master::new()?;
/// let connection = master.connect_with("piped", move || dialer.clone().dial()).await?;
/// assert!(connection.is_connected());
/// master.close().await;
/// slave.shutdown().await?;
/// # Ok(())
/// # }
/// ```
pub fn pipe() -> (PipeDialer, PipeListener) {
    // One item a dial; whoever takes them bounds them.
    let (dialed, incoming) = mpsc::unbounded_channel();
    (PipeDialer(dialed), UnboundedReceiverStream::new(incoming))
}

impl PipeDialer {
    /// Makes one byte stream.
    ///
    /// # Errors
    ///
    /// `ConnectionRefused` when nobody listens any more.
    ///
    /// # Cancel safety
    ///
    /// Safe to drop.
    pub async fn dial(self) -> io::Result<DuplexStream> {
        let (ours, theirs) = duplex(BUFFER);
        let refused = |_| io::Error::from(io::ErrorKind::ConnectionRefused);
        self.0.send(Ok(theirs)).map_err(refused)?;
        Ok(ours)
    }
}
