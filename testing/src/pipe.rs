//! A transport in memory: what a master dials comes out at a slave, until the test cuts it.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{DuplexStream, copy_bidirectional, duplex};
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::UnboundedReceiverStream;

/// Bytes that may be under way in one direction: as much as a socket's buffer.
const BUFFER: usize = 256 * 1024;

/// The slave's end: a stream of connections, for `Slave::builder().incoming(..)`.
pub type PipeListener = UnboundedReceiverStream<io::Result<DuplexStream>>;

type Dialed = mpsc::UnboundedSender<io::Result<DuplexStream>>;

/// The master's end: dials as often as it is asked to. Clones dial the same slave.
#[derive(Clone, Debug)]
pub struct PipeDialer {
    listener: Arc<Mutex<Dialed>>,
    cut: Arc<watch::Sender<()>>,
}

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
    let cut = Arc::new(watch::Sender::new(()));
    let listener = Arc::new(Mutex::new(dialed));
    (PipeDialer { listener, cut }, UnboundedReceiverStream::new(incoming))
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
        let ((ours, mut near), (mut far, theirs)) = (duplex(BUFFER), duplex(BUFFER));
        let refused = |_| io::Error::from(io::ErrorKind::ConnectionRefused);
        self.listener().send(Ok(theirs)).map_err(refused)?;
        let mut cut = self.cut.subscribe();
        tokio::spawn(async move {
            tokio::select! {
                // Either side's end ends the pipe; there is nobody to tell what it carried.
                _ = copy_bidirectional(&mut near, &mut far) => {}
                // A dialer that is dropped cuts nothing.
                Ok(()) = cut.changed() => {}
            }
        });
        Ok(ours)
    }

    /// Makes a new listener for a slave that is started again; all clones of this dial it from now
    /// on. The former one gets no more connections.
    pub fn listen_again(&self) -> PipeListener {
        let (dialed, incoming) = mpsc::unbounded_channel();
        *self.listener() = dialed;
        UnboundedReceiverStream::new(incoming)
    }

    fn listener(&self) -> MutexGuard<'_, Dialed> {
        self.listener.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Cuts every byte stream dialed so far, as a network does: both ends see it end, with what
    /// was under way lost. Later dials succeed.
    pub fn cut(&self) {
        self.cut.send_replace(());
    }
}
