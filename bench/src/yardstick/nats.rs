//! NATS request and reply through a broker, by its text protocol: no client library in between.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::process::{Child, Command};
use tokio::sync::Mutex;

use crate::{PAYLOAD, Result};

/// Requests that are handed to the socket together when they are there together.
const BUFFER: usize = 32 * 1024;

/// Looks for the broker's port, each after a pause.
const LOOKS: usize = 100;
const PAUSE: Duration = Duration::from_millis(50);

/// Starts `nats-server` on a free port; none when it is not installed.
pub(crate) async fn broker() -> Result<Option<(Child, SocketAddr)>> {
    let free = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let mut server = Command::new("nats-server");
    server.args(["-a", "127.0.0.1", "-p", &free.port().to_string()]);
    let started = server.stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).spawn();
    let Ok(process) = started else { return Ok(None) };
    for _ in 0..LOOKS {
        if TcpStream::connect(free).await.is_ok() {
            return Ok(Some((process, free)));
        }
        tokio::time::sleep(PAUSE).await;
    }
    Err("nats-server does not listen".into())
}

/// Answers every request with its payload.
pub(crate) async fn answer(broker: SocketAddr) -> Result<()> {
    let mut line = Line::connect(broker, "echo").await?;
    loop {
        let message = line.next().await?;
        let reply = message.reply.ok_or("a request names where its reply goes")?;
        line.publish(&reply, "", &message.data);
        line.flush_when_idle().await?;
    }
}

/// A connection whose requests are answered.
pub(crate) struct Nats {
    line: Mutex<Line>,
    data: Vec<u8>,
}

impl Nats {
    /// Connects, and waits until somebody answers.
    pub(crate) async fn connect(broker: SocketAddr) -> Result<Self> {
        let line = Mutex::new(Line::connect(broker, "inbox").await?);
        let nats = Self { line, data: vec![7; PAYLOAD] };
        for _ in 0..LOOKS {
            // A request that nobody hears is not answered.
            if let Ok(answered) = tokio::time::timeout(PAUSE, nats.run(1, 1)).await {
                return answered.map(|()| nats);
            }
        }
        Err("nobody answers at the broker".into())
    }

    /// Makes so many requests, so many of them in flight.
    pub(crate) async fn run(&self, requests: usize, in_flight: usize) -> Result<()> {
        let mut line = self.line.lock().await;
        let at_once = in_flight.min(requests);
        (0..at_once).for_each(|_| line.publish("echo", "inbox ", &self.data));
        for answered in 0..requests {
            line.flush_when_idle().await?;
            if line.next().await?.data != self.data {
                return Err("another echo".into());
            }
            if answered + at_once < requests {
                line.publish("echo", "inbox ", &self.data);
            }
        }
        Ok(())
    }
}

struct Message {
    reply: Option<String>,
    data: Vec<u8>,
}

/// One connection to the broker, subscribed to one subject.
struct Line {
    coming: BufReader<OwnedReadHalf>,
    leaving: OwnedWriteHalf,
    unsent: Vec<u8>,
}

impl Line {
    async fn connect(broker: SocketAddr, subject: &str) -> Result<Self> {
        let stream = TcpStream::connect(broker).await?;
        stream.set_nodelay(true)?;
        let (coming, mut leaving) = stream.into_split();
        let hello = format!("CONNECT {{\"verbose\":false}}\r\nSUB {subject} 1\r\n");
        leaving.write_all(hello.as_bytes()).await?;
        let coming = BufReader::with_capacity(BUFFER, coming);
        Ok(Self { coming, leaving, unsent: Vec::with_capacity(BUFFER) })
    }

    /// `reply` is where the answer goes, and a space; or nothing.
    fn publish(&mut self, subject: &str, reply: &str, data: &[u8]) {
        let head = format!("PUB {subject} {reply}{}\r\n", data.len());
        self.unsent.extend_from_slice(head.as_bytes());
        self.unsent.extend_from_slice(data);
        self.unsent.extend_from_slice(b"\r\n");
    }

    /// Sends what was published, unless there is more to read first.
    async fn flush_when_idle(&mut self) -> Result<()> {
        if self.coming.buffer().is_empty() || self.unsent.len() >= BUFFER {
            self.leaving.write_all(&self.unsent).await?;
            self.unsent.clear();
        }
        Ok(())
    }

    async fn next(&mut self) -> Result<Message> {
        let mut head = String::new();
        loop {
            head.clear();
            if self.coming.read_line(&mut head).await? == 0 {
                return Err("the broker has gone".into());
            }
            if let Some(message) = head.strip_prefix("MSG ") {
                return self.message(message).await;
            }
            if head.starts_with("PING") {
                self.leaving.write_all(b"PONG\r\n").await?;
            }
        }
    }

    /// `<subject> <sid> [reply] <bytes>`, then the bytes.
    async fn message(&mut self, head: &str) -> Result<Message> {
        let words: Vec<_> = head.split_whitespace().collect();
        let bytes: usize = words.last().ok_or("a message has a length")?.parse()?;
        let reply = (words.len() == 4).then(|| words[2].to_owned());
        let mut data = vec![0; bytes + 2];
        self.coming.read_exact(&mut data).await?;
        data.truncate(bytes);
        Ok(Message { reply, data })
    }
}
