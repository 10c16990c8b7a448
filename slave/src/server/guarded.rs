//! A connection with an end: it must make a call in time, and can be cut.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Sleep, sleep};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::transport::server::Connected;
use tracing::debug;

use super::incoming::Share;

/// What a connection holds, and what ends it.
#[derive(Debug)]
pub(super) struct Limits {
    /// Time for the first call that is let in.
    pub(super) first_call: Duration,
    pub(super) cut: CancellationToken,
    pub(super) _permit: OwnedSemaphorePermit,
    pub(super) _share: Option<Share>,
}

/// A connection that ends when the slave cuts all of them, or when nobody with a right calls on
/// it: tonic would wait for both without limit.
#[derive(Debug)]
pub(crate) struct Guarded<IO> {
    io: IO,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    /// Runs until the first call.
    idle: Option<Pin<Box<Sleep>>>,
    called: Called,
    _limits: Limits,
}

/// Whether a call was let in on this connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Called(Arc<AtomicBool>);

impl Called {
    pub(super) fn mark(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn is_marked(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl<IO> Guarded<IO> {
    pub(super) fn new(io: IO, limits: Limits) -> Self {
        let cut = Box::pin(limits.cut.clone().cancelled_owned());
        let idle = Some(Box::pin(sleep(limits.first_call)));
        Self { io, cut, idle, called: Called::default(), _limits: limits }
    }

    /// Whether it was cut. Asked when it is written to as well: who waits for room to write may read
    /// nothing.
    fn check_cut(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        match self.cut.as_mut().poll(cx) {
            Poll::Ready(()) => Err(io::ErrorKind::ConnectionAborted.into()),
            Poll::Pending => Ok(()),
        }
    }

    /// Why the connection ends, if it does.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        if let Err(cut) = self.check_cut(cx) {
            return Poll::Ready(cut);
        }
        if self.idle.is_some() && self.called.is_marked() {
            self.idle = None;
        }
        let is_over = self.idle.as_mut().is_some_and(|idle| idle.as_mut().poll(cx).is_ready());
        if is_over && !self.called.is_marked() {
            debug!("a connection was closed: it made no call that was let in");
            return Poll::Ready(io::ErrorKind::TimedOut.into());
        }
        Poll::Pending
    }
}

impl<IO> Connected for Guarded<IO> {
    type ConnectInfo = Called;

    fn connect_info(&self) -> Self::ConnectInfo {
        self.called.clone()
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Guarded<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Poll::Ready(error) = self.poll_end(cx) {
            return Poll::Ready(Err(error));
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
        self.check_cut(cx)?;
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
        self.check_cut(cx)?;
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncWriteExt, duplex};
    use tokio::sync::Semaphore;
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn a_write_that_waits_for_room_is_cut_although_nothing_is_read() {
        let (ours, _theirs) = duplex(1);
        let (cut, first_call) = (CancellationToken::new(), Duration::from_secs(60));
        let permit = Arc::new(Semaphore::new(1)).acquire_owned().await.unwrap();
        let limits = Limits { first_call, cut: cut.clone(), _permit: permit, _share: None };
        let mut connection = Guarded::new(ours, limits);
        let (written, ()) = tokio::join!(
            timeout(Duration::from_secs(5), connection.write_all(b"more than there is room for")),
            async { cut.cancel() },
        );
        assert_eq!(written.unwrap().unwrap_err().kind(), io::ErrorKind::ConnectionAborted);
    }
}
