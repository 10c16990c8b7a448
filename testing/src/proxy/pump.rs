//! Carries the bytes of one direction of one connection, as its flow decides.

use std::collections::VecDeque;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};

use super::board::Board;
use super::fault::{Direction, Ending};
use super::flow::{Cut, Flow, Step};

/// Bytes that are under way in one direction: as much as a socket's buffer. Beyond it the sender
/// waits, as on a network.
const UNDER_WAY: usize = 256 * 1024;
const READ_AT_ONCE: usize = 64 * 1024;

/// Why nothing flows this way any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// The sender has ended its side, and the receiver was shown it.
    Ended,
    /// One side is gone; the other is to hear of it as soon as this direction lets it.
    Gone { tell: Direction },
    /// A fault ends the connection.
    Cut(Ending),
}

pub(super) struct Pump<'a> {
    board: &'a Board,
    number: u64,
    flow: Flow,
    cut: Option<Cut>,
    pieces: VecDeque<(Instant, Vec<u8>)>,
    queued: usize,
    ended: bool,
    /// Where a copy of the first bytes goes; ends after so many.
    copy: Option<(usize, mpsc::UnboundedSender<Vec<u8>>)>,
}

impl<'a> Pump<'a> {
    pub(super) fn new(board: &'a Board, number: u64, direction: Direction) -> Self {
        let flow = Flow::new(direction, board.random(number, direction));
        let (cut, pieces) = (None, VecDeque::new());
        Self { board, number, flow, cut, pieces, queued: 0, ended: false, copy: None }
    }

    /// Also sends the first `bytes` that pass to `copy`.
    pub(super) fn copied(mut self, bytes: usize, copy: mpsc::UnboundedSender<Vec<u8>>) -> Self {
        self.copy = Some((bytes, copy));
        self
    }

    pub(super) async fn run(
        mut self,
        from: &mut (impl AsyncRead + Unpin),
        to: &mut (impl AsyncWrite + Unpin),
    ) -> Exit {
        let mut changes = self.board.changes();
        let mut buffer = vec![0; READ_AT_ONCE];
        loop {
            changes.mark_unchanged();
            let holds = match self.step() {
                Step::End(Ending::HalfClose) => {
                    let _ = to.shutdown().await;
                    return self.swallow(from, &mut buffer).await;
                }
                Step::End(ending) => return Exit::Cut(ending),
                Step::Pass { bytes, pause } => {
                    if self.pass(bytes, to).await.is_err() {
                        return Exit::Gone { tell: self.flow.direction().opposite() };
                    }
                    // Pieces that are to arrive apart must not leave together.
                    if pause.is_zero() {
                        tokio::task::yield_now().await
                    } else {
                        sleep(pause).await
                    }
                    continue;
                }
                Step::Hold => self.board.is_held(self.flow.direction()),
            };
            if self.ended && self.pieces.is_empty() && !holds {
                // A receiver that is gone by now has no use for the end.
                let _ = to.shutdown().await;
                return Exit::Ended;
            }
            let due = self.pieces.front().map(|(due, _)| *due).filter(|_| !holds);
            tokio::select! {
                biased; // A fault that was just injected comes before the bytes that follow it.
                _ = changes.changed() => {}
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
                read = from.read(&mut buffer), if !self.ended && self.queued < UNDER_WAY => match read {
                    Ok(0) => self.ended = true,
                    Ok(read) => self.queue(&buffer[..read]),
                    Err(_) => return self.sender_gone().await,
                },
            }
        }
    }

    /// Asks the flow about the bytes whose time has come.
    fn step(&mut self) -> Step {
        if self.cut.is_none() {
            self.cut = self.board.take_cut(self.number, self.flow.direction());
        }
        let now = Instant::now();
        let waiting = match self.pieces.front() {
            Some((due, piece)) if *due <= now => piece.len(),
            _ => 0,
        };
        let (step, felt) = self.flow.step(waiting, &self.board.lasting(), self.cut.as_ref());
        if let Step::End(_) = step {
            self.cut = None;
        }
        self.board.felt(&felt);
        step
    }

    fn queue(&mut self, bytes: &[u8]) {
        let due = self.flow.due(Instant::now(), &self.board.lasting());
        self.queued += bytes.len();
        self.pieces.push_back((due, bytes.to_vec()));
    }

    async fn pass(
        &mut self,
        bytes: usize,
        to: &mut (impl AsyncWrite + Unpin),
    ) -> std::io::Result<()> {
        let (_, piece) = self.pieces.front_mut().expect("only what waits may pass");
        let rest = piece.split_off(bytes.min(piece.len()));
        let passing = std::mem::replace(piece, rest);
        if piece.is_empty() {
            self.pieces.pop_front();
        }
        self.queued -= passing.len();
        if let Some(cut) = &mut self.cut {
            cut.bytes -= passing.len() as u64;
        }
        to.write_all(&passing).await?;
        to.flush().await?;
        self.copy_of(passing);
        Ok(())
    }

    fn copy_of(&mut self, mut passed: Vec<u8>) {
        let Some((left, copy)) = &mut self.copy else { return };
        passed.truncate(*left);
        *left -= passed.len();
        // The duplicate may have been refused: then nobody is told twice.
        let is_over = copy.send(passed).is_err() || *left == 0;
        if is_over {
            self.copy = None;
        }
    }

    /// After a half-close: the sender speaks to nobody.
    async fn swallow(self, from: &mut (impl AsyncRead + Unpin), buffer: &mut [u8]) -> Exit {
        while let Ok(1..) = from.read(buffer).await {}
        Exit::Ended
    }

    /// A reset overtakes the bytes before it, but no stall.
    async fn sender_gone(self) -> Exit {
        Exit::Gone { tell: self.flow.direction() }
    }
}

impl Drop for Pump<'_> {
    fn drop(&mut self) {
        if let Some(cut) = self.cut.take() {
            self.board.give_back(cut);
        }
    }
}
