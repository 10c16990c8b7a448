//! Carries one connection from its dial to its end.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::mpsc;

use super::Dial;
use super::board::Board;
use super::fault::{Direction, Ending, FaultKind};
use super::pump::{Exit, Pump};
use super::wire::Wire;

/// Registers a connection as long as it lives.
pub(super) struct Open(Arc<Board>, u64);

impl Open {
    pub(super) fn new(board: &Arc<Board>) -> Self {
        Self(Arc::clone(board), board.open())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.close(self.1);
    }
}

/// Joins the side that dialled with the side that listens, until one of them or a fault ends it.
pub(super) async fn carry(board: Arc<Board>, near: Wire, dial: Dial) {
    if swallowed_by_a_hole(&board).await {
        // What a network swallows is never answered: whoever still waits must dial again.
        near.reset_on_drop();
        return;
    }
    let Ok(far) = dial().await else { return near.reset_on_drop() };
    join(Open::new(&board), near, far, dial).await;
}

/// Waits for the end of a black hole; says whether there was one.
pub(super) async fn swallowed_by_a_hole(board: &Board) -> bool {
    let mut changes = board.changes();
    let mut swallowed = false;
    while is_hole(board) {
        swallowed = true;
        board.felt(&[FaultKind::BlackHole]);
        // The board outlives its connections: the wait cannot fail.
        let _ = changes.changed().await;
    }
    swallowed
}

fn is_hole(board: &Board) -> bool {
    board.is_held(Direction::ToSlave) && board.is_held(Direction::ToMaster)
}

pub(super) async fn join(open: Open, near: Wire, far: Wire, dial: Dial) {
    let board = Arc::clone(&open.0);
    let (mut near_read, mut near_write) = tokio::io::split(near);
    let (mut far_read, mut far_write) = tokio::io::split(far);
    let mut to_slave = Pump::new(&board, open.1, Direction::ToSlave);
    let to_master = Pump::new(&board, open.1, Direction::ToMaster);
    let (copy, copied) = mpsc::unbounded_channel();
    let duplicate = board.take_duplicate();
    if let Some(bytes) = duplicate {
        to_slave = to_slave.copied(bytes, copy);
    }
    let ending = tokio::select! {
        biased; // A reset comes before what would still pass.
        () = reset(&board, open.1) => Ending::Reset,
        ending = both(
            &board,
            to_slave.run(&mut near_read, &mut far_write),
            to_master.run(&mut far_read, &mut near_write),
        ) => ending,
        never = second(&board, duplicate, copied, dial) => match never {},
    };
    end(near_read, near_write, ending);
    end(far_read, far_write, ending);
}

fn end(read: ReadHalf<Wire>, write: WriteHalf<Wire>, ending: Ending) {
    let wire = read.unsplit(write);
    if ending == Ending::Reset {
        wire.reset_on_drop();
    }
}

async fn reset(board: &Board, number: u64) {
    let mut changes = board.changes();
    while !board.must_reset(number) {
        // The board outlives its connections: the wait cannot fail.
        let _ = changes.changed().await;
    }
}

/// Runs both directions until neither can flow.
async fn both(
    board: &Board,
    to_slave: impl Future<Output = Exit>,
    to_master: impl Future<Output = Exit>,
) -> Ending {
    let (mut to_slave, mut to_master) = (std::pin::pin!(to_slave), std::pin::pin!(to_master));
    let (first, rest) = tokio::select! {
        exit = &mut to_slave => (exit, Err(to_master)),
        exit = &mut to_master => (exit, Ok(to_slave)),
    };
    let exit = match (first, rest) {
        (Exit::Ended, Ok(other)) => other.await,
        (Exit::Ended, Err(other)) => other.await,
        (exit, _) => exit,
    };
    match exit {
        Exit::Ended => Ending::Close,
        Exit::Cut(ending) => ending,
        Exit::Gone { tell } => {
            until_open(board, tell).await;
            Ending::Reset
        }
    }
}

/// Waits until news can travel this way.
async fn until_open(board: &Board, direction: Direction) {
    let mut changes = board.changes();
    while board.is_held(direction) {
        // The board outlives its connections: the wait cannot fail.
        let _ = changes.changed().await;
    }
}

/// The second connection of a duplicate: says what it is given, listens to nothing, and stays as
/// long as the first.
async fn second(
    board: &Board,
    bytes: Option<usize>,
    copied: mpsc::UnboundedReceiver<Vec<u8>>,
    dial: Dial,
) -> Infallible {
    if let Some(bytes) = bytes {
        // A slave that refuses the second one has felt nothing: it is not counted.
        let _ = repeat(board, bytes, copied, dial).await;
    }
    std::future::pending().await
}

async fn repeat(
    board: &Board,
    bytes: usize,
    mut copied: mpsc::UnboundedReceiver<Vec<u8>>,
    dial: Dial,
) -> io::Result<()> {
    let (mut answers, mut says) = tokio::io::split(dial().await?);
    let saying = async {
        let mut said = 0;
        while let Some(piece) = copied.recv().await {
            says.write_all(&piece).await?;
            says.flush().await?;
            said += piece.len();
            if said >= bytes {
                board.felt(&[FaultKind::DuplicateConnect]);
            }
        }
        std::future::pending::<io::Result<()>>().await
    };
    let hearing = async {
        let mut heard = vec![0; 16 * 1024];
        while answers.read(&mut heard).await? > 0 {}
        Ok(())
    };
    tokio::try_join!(saying, hearing).map(drop)
}
