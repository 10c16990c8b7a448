//! As much of a browser as a test needs: one GET by HTTP/1.1 on a socket of its own.

use std::net::SocketAddr;

use selsyn_testing::expect;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// A connection of any kind.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// What a slave answers; its body is read as far as the test asks.
pub(super) struct Answer {
    pub(super) status: u16,
    /// In lower case, without the status and the date.
    pub(super) headers: Vec<String>,
    from: BufReader<Box<dyn Stream>>,
    is_chunked: bool,
    ready: String,
    is_over: bool,
}

/// Asks for a page, as `curl -N` does.
pub(super) async fn get(address: SocketAddr, path: &str) -> Answer {
    get_on(TcpStream::connect(address).await.unwrap(), path).await
}

/// As [`get`], on a connection of any kind.
pub(super) async fn get_on(stream: impl Stream + 'static, path: &str) -> Answer {
    ask_on(stream, &format!("GET {path} HTTP/1.1\r\nhost: slave\r\naccept: */*\r\n\r\n")).await
}

/// Sends a request, and reads the head of the answer.
pub(super) async fn ask(address: SocketAddr, request: &str) -> Answer {
    ask_on(TcpStream::connect(address).await.unwrap(), request).await
}

async fn ask_on(mut stream: impl Stream + 'static, request: &str) -> Answer {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut from = BufReader::new(Box::new(stream) as Box<dyn Stream>);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        expect::soon("the head of an answer", from.read_line(&mut line)).await.unwrap();
        if line.trim().is_empty() {
            break;
        }
        head.push(line.trim().to_lowercase());
    }
    let status = head.remove(0).split(' ').nth(1).unwrap().parse().unwrap();
    head.retain(|header| !header.starts_with("date:"));
    let is_chunked = head.iter().any(|header| header == "transfer-encoding: chunked");
    Answer { status, headers: head, from, is_chunked, ready: String::new(), is_over: false }
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let start = format!("{name}: ");
        self.headers.iter().find_map(|header| header.strip_prefix(&start))
    }

    /// The next line; `None` after the last. Waits for it.
    pub(super) async fn line(&mut self) -> Option<String> {
        loop {
            if let Some((line, rest)) = self.ready.split_once('\n') {
                let line = line.to_owned();
                self.ready = rest.to_owned();
                return Some(line);
            }
            if self.is_over {
                return None;
            }
            let more = expect::soon("more of the page", self.more()).await;
            self.ready.push_str(&more);
        }
    }

    /// All that is left.
    pub(super) async fn rest(&mut self) -> String {
        let mut rest = std::mem::take(&mut self.ready);
        while !self.is_over {
            rest += &expect::soon("the rest of the page", self.more()).await;
        }
        rest
    }

    async fn more(&mut self) -> String {
        let length: usize = if self.is_chunked {
            let mut size = String::new();
            self.from.read_line(&mut size).await.unwrap();
            usize::from_str_radix(size.trim(), 16).unwrap()
        } else {
            self.is_over = true;
            self.header("content-length").unwrap().parse().unwrap()
        };
        let end = if self.is_chunked { 2 } else { 0 };
        let mut bytes = vec![0; length + end];
        self.from.read_exact(&mut bytes).await.unwrap();
        bytes.truncate(length);
        self.is_over |= length == 0;
        String::from_utf8(bytes).unwrap()
    }

    /// Whether the slave closes the connection now.
    pub(super) async fn closes(mut self) -> bool {
        expect::soon("the end of the connection", self.from.read(&mut [0])).await.unwrap() == 0
    }
}
