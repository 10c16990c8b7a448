//! Takes connections in, and can cut them all.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::stream::{StreamExt, unfold};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_stream::Stream;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::transport::server::Connected;
use tracing::warn;

/// Pause after a failed accept: tonic would try again at once, for ever, when descriptors run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A connection that ends when the slave cuts all of them: tonic would wait for it without limit.
#[derive(Debug)]
pub(crate) struct Guarded<IO> {
    io: IO,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
}

/// Accepts TCP connections one after the other.
pub(crate) fn accept(listener: TcpListener) -> impl Stream<Item = io::Result<TcpStream>> {
    unfold(listener, |listener| async {
        loop {
            match listener.accept().await {
                // tonic ignores its own setting for connections it did not accept itself.
                Ok((stream, _)) if stream.set_nodelay(true).is_ok() => {
                    return Some((Ok(stream), listener));
                }
                // The peer has gone before it was taken in.
                Ok(_) => {}
                Err(error) => {
                    warn!(%error, "no connection could be accepted; trying again");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    })
}

/// Lets `cut` end every connection of the stream.
pub(crate) fn guard<IO>(
    connections: impl Stream<Item = io::Result<IO>>,
    cut: CancellationToken,
) -> impl Stream<Item = io::Result<Guarded<IO>>> {
    connections.map(move |io| {
        let cut = Box::pin(cut.clone().cancelled_owned());
        io.map(|io| Guarded { io, cut })
    })
}

impl<IO> Connected for Guarded<IO> {
    type ConnectInfo = ();

    fn connect_info(&self) -> Self::ConnectInfo {}
}

impl<IO: AsyncRead + Unpin> AsyncRead for Guarded<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.cut.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Guarded<IO> {
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

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}
