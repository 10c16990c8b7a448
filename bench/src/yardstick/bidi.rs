//! Raw tonic bidi: one stream, each task a message there and a message back.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use futures_util::Stream;
use futures_util::task::AtomicWaker;
use tokio::sync::Mutex;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Endpoint;
use tonic::{Request, Streaming};

use super::echo::{BIDI, Codec, Message};
use crate::{PAYLOAD, Result};

/// One stream that is echoed.
pub(crate) struct Bidi {
    window: Arc<Window>,
    /// Read by one load at a time.
    replies: Mutex<Replies>,
    data: Vec<u8>,
}

struct Replies {
    stream: Streaming<Message>,
    received: u64,
}

/// How many messages may leave now: the cheapest way of keeping so many in flight.
#[derive(Default)]
struct Window {
    free: AtomicUsize,
    waiting: AtomicWaker,
}

impl Window {
    fn open(&self, messages: usize) {
        // Only the first of a batch wakes the sender.
        if self.free.fetch_add(messages, Ordering::AcqRel) == 0 {
            self.waiting.wake();
        }
    }

    fn take(&self) -> bool {
        let one_less = |free: usize| free.checked_sub(1);
        self.free.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_less).is_ok()
    }
}

struct Requests {
    sent: u64,
    window: Arc<Window>,
    data: Vec<u8>,
}

impl Stream for Requests {
    type Item = Message;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        if !self.window.take() {
            self.window.waiting.register(cx.waker());
            // It may have opened between the look and the registration.
            if !self.window.take() {
                return Poll::Pending;
            }
        }
        self.sent += 1;
        Poll::Ready(Some(Message { id: self.sent, data: self.data.clone() }))
    }
}

impl Bidi {
    pub(crate) async fn connect(server: SocketAddr) -> Result<Self> {
        let channel = Endpoint::from_shared(format!("http://{server}"))?.connect().await?;
        let (window, data) = (Arc::<Window>::default(), vec![7; PAYLOAD]);
        let requests = Requests { sent: 0, window: Arc::clone(&window), data: data.clone() };
        let mut client = tonic::client::Grpc::new(channel);
        client.ready().await?;
        let path = PathAndQuery::from_static(BIDI);
        let replies = client.streaming(Request::new(requests), path, Codec::default()).await?;
        Ok(Self {
            window,
            replies: Mutex::new(Replies { stream: replies.into_inner(), received: 0 }),
            data,
        })
    }

    /// Has so many messages echoed, so many of them in flight.
    pub(crate) async fn run(&self, messages: usize, in_flight: usize) -> Result<()> {
        let mut replies = self.replies.lock().await;
        let at_once = in_flight.min(messages);
        self.window.open(at_once);
        for received in 0..messages {
            let reply = replies.stream.message().await?.ok_or("the stream has ended")?;
            replies.received += 1;
            if reply.id != replies.received || reply.data != self.data {
                return Err("the echo is another".into());
            }
            if received + at_once < messages {
                self.window.open(1);
            }
        }
        Ok(())
    }
}
