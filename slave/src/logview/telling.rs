//! Tells what happens to an execution, as long as somebody may look.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures_util::stream::unfold;
use prost::Message;
use selsyn_common::ExecutionEvent;
use selsyn_common::proto::{self, WatchReply};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{sleep, timeout};
use tokio_stream::{Stream, StreamExt};

use super::face::Face;
use super::line::Line;
use super::links::Link;
use crate::core::Core;
use crate::records::{EventBytes, Reading, Record};

/// A silence after which the page says that it is still there: a reader that has gone without a
/// word is noticed only where something is written.
const SILENCE: Duration = Duration::from_secs(60);

/// A page that is being written for one reader. It reads at the reader's pace, by its own number.
struct Telling {
    core: Arc<Core>,
    link: Arc<Link>,
    face: Face,
    events: Pin<Box<dyn Stream<Item = EventBytes> + Send>>,
    /// The places among the readers of this address, and of all.
    _places: [OwnedSemaphorePermit; 2],
    at: At,
}

/// Where the page stands.
enum At {
    Head(String),
    Events,
    Over,
}

/// What comes next.
enum Next {
    Events(EventBytes),
    Silence,
    Over(&'static str),
}

/// The page, from its head to the verdict.
pub(crate) fn tell(
    core: &Arc<Core>,
    record: Arc<Record>,
    link: Arc<Link>,
    face: Face,
    places: [OwnedSemaphorePermit; 2],
) -> impl Stream<Item = Result<Bytes, Infallible>> + Send + use<> {
    let head = face.head(&title(&record));
    let (core, events) = (Arc::clone(core), Box::pin(Reading::all(record, 1)));
    let telling = Telling { core, link, face, events, _places: places, at: At::Head(head) };
    unfold(telling, async |mut telling| {
        let page = telling.next().await?;
        Some((Ok(Bytes::from(page)), telling))
    })
}

fn title(record: &Record) -> String {
    let labels = record.state().labels().to_vec();
    let parts = [record.function.name.clone(), record.id.to_string()];
    parts.into_iter().chain(labels).collect::<Vec<_>>().join(" · ")
}

impl Telling {
    /// The next piece of the page; `None` when it is complete.
    async fn next(&mut self) -> Option<String> {
        match std::mem::replace(&mut self.at, At::Events) {
            At::Head(head) => return Some(head),
            At::Events => {}
            At::Over => return None,
        }
        let mut page = String::new();
        match self.wait().await {
            Next::Events(events) => {
                lines(&events).for_each(|line| self.face.line(&line, &mut page));
            }
            Next::Silence => self.say("nothing new; still here", &mut page),
            Next::Over(why) => {
                if !why.is_empty() {
                    self.say(why, &mut page);
                }
                page.push_str(self.face.tail());
                self.at = At::Over;
            }
        }
        Some(page)
    }

    async fn wait(&mut self) -> Next {
        let now = self.core.epoch.now();
        let left = Duration::from_micros(self.link.until.saturating_sub(now));
        tokio::select! {
            biased;
            () = self.link.revoked.cancelled() => Next::Over("this address leads nowhere any more"),
            () = sleep(left) => Next::Over("this address has run out"),
            () = self.core.stopped.cancelled() => Next::Over("the slave stops"),
            next = timeout(SILENCE, self.events.next()) => match next {
                Ok(Some(events)) => Next::Events(events),
                Ok(None) => Next::Over(""),
                Err(_) => Next::Silence,
            }
        }
    }

    /// Says something that no function says.
    fn say(&self, what: &str, page: &mut String) {
        let now = self.core.logs.label(self.core.epoch.now());
        let now = UNIX_EPOCH + Duration::from_micros(now);
        self.face.line(&Line::new(now, "page".to_owned(), what), page);
    }
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
