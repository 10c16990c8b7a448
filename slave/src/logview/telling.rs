//! Tells what happens to an execution, as long as somebody may look.
//!
//! Who tells is a task of its own, and no part of the answer: an answer is asked for more only where
//! its reader has room for it, and one whose reader takes nothing would never learn that its time is
//! over.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures_util::stream::unfold;
use prost::Message;
use selsyn_common::ExecutionEvent;
use selsyn_common::proto::{self, WatchReply};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_stream::{Stream, StreamExt};

use super::face::Face;
use super::line::Line;
use super::links::Link;
use crate::core::Core;
use crate::records::{EventBytes, Logs, Reading, Record, RecordRef};

/// A silence after which the page says that it is still there: a reader that has gone without a
/// word is noticed only where something is written.
const SILENCE: Duration = Duration::from_secs(60);

/// Time for the last word, which few who have stood still so far will take.
const LAST_WORD: Duration = Duration::from_secs(1);

/// A page that is being written for one reader. It reads at the reader's pace, by its own number.
struct Telling {
    logs: Arc<Logs>,
    face: Face,
    events: Pin<Box<dyn Stream<Item = EventBytes> + Send>>,
    reader: Reader,
}

/// Who reads a page, one piece after the other.
struct Reader {
    pieces: mpsc::Sender<Bytes>,
    /// How long it may leave a piece.
    patience: Duration,
}

/// Nobody takes the page any more.
struct Gone;

/// The page, from its head to the verdict, for a reader that has these places as long as it is told, and
/// may leave each piece for so long.
pub(crate) fn tell<P: Send + 'static>(
    core: &Arc<Core>,
    record: RecordRef,
    link: Arc<Link>,
    face: Face,
    places: P,
    patience: Duration,
) -> impl Stream<Item = Result<Bytes, Infallible>> + Send + use<P> {
    let (pieces, page) = mpsc::channel(1);
    let head = face.head(&title(&record));
    let (logs, events) = (Arc::clone(&core.logs), Box::pin(Reading::all(record, 1)));
    let reader = Reader { pieces, patience };
    let telling = Telling { logs, face, events, reader };
    core.spawn(until_over(Arc::clone(core), link, telling, head, places));
    unfold(page, async |mut page| page.recv().await.map(|piece| (Ok(piece), page)))
}

fn title(record: &Record) -> String {
    let labels = record.state().labels().to_vec();
    let parts = [record.function.name.clone(), record.id.to_string()];
    parts.into_iter().chain(labels).collect::<Vec<_>>().join(" · ")
}

/// Tells until the execution has ended, nobody looks any more, or nobody may.
async fn until_over(
    core: Arc<Core>,
    link: Arc<Link>,
    mut telling: Telling,
    head: String,
    places: impl Send,
) {
    let why = tokio::select! {
        biased;
        () = link.revoked.cancelled() => "this address leads nowhere any more",
        () = sleep(link.left(core.epoch.now())) => "this address has run out",
        () = core.stopped.cancelled() => "the slave stops",
        _ = telling.all(head) => return,
    };
    // Before the last word: who takes nothing takes that neither, and shall keep nothing for it.
    drop(places);
    let Telling { logs, face, events, reader } = telling;
    drop(events);
    let last = said(&logs, &face, why) + face.tail();
    let _ = timeout(LAST_WORD, reader.take(last)).await;
}

impl Telling {
    /// Tells everything.
    async fn all(&mut self, head: String) -> Result<(), Gone> {
        self.reader.take(head).await?;
        while let Some(piece) = self.next().await? {
            self.reader.take(piece).await?;
        }
        self.reader.take(self.face.tail().to_owned()).await
    }

    /// The next piece; none when the execution has ended.
    async fn next(&mut self) -> Result<Option<String>, Gone> {
        let next = tokio::select! {
            () = self.reader.pieces.closed() => return Err(Gone),
            next = timeout(SILENCE, self.events.next()) => next,
        };
        let silence = |_| Some(said(&self.logs, &self.face, "nothing new; still here"));
        Ok(next.map_or_else(silence, |events| events.map(|events| self.lines(&events))))
    }

    fn lines(&self, events: &EventBytes) -> String {
        let mut piece = String::new();
        lines(events).for_each(|line| self.face.line(&line, &mut piece));
        piece
    }
}

impl Reader {
    /// Has it take a piece, as soon as it has taken those before.
    async fn take(&self, piece: String) -> Result<(), Gone> {
        if piece.is_empty() {
            return Ok(());
        }
        let taken = timeout(self.patience, self.pieces.send(piece.into())).await;
        taken.map_err(|_| Gone)?.map_err(|_| Gone)
    }
}

/// Something that no function says.
fn said(logs: &Logs, face: &Face, what: &str) -> String {
    let now = UNIX_EPOCH + Duration::from_micros(logs.label(logs.epoch().now()));
    let mut piece = String::new();
    face.line(&Line::new(now, "page".to_owned(), what), &mut piece);
    piece
}

/// What happened, line by line.
fn lines(events: &EventBytes) -> impl Iterator<Item = Line> {
    let events = WatchReply::decode(&*events.encode_to_vec()).unwrap_or_default().events;
    events.into_iter().map(|event: proto::Event| {
        let at = time(&event);
        let unreadable = |_| Line::new(at, "state".to_owned(), "something that cannot be read");
        ExecutionEvent::try_from(event).map_or_else(unreadable, Line::of)
    })
}

fn time(event: &proto::Event) -> SystemTime {
    UNIX_EPOCH + Duration::from_micros(event.at_micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_leaves_a_piece_for_too_long_is_let_go_and_a_slow_one_is_not() {
        let (pieces, mut page) = mpsc::channel(1);
        let reader = Reader { pieces, patience: SILENCE };
        let slow = async {
            for _ in 0..3 {
                sleep(SILENCE * 9 / 10).await;
                page.recv().await.unwrap();
            }
        };
        let told = async {
            for _ in 0..4 {
                assert!(reader.take("a piece".to_owned()).await.is_ok());
            }
        };
        tokio::join!(slow, told);
        assert!(reader.take("one too many".to_owned()).await.is_err());
    }
}
