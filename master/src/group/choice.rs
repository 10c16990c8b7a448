//! Which member of a group is asked next, and what its refusal means for the others.
//!
//! Pure: `any` carries in what the connections look like.

use std::time::Duration;

use selsyn_common::ErrorCode;

use crate::connection::ConnectionState;
use crate::error::StartError;

/// Pause before a slave is asked again whose refusal passes with time and names no pause.
const PAUSE: Duration = Duration::from_millis(100);

/// A member that might be asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub(super) state: ConnectionState,
    /// Free slots; below 0 when tasks wait in its queue.
    pub(super) room: isize,
    /// It has refused, and is not to be asked now.
    pub(super) is_out: bool,
}

/// The member to ask: one that answers rather than a suspected one, then the one with most room,
/// then the first.
pub(super) fn choose(candidates: &[Candidate]) -> Option<usize> {
    let open = candidates.iter().enumerate().filter(|(_, candidate)| may_take(candidate));
    let best = open.max_by_key(|(index, candidate)| {
        let answers = candidate.state == ConnectionState::Connected;
        (answers, candidate.room, std::cmp::Reverse(*index))
    });
    best.map(|(index, _)| index)
}

fn may_take(candidate: &Candidate) -> bool {
    let is_open = match candidate.state {
        ConnectionState::Connected | ConnectionState::Suspect => true,
        ConnectionState::Dialing
        | ConnectionState::Draining
        | ConnectionState::Unreachable
        | ConnectionState::Failed
        | ConnectionState::Closed => false,
    };
    is_open && !candidate.is_out
}

/// What a start that failed means for the search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The search is over: nobody else could do better, or the task may run after all.
    Over,
    /// Ask the others, and this one again after a pause.
    Again(Duration),
    /// Ask the others, and this one when another life of it answers: it is about to go.
    WhenBack,
    /// Ask the others, and this one when another life of it answers; nothing says that one will.
    Elsewhere,
}

/// Whether somebody else may take what this one did not.
pub(super) fn after(error: &StartError) -> Next {
    match error {
        StartError::Hook { .. }
        | StartError::Stopped { .. }
        | StartError::NoSlaveTook { .. }
        | StartError::InsideRuntime { .. }
        | StartError::Unknown(_) => Next::Over,
        StartError::Refused { refusal, .. } => match (refusal.reason, refusal.retry_after) {
            (_, Some(pause)) => Next::Again(pause),
            (ErrorCode::QueueFull | ErrorCode::SlaveBusy | ErrorCode::ForegroundBusy, None) => {
                Next::Again(PAUSE)
            }
            (ErrorCode::Draining, None) => Next::WhenBack,
            (_, None) => Next::Elsewhere,
        },
        // Closed: it went down before the start was sent, and may be up again.
        StartError::TooManyInFlight { .. } | StartError::Closed { .. } => Next::Again(PAUSE),
        StartError::TooLarge { .. }
        | StartError::Deadline { .. }
        | StartError::Forbidden { .. }
        | StartError::NotConnected { .. } => Next::Elsewhere,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn candidate() -> impl Strategy<Value = Candidate> {
        let states = prop::sample::select(vec![
            ConnectionState::Dialing,
            ConnectionState::Connected,
            ConnectionState::Suspect,
            ConnectionState::Draining,
            ConnectionState::Unreachable,
            ConnectionState::Failed,
            ConnectionState::Closed,
        ]);
        (states, -9..9isize, any::<bool>()).prop_map(|(state, room, is_out)| Candidate {
            state,
            room,
            is_out,
        })
    }

    proptest! {
        #[test]
        fn nobody_who_may_take_it_has_more_room_than_the_chosen_one(
            candidates in prop::collection::vec(candidate(), 0..9)
        ) {
            let open = |state| {
                let of = move |candidate: &&Candidate| candidate.state == state && !candidate.is_out;
                candidates.iter().filter(of).map(|candidate| candidate.room).max()
            };
            let best = open(ConnectionState::Connected).or(open(ConnectionState::Suspect));
            let chosen = choose(&candidates).map(|index| candidates[index]);
            prop_assert_eq!(chosen.map(|candidate| candidate.room), best);
            prop_assert!(chosen.is_none_or(|candidate| !candidate.is_out));
        }
    }
}
