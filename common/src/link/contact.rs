//! Whether the other side still speaks. A view, never a verdict.
//!
//! ```text
//!              suspect_after              tolerance
//! Connected ───────────────▶ Suspect ───────────────▶ Unreachable
//!     ▲──────── any frame ──────┘
//! ```

use std::time::{Duration, Instant};

/// What the silence of the other side looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// It was heard lately.
    None,
    /// It has been silent for longer than `suspect_after`.
    Suspect,
    /// It has been silent for longer than the tolerance: the stream is of no use.
    Unreachable,
}

/// Watches the silence of the other side.
#[derive(Clone, Copy, Debug)]
pub struct Contact {
    suspect_after: Duration,
    tolerance: Duration,
    heard: Instant,
    /// This side noticed that it stood still itself, and nothing was heard since.
    renewed: bool,
}

impl Contact {
    /// Begins to listen at `now`.
    pub const fn new(suspect_after: Duration, tolerance: Duration, now: Instant) -> Self {
        Self { suspect_after, tolerance, heard: now, renewed: false }
    }

    /// A frame was heard, of any kind.
    pub const fn heard(&mut self, now: Instant) {
        self.heard = now;
        self.renewed = false;
    }

    /// Looks at the silence, which was planned for a moment before `now`. A look that comes far
    /// too late says that this side stood still: what the other side said meanwhile may wait
    /// unread, so that its patience begins anew, once.
    pub fn look(&mut self, planned: Instant, now: Instant) -> Silence {
        let late = now.saturating_duration_since(planned);
        if late > self.tolerance / 8 && !self.renewed {
            self.renewed = true;
            self.heard = now;
        }
        self.silence(now)
    }

    /// When the last frame was heard.
    pub const fn last_heard(&self) -> Instant {
        self.heard
    }

    /// What the silence looks like at `now`.
    pub fn silence(&self, now: Instant) -> Silence {
        let silent = now.saturating_duration_since(self.heard);
        if silent >= self.tolerance {
            Silence::Unreachable
        } else if silent >= self.suspect_after {
            Silence::Suspect
        } else {
            Silence::None
        }
    }

    /// When to look again: the next moment at which the view changes if nothing is heard. `None`
    /// when that is too far away to be told apart from never.
    pub fn next_look(&self, now: Instant) -> Option<Instant> {
        let silence = match self.silence(now) {
            Silence::None => self.suspect_after.min(self.tolerance),
            Silence::Suspect | Silence::Unreachable => self.tolerance,
        };
        self.heard.checked_add(silence)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SUSPECT: Duration = Duration::from_secs(7);
    const TOLERANCE: Duration = Duration::from_secs(17);

    #[test]
    fn silence_is_suspected_first_and_given_up_later() {
        let start = Instant::now();
        let contact = Contact::new(SUSPECT, TOLERANCE, start);
        let after = |seconds| contact.silence(start + Duration::from_secs(seconds));
        assert_eq!(after(6), Silence::None);
        assert_eq!(after(7), Silence::Suspect);
        assert_eq!(after(17), Silence::Unreachable);
    }

    #[test]
    fn who_stood_still_itself_renews_its_patience_once() {
        let start = Instant::now();
        let mut contact = Contact::new(SUSPECT, TOLERANCE, start);
        let woken = start + Duration::from_secs(30);
        assert_eq!(contact.look(start + SUSPECT, woken), Silence::None);
        let again = woken + Duration::from_secs(30);
        assert_eq!(contact.look(woken + SUSPECT, again), Silence::Unreachable);
        contact.heard(again);
        assert_eq!(contact.look(again, again + Duration::from_secs(30)), Silence::None);
    }

    proptest! {
        #[test]
        fn any_frame_restores_the_view(pauses in prop::collection::vec(0_u64..17_000, 1..20)) {
            let mut now = Instant::now();
            let mut contact = Contact::new(SUSPECT, TOLERANCE, now);
            for pause in pauses {
                now += Duration::from_millis(pause);
                prop_assert_ne!(contact.silence(now), Silence::Unreachable);
                contact.heard(now);
                prop_assert_eq!(contact.silence(now), Silence::None);
            }
        }

        #[test]
        fn looking_only_when_told_misses_no_change(silent in 0_u64..30_000) {
            let start = Instant::now();
            let contact = Contact::new(SUSPECT, TOLERANCE, start);
            let now = start + Duration::from_millis(silent);
            let next = contact.next_look(now).unwrap();
            let same_until_then = (now < next)
                .then(|| contact.silence(next - Duration::from_nanos(1)) == contact.silence(now));
            prop_assert_ne!(same_until_then, Some(false));
        }
    }
}
