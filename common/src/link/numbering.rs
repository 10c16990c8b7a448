//! Which frames have left, which have arrived, and which are missing.

/// Numbers what leaves: dense from 1.
#[derive(Debug, Default)]
pub struct Departures {
    last: u64,
    acked: u64,
}

/// Checks the numbers of what arrives.
#[derive(Debug, Default)]
pub struct Arrivals {
    last: u64,
}

/// What a number says about the frame that carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// Deal with it.
    New,
    /// It was dealt with before: drop it.
    Again,
}

/// A number that breaks a rule of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumberingError {
    /// A frame is missing before this one.
    #[error("frame {expected} is missing before frame {got}")]
    Missing {
        /// The number that should have come.
        expected: u64,
        /// The number that came.
        got: u64,
    },
    /// A frame that must carry a number has none, or the reverse.
    #[error("frame {got} is numbered wrongly: {rule}")]
    Kind {
        /// The number that came.
        got: u64,
        /// What the rule is.
        rule: &'static str,
    },
    /// The other side acknowledges what was never sent.
    #[error("frame {acked} is acknowledged, but only {sent} were sent")]
    AckAhead {
        /// What it acknowledges.
        acked: u64,
        /// The last number sent.
        sent: u64,
    },
}

impl Departures {
    /// The number of the next frame.
    pub fn number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// Notes the other side's ack; an older one than before says nothing new.
    ///
    /// # Errors
    ///
    /// [`NumberingError::AckAhead`] when it acknowledges what was never sent: end the stream.
    pub fn acked(&mut self, acked: u64) -> Result<(), NumberingError> {
        if acked > self.last {
            let sent = self.last;
            return Err(NumberingError::AckAhead { acked, sent });
        }
        self.acked = self.acked.max(acked);
        Ok(())
    }

    /// How many frames have left and are not acknowledged.
    pub const fn unacked(&self) -> u64 {
        self.last - self.acked
    }
}

impl Arrivals {
    /// The highest number received: what the next frame acknowledges.
    pub const fn ack(&self) -> u64 {
        self.last
    }

    /// Takes the number of a frame.
    ///
    /// # Errors
    ///
    /// [`NumberingError`] when a frame is missing or numbered wrongly: end the stream.
    pub fn receive(&mut self, seq: u64, numbered: bool) -> Result<Arrival, NumberingError> {
        let expected = self.last + 1;
        match (numbered, seq) {
            (false, 0) => Ok(Arrival::New),
            (false, got) => Err(NumberingError::Kind { got, rule: "this frame has no number" }),
            (true, 0) => Err(NumberingError::Kind { got: 0, rule: "this frame has a number" }),
            (true, got) if got > expected => Err(NumberingError::Missing { expected, got }),
            (true, got) if got < expected => Ok(Arrival::Again),
            (true, got) => {
                self.last = got;
                Ok(Arrival::New)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_repeated_is_dealt_with_once(repeats in prop::collection::vec(1_u8..4, 1..50)) {
            let (mut departures, mut arrivals) = (Departures::default(), Arrivals::default());
            let mut new = 0;
            for times in &repeats {
                let seq = departures.number();
                for _ in 0..*times {
                    new += usize::from(arrivals.receive(seq, true) == Ok(Arrival::New));
                }
                departures.acked(arrivals.ack()).unwrap();
            }
            prop_assert_eq!((new, departures.unacked()), (repeats.len(), 0));
        }

        #[test]
        fn a_hole_never_goes_unseen(sent in 2_u64..100, lost in 0_u64..98) {
            let lost = 1 + lost % (sent - 1);
            let mut arrivals = Arrivals::default();
            let first_error = (1..=sent)
                .filter(|seq| *seq != lost)
                .find_map(|seq| arrivals.receive(seq, true).err());
            let hole = NumberingError::Missing { expected: lost, got: lost + 1 };
            prop_assert_eq!(first_error, Some(hole));
        }
    }

    #[test]
    fn an_ack_of_what_was_never_sent_is_refused() {
        let mut departures = Departures::default();
        departures.number();
        let error = departures.acked(2).unwrap_err();
        assert_eq!(error, NumberingError::AckAhead { acked: 2, sent: 1 });
    }

    #[test]
    fn an_ack_that_comes_late_takes_nothing_back() {
        let mut departures = Departures::default();
        let sent: Vec<_> = (0..3).map(|_| departures.number()).collect();
        assert_eq!(sent, [1, 2, 3]);
        departures.acked(3).unwrap();
        departures.acked(1).unwrap();
        assert_eq!(departures.unacked(), 0);
    }

    #[test]
    fn a_frame_with_the_wrong_kind_of_number_is_refused() {
        let mut arrivals = Arrivals::default();
        arrivals.receive(0, true).unwrap_err();
        arrivals.receive(1, false).unwrap_err();
        assert_eq!(arrivals.ack(), 0);
    }
}
