//! A connection with an end: it must make a call in time, a page must be read, and all can be cut.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use selsyn_common::seldom::Seldom;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep, sleep, sleep_until};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::transport::server::Connected;
use tracing::debug;

use super::incoming::Share;

/// How long the reader of a page may take nothing at all, and how long it may go on taking what was
/// written before the page's time was over: one who stalls would keep the connection for ever.
pub(super) const LONGEST_STALL: Duration = Duration::from_secs(60);

/// What a connection holds, and what ends it.
#[derive(Debug)]
pub(super) struct Limits {
    /// Time for the first call that is let in.
    pub(super) first_call: Duration,
    pub(super) cut: CancellationToken,
    pub(super) _permit: OwnedSemaphorePermit,
    pub(super) _share: Option<Share>,
}

/// A connection that ends when the slave cuts all of them, or when nobody with a right calls or reads
/// on it: tonic would wait for both without limit.
#[derive(Debug)]
pub(crate) struct Guarded<IO> {
    io: IO,
    cut: Pin<Box<Seldom<WaitForCancellationFutureOwned>>>,
    /// Runs until the first call, and looks again where pages are read before that.
    idle: Option<Pin<Box<Sleep>>>,
    /// Runs while a page waits for room to write.
    stall: Option<Pin<Box<Sleep>>>,
    /// Runs once it is known to carry a page, until that is over.
    page: Option<Pin<Box<Sleep>>>,
    called: Called,
    _limits: Limits,
}

/// What keeps a connection: calls that were let in, and pages that are told on it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Called(Arc<Marks>);

#[derive(Debug, Default)]
struct Marks {
    any: AtomicBool,
    /// When the page is over that it carries, if it carries one and nothing else.
    page: OnceLock<Instant>,
    pages: Mutex<Pages>,
}

/// Pages that are told on a connection beside each other.
#[derive(Debug, Default)]
struct Pages {
    told: usize,
    /// When the last one was told.
    over: Option<Instant>,
}

/// A page that is being told keeps the connection of its reader.
#[derive(Debug)]
pub(crate) struct Keeps(Called);

impl Called {
    /// A call was let in: the connection stays.
    pub(super) fn mark(&self) {
        self.0.any.store(true, Ordering::Release);
    }

    /// The connection is the reader's of one page, and carries nothing else: so long, and no longer.
    pub(super) fn mark_page(&self, left: Duration) {
        self.0.page.get_or_init(|| Instant::now() + left + LONGEST_STALL);
    }

    /// A page is told, on a connection that may carry others: it stays meanwhile.
    pub(super) fn keep(&self) -> Keeps {
        self.pages(|pages| pages.told += 1);
        Keeps(self.clone())
    }

    fn is_marked(&self) -> bool {
        self.0.any.load(Ordering::Acquire) || self.0.page.get().is_some()
    }

    /// When to look again whether a page still keeps the connection; `None` when none does. What was
    /// told last may be taken for a while.
    fn kept_until(&self, now: Instant) -> Option<Instant> {
        let over = self.pages(|pages| if pages.told > 0 { Some(now) } else { pages.over });
        over.map(|over| over + LONGEST_STALL).filter(|until| *until > now)
    }

    fn pages<T>(&self, look: impl FnOnce(&mut Pages) -> T) -> T {
        look(&mut self.0.pages.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn page_until(&self) -> Option<Instant> {
        self.0.page.get().copied()
    }
}

impl Drop for Keeps {
    fn drop(&mut self) {
        self.0.pages(|pages| {
            pages.told -= 1;
            pages.over = Some(Instant::now());
        });
    }
}

impl<IO> Guarded<IO> {
    pub(super) fn new(io: IO, limits: Limits) -> Self {
        let cut = Box::pin(Seldom::new(limits.cut.clone().cancelled_owned()));
        let idle = Some(Box::pin(sleep(limits.first_call)));
        let called = Called::default();
        Self { io, cut, idle, stall: None, page: None, called, _limits: limits }
    }

    /// Whether it was cut, or its page is over. Asked when it is written to as well: who waits for room
    /// to write may read nothing.
    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if self.cut.as_mut().poll(cx).is_ready() {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        let Some(until) = self.called.page_until() else { return Ok(()) };
        let page = self.page.get_or_insert_with(|| Box::pin(sleep_until(until)));
        if page.as_mut().poll(cx).is_ready() {
            debug!("a connection was closed: the page that it carries is over");
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(())
    }

    /// What became of a write: one of a page may not wait too long. Sessions are left alone, whose
    /// keepalive notices by itself.
    fn unless_stalled(
        &mut self,
        written: Poll<io::Result<usize>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if written.is_ready() || self.called.page_until().is_none() {
            self.stall = None;
            return written;
        }
        let stall = self.stall.get_or_insert_with(|| Box::pin(sleep(LONGEST_STALL)));
        ready!(stall.as_mut().poll(cx));
        debug!("a connection was closed: nobody reads the page that it carries");
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// Why the connection ends, if it does.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        if let Err(cut) = self.check(cx) {
            return Poll::Ready(cut);
        }
        if self.idle.is_some() && self.called.is_marked() {
            self.idle = None;
        }
        let Some(idle) = &mut self.idle else { return Poll::Pending };
        while idle.as_mut().poll(cx).is_ready() {
            let Some(until) = self.called.kept_until(Instant::now()) else {
                debug!(
                    "a connection was closed: it made no call that was let in, and reads no page"
                );
                return Poll::Ready(io::ErrorKind::TimedOut.into());
            };
            idle.as_mut().reset(until);
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
        self.check(cx)?;
        let written = Pin::new(&mut self.io).poll_write(cx, buf);
        self.unless_stalled(written, cx)
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
        self.check(cx)?;
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, bufs);
        self.unless_stalled(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::sync::Semaphore;
    use tokio::time::timeout;

    use super::*;

    async fn guarded<IO>(io: IO, cut: CancellationToken) -> Guarded<IO> {
        let first_call = Duration::from_secs(60);
        let permit = Arc::new(Semaphore::new(1)).acquire_owned().await.unwrap();
        Guarded::new(io, Limits { first_call, cut, _permit: permit, _share: None })
    }

    #[tokio::test]
    async fn a_write_that_waits_for_room_is_cut_although_nothing_is_read() {
        let (ours, _theirs) = duplex(1);
        let cut = CancellationToken::new();
        let mut connection = guarded(ours, cut.clone()).await;
        let (written, ()) = tokio::join!(
            timeout(Duration::from_secs(5), connection.write_all(b"more than there is room for")),
            async { cut.cancel() },
        );
        assert_eq!(written.unwrap().unwrap_err().kind(), io::ErrorKind::ConnectionAborted);
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_that_nobody_reads_ends_and_a_session_that_stalls_goes_on() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        for is_page in [true, false] {
            let _theirs = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let (ours, _) = listener.accept().await.unwrap();
            let mut connection = guarded(ours, CancellationToken::new()).await;
            if is_page {
                connection.called.mark_page(LONGEST_STALL * 100);
            } else {
                connection.called.mark();
            }
            // More than both sockets have room for.
            let page = vec![0; 64 << 20];
            let written = timeout(LONGEST_STALL * 10, connection.write_all(&page)).await;
            let ended = written.ok().map(|written| written.unwrap_err().kind());
            assert_eq!(ended, is_page.then_some(io::ErrorKind::TimedOut));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_takes_a_little_now_and_then_keeps_its_page() {
        let (ours, mut theirs) = duplex(1);
        let mut connection = guarded(ours, CancellationToken::new()).await;
        connection.called.mark_page(LONGEST_STALL * 100);
        let (written, ()) = tokio::join!(connection.write_all(b"page"), async {
            for _ in 0..4 {
                sleep(LONGEST_STALL * 9 / 10).await;
                theirs.read_u8().await.unwrap();
            }
        });
        written.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_is_over_at_its_time_however_slowly_its_reader_takes_what_was_written() {
        let (ours, mut theirs) = duplex(1);
        let mut connection = guarded(ours, CancellationToken::new()).await;
        connection.called.mark_page(LONGEST_STALL);
        let slow = async {
            loop {
                sleep(LONGEST_STALL / 2).await;
                theirs.read_u8().await.unwrap();
            }
        };
        let page = [0; 1_000];
        let written = tokio::select! {
            written = timeout(LONGEST_STALL * 3, connection.write_all(&page)) => written,
            () = slow => unreachable!("it goes on for ever"),
        };
        let ended = written.expect("it is over").unwrap_err().kind();
        assert_eq!(ended, io::ErrorKind::TimedOut);
    }

    /// Reads what never comes, and says when the connection ended.
    async fn ends(mut connection: Guarded<impl AsyncRead + Unpin>) -> Duration {
        let began = Instant::now();
        let end = timeout(LONGEST_STALL * 1_000, connection.read_u8()).await;
        assert_eq!(end.expect("it ends").unwrap_err().kind(), io::ErrorKind::TimedOut);
        began.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_stays_for_the_pages_it_carries_and_ends_a_while_after_the_last() {
        let (ours, _theirs) = duplex(1);
        let connection = guarded(ours, CancellationToken::new()).await;
        let called = connection.called.clone();
        let (long, short) = (LONGEST_STALL * 7, LONGEST_STALL * 3 / 2);
        let pages = [long, short].map(|told| (called.keep(), told));
        let read = pages.map(|(keeps, told)| async move {
            sleep(told).await;
            drop(keeps);
        });
        let [one, other] = read;
        let (end, (), ()) = tokio::join!(ends(connection), one, other);
        let after = end - long;
        assert!(
            (LONGEST_STALL..LONGEST_STALL + Duration::from_secs(1)).contains(&after),
            "{end:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_reads_pages_and_makes_a_call_stays() {
        let (ours, _theirs) = duplex(1);
        let mut connection = guarded(ours, CancellationToken::new()).await;
        drop(connection.called.keep());
        connection.called.mark();
        assert!(timeout(LONGEST_STALL * 100, connection.read_u8()).await.is_err());
    }
}
