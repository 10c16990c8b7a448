use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn what_is_repeated_is_dealt_with_once(
        batches in prop::collection::vec((1_usize..9, 1_u8..4, 0_u64..20), 1..50),
    ) {
        let mut arrivals = Arrivals::default();
        let (mut sent, mut new) = (0_u64, 0);
        for (frames, times, back) in &batches {
            // A batch may begin with what was in the one before.
            let first = (sent + 1).saturating_sub(*back).max(1);
            let frames = *frames + (sent + 1 - first) as usize;
            sent = first - 1 + frames as u64;
            for _ in 0..*times {
                new += frames - arrivals.receive(first, frames, 0).unwrap();
            }
            prop_assert_eq!(arrivals.received(), sent);
        }
        prop_assert_eq!(new as u64, sent);
    }

    #[test]
    fn a_hole_never_goes_unseen(sent in 2_u64..100, lost in 0_u64..98) {
        let lost = 1 + lost % (sent - 1);
        let mut arrivals = Arrivals::default();
        let first_error = (1..=sent)
            .filter(|number| *number != lost)
            .find_map(|number| arrivals.receive(number, 1, 0).err());
        let hole = NumberingError::Missing { expected: lost, got: lost + 1 };
        prop_assert_eq!(first_error, Some(hole));
    }
}

#[test]
fn frames_that_must_have_numbers_and_have_none_are_refused() {
    let mut arrivals = Arrivals::default();
    assert_eq!(arrivals.receive(0, 1, 0), Err(NumberingError::Unnumbered));
    assert_eq!(arrivals.received(), 0);
}

#[test]
fn an_acknowledgement_is_owed_after_64_frames_or_128_kib() {
    let mut arrivals = Arrivals::default();
    arrivals.receive(1, 63, 0).unwrap();
    assert!(!arrivals.owes());
    arrivals.receive(64, 1, 0).unwrap();
    assert!(arrivals.owes());
    assert_eq!(arrivals.acknowledge(), 64);
    assert!(!arrivals.owes());
    arrivals.receive(65, 1, MAX_OWED_BYTES).unwrap();
    assert!(arrivals.owes());
}
