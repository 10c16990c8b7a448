//! A client as small as can be: HTTP/1.0, so that the end of the connection ends the answer.

use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;

use crate::Done;

/// An answer whose body is still coming. Dropping it goes away.
pub(crate) struct Answer {
    pub(crate) status: String,
    pub(crate) retry_after: Option<String>,
    lines: Lines<BufReader<TcpStream>>,
}

/// Posts an empty body, and reads the head of the answer.
pub(crate) async fn post(service: SocketAddr, path: &str) -> Done<Answer> {
    let mut stream = TcpStream::connect(service).await?;
    let request = format!("POST {path} HTTP/1.0\r\nContent-Length: 0\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut lines = BufReader::new(stream).lines();
    let status = lines.next_line().await?.ok_or("the service hung up")?;
    let mut retry_after = None;
    while let Some(header) = lines.next_line().await?.filter(|line| !line.is_empty()) {
        retry_after = header.strip_prefix("retry-after: ").map(str::to_owned).or(retry_after);
    }
    Ok(Answer { status, retry_after, lines })
}

impl Answer {
    /// The next line that says something, comments apart; `None` at the end.
    pub(crate) async fn line(&mut self) -> Done<Option<String>> {
        while let Some(line) = self.lines.next_line().await? {
            if !line.is_empty() && !line.starts_with(':') {
                return Ok(Some(line));
            }
        }
        Ok(None)
    }

    /// The next event: its name, and its data if it has any.
    pub(crate) async fn event(&mut self) -> Done<Option<(String, String)>> {
        let Some(line) = self.line().await? else { return Ok(None) };
        let name = line.strip_prefix("event: ").ok_or("expected an event")?.to_owned();
        let line = self.line().await?.ok_or("expected the event's data")?;
        let data = line.strip_prefix("data:").ok_or("expected the event's data")?;
        Ok(Some((name, data.trim_start().to_owned())))
    }
}
