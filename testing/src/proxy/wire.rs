//! The byte streams a proxy joins: TCP, which can be reset, pipes, and any other.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::net::TcpStream;

/// Any byte stream.
pub(super) trait Io: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

/// One side of a connection through the proxy.
pub(super) enum Wire {
    Tcp(TcpStream),
    Pipe(ProxyStream),
    Other(Box<dyn Io>),
}

/// What [`FaultProxy::dial`](crate::FaultProxy::dial) gives: a byte stream in memory that ends by
/// `ConnectionReset` when the proxy resets it.
#[derive(Debug)]
pub struct ProxyStream {
    io: DuplexStream,
    is_reset: Arc<AtomicBool>,
}

/// Both ends of a stream in memory, which holds so many bytes each way.
pub(super) fn pipe(buffer: usize) -> (ProxyStream, ProxyStream) {
    let (near, far) = tokio::io::duplex(buffer);
    let is_reset = Arc::<AtomicBool>::default();
    let end = |io| ProxyStream { io, is_reset: Arc::clone(&is_reset) };
    (end(near), end(far))
}

impl Wire {
    /// Lets the peer hear a reset when this is dropped; of a stream of the user's own, the peer
    /// sees no more than the end.
    pub(super) fn reset_on_drop(&self) {
        match self {
            // A socket that refuses is one whose peer has gone already.
            Self::Tcp(stream) => drop(stream.set_zero_linger()),
            Self::Pipe(stream) => stream.is_reset.store(true, Ordering::SeqCst),
            Self::Other(_) => {}
        }
    }

    fn io(self: Pin<&mut Self>) -> Pin<&mut dyn Io> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream),
            Self::Pipe(stream) => Pin::new(stream),
            Self::Other(stream) => Pin::new(stream),
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.io().poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.io().poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io().poll_shutdown(cx)
    }
}

impl AsyncRead for ProxyStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.io).poll_read(cx, buf);
        let is_end = read.is_ready() && buf.filled().len() == before;
        // The end that a reset leaves behind is not the end of what was to be said.
        if is_end && self.is_reset.load(Ordering::SeqCst) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        read
    }
}

impl AsyncWrite for ProxyStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
