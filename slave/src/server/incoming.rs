//! Takes connections in, no more than there may be, and none for longer than it is of use.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::stream::unfold;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_stream::{Stream, StreamExt};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::guarded::{Guarded, Limits};

/// Pauses after a failed accept: tonic would try again at once, for ever, when descriptors run
/// out.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LAST_PAUSE: Duration = Duration::from_secs(1);

/// Connections that may wait to be accepted, if the system allows so many. All masters of a slave
/// that comes back dial it at once, and one that finds no room tries again a second later; tokio's
/// 128 are too few for that.
const BACKLOG: u32 = 4_096;

/// A connection, and its place among those of its address if it has one.
#[derive(Debug)]
pub(crate) struct Taken<IO> {
    pub(crate) io: IO,
    pub(crate) share: Option<Share>,
}

/// How many connections each address has.
#[derive(Clone, Debug)]
struct Addresses {
    max: usize,
    counts: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// A place among the connections of one address.
#[derive(Debug)]
pub(crate) struct Share {
    address: IpAddr,
    of: Addresses,
}

impl Addresses {
    /// Takes a place; `None` when the address has as many connections as it may.
    fn take(&self, address: IpAddr) -> Option<Share> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_default();
        (*count < self.max).then(|| {
            *count += 1;
            Share { address, of: self.clone() }
        })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut counts = self.of.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

/// Listens on an address.
pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A slave that is started again takes its address at once. On Windows it would take another
    // program's.
    if cfg!(not(windows)) {
        socket.set_reuseaddr(true)?;
    }
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Accepts TCP connections one after the other.
pub(crate) fn accept(
    listener: TcpListener,
    per_address: usize,
) -> impl Stream<Item = io::Result<Taken<TcpStream>>> {
    let addresses = Addresses { max: per_address, counts: Arc::default() };
    unfold((listener, addresses), |(listener, addresses)| async {
        let taken = accept_one(&listener, &addresses).await;
        Some((Ok(taken), (listener, addresses)))
    })
}

async fn accept_one(listener: &TcpListener, addresses: &Addresses) -> Taken<TcpStream> {
    loop {
        let (stream, peer) = patiently(|| listener.accept()).await;
        let Some(share) = addresses.take(peer.ip()) else {
            debug!(%peer, "closed: its address has as many connections as it may");
            continue;
        };
        // tonic ignores its own setting for connections it did not accept itself. A peer that has
        // gone by now is no connection.
        if stream.set_nodelay(true).is_ok() {
            return Taken { io: stream, share: Some(share) };
        }
    }
}

/// Tries until it succeeds, with longer and longer pauses.
async fn patiently<T, Fut>(mut accept: impl FnMut() -> Fut) -> T
where
    Fut: Future<Output = io::Result<T>>,
{
    let mut pause = FIRST_PAUSE;
    loop {
        match accept().await {
            Ok(accepted) => return accepted,
            Err(error) => {
                warn!(%error, ?pause, "no connection could be accepted; trying again");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LAST_PAUSE);
            }
        }
    }
}

/// Takes connections in as long as there is room, and lets `cut` end every one of them.
pub(crate) fn guard<IO, S>(
    connections: S,
    max: usize,
    first_call: Duration,
    cut: CancellationToken,
) -> impl Stream<Item = io::Result<Guarded<IO>>>
where
    S: Stream<Item = io::Result<Taken<IO>>>,
{
    // More than a semaphore counts is more than a machine has descriptors.
    let room = Arc::new(Semaphore::new(max.min(Semaphore::MAX_PERMITS)));
    unfold((Box::pin(connections), room), move |(connections, room)| {
        let cut = cut.clone();
        async move {
            let (taken, permit, connections) = next(connections, &room).await?;
            let guarded = taken.map(|Taken { io, share }| {
                Guarded::new(io, Limits { first_call, cut, _permit: permit, _share: share })
            });
            Some((guarded, (connections, room)))
        }
    })
}

/// Room first: who comes while there is none waits in the backlog.
async fn next<S: Stream>(
    mut connections: Pin<Box<S>>,
    room: &Arc<Semaphore>,
) -> Option<(S::Item, OwnedSemaphorePermit, Pin<Box<S>>)> {
    let permit = Arc::clone(room).acquire_owned().await.ok()?;
    let taken = connections.next().await?;
    Some((taken, permit, connections))
}

#[cfg(test)]
mod tests {
    use futures_util::future::try_join_all;
    use tokio::time::{Instant, timeout};

    use super::*;

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn three_hundred_masters_that_dial_at_once_all_find_room() {
        let allowed = std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap();
        let masters = allowed.trim().parse::<usize>().unwrap().min(300);
        let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        // Nobody accepts: who finds no room tries for a minute and more.
        let dialling = try_join_all((0..masters).map(|_| TcpStream::connect(address)));
        let connected = timeout(Duration::from_secs(20), dialling).await;
        assert_eq!(connected.expect("they find room").unwrap().len(), masters);
    }

    #[tokio::test(start_paused = true)]
    async fn an_accept_that_fails_is_tried_again_after_longer_and_longer_pauses() {
        let (begun, mut tries) = (Instant::now(), Vec::new());
        let accept = || {
            tries.push(begun.elapsed().as_millis());
            let is_over = tries.len() == 10;
            std::future::ready(if is_over { Ok(()) } else { Err(io::Error::other("no room")) })
        };
        patiently(accept).await;
        assert_eq!(tries, [0, 10, 30, 70, 150, 310, 630, 1_270, 2_270, 3_270]);
    }
}
