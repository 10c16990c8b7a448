//! Waits for the ends of several executions.

use std::collections::{HashSet, VecDeque};
use std::future::pending;
use std::pin::Pin;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use selsyn_common::{ExecutionId, Outcome};
use tokio::time::{Instant, sleep_until, timeout};

use super::any::LOOK;
use crate::control::{Control, ControlError};

/// Executions that are waited for at once: each is a stream of the channel, which has 128.
const AT_ONCE: usize = 64;

/// Further ones at once that have ended already: those that run shall not keep their results from
/// being fetched while there are some.
const ENDED_AT_ONCE: usize = 16;

/// Executions that a slave says something of in one call.
const LOOKED_AT: usize = 10_000;

/// An execution, and its place among those that were named.
type Waited = (usize, ExecutionId);

/// Those that are not waited for yet.
#[derive(Debug, Default)]
struct Waiting {
    ended: VecDeque<Waited>,
    others: VecDeque<Waited>,
}

impl Waiting {
    /// The next one to be waited for, beside so many.
    fn next(&mut self, beside: usize) -> Option<Waited> {
        let ended = (beside < AT_ONCE + ENDED_AT_ONCE).then(|| self.ended.pop_front()).flatten();
        ended.or_else(|| (beside < AT_ONCE).then(|| self.others.pop_front()).flatten())
    }

    /// Those that are not waited for.
    fn ids(&self) -> Vec<ExecutionId> {
        self.others.iter().map(|(_, id)| *id).collect()
    }

    /// A look has come to this. Only that one of them is gone ends the wait: a slave that does not
    /// answer may be busy, and those that are waited for say whether it can be reached.
    fn found(
        &mut self,
        found: Result<HashSet<ExecutionId>, ControlError>,
    ) -> Result<(), ControlError> {
        match found {
            Ok(ended) => self.prefer(&ended),
            Err(error) if error.execution().is_some_and(|id| self.ids().contains(&id)) => {
                return Err(error);
            }
            Err(_) => {}
        }
        Ok(())
    }

    /// These have ended.
    fn prefer(&mut self, ended: &HashSet<ExecutionId>) {
        let has_ended = |(_, id): &Waited| ended.contains(id);
        let all = std::mem::take(&mut self.others).into_iter();
        let (ended, others): (VecDeque<_>, _) = all.partition(has_ended);
        self.ended.extend(ended);
        self.others = others;
    }
}

/// A look at which have ended, under way beside the waits.
type Look<'a> =
    Pin<Box<dyn Future<Output = Result<HashSet<ExecutionId>, ControlError>> + Send + 'a>>;

impl Control {
    /// Waits for the ends of all of these, unseen.
    pub(super) async fn all_ended(
        &self,
        ids: &[ExecutionId],
        limit: Option<Duration>,
    ) -> Result<Vec<Outcome>, ControlError> {
        let begun = Instant::now();
        let others = ids.iter().copied().enumerate().collect();
        let mut waiting = Waiting { others, ..Waiting::default() };
        let (mut waits, mut ends) = (FuturesUnordered::new(), Vec::new());
        waiting.prefer(&self.first_look(ids, limit).await?);
        let (mut looks, mut look) = (Instant::now() + LOOK, None);
        while ends.len() < ids.len() {
            while let Some((at, id)) = waiting.next(waits.len()) {
                let left = limit.map(|limit| limit.saturating_sub(begun.elapsed()));
                waits.push(async move { Ok::<_, ControlError>((at, self.ended(id, left).await?)) });
            }
            tokio::select! {
                // In any order: an error would wait for all before it.
                Some(end) = waits.next() => ends.push(end?),
                // Those beyond the first are not asked for before others have ended, which may be
                // never.
                () = sleep_until(looks), if look.is_none() && !waiting.others.is_empty() => {
                    look = Some(Box::pin(self.ended_of(waiting.ids())) as Look<'_>);
                }
                found = found(&mut look) => {
                    waiting.found(found)?;
                    (looks, look) = (Instant::now() + LOOK, None);
                }
            }
        }
        ends.sort_unstable_by_key(|(at, _)| *at);
        Ok(ends.into_iter().map(|(_, outcome)| outcome).collect())
    }

    /// Whether they are there, before anything is waited for, and which of them have ended.
    async fn first_look(
        &self,
        ids: &[ExecutionId],
        limit: Option<Duration>,
    ) -> Result<HashSet<ExecutionId>, ControlError> {
        let look = self.ended_of(ids.to_vec());
        let (Some(waited), Some(id)) = (limit, ids.first().copied()) else { return look.await };
        let elapsed = |_| ControlError::Elapsed { id, waited };
        timeout(waited, look).await.map_err(elapsed)?
    }

    /// Which of these have ended; the error of the first that the slave does not have, if there is
    /// one.
    async fn ended_of(&self, ids: Vec<ExecutionId>) -> Result<HashSet<ExecutionId>, ControlError> {
        let mut ended = HashSet::new();
        for asked in ids.chunks(LOOKED_AT) {
            let known = self.statuses(asked.iter().copied()).await?;
            self.refuse_missing(asked, &known).await?;
            ended.extend(known.iter().filter(|info| info.is_ended()).map(|info| info.id));
        }
        Ok(ended)
    }
}

/// What a look finds, if there is one.
async fn found(look: &mut Option<Look<'_>>) -> Result<HashSet<ExecutionId>, ControlError> {
    match look {
        Some(look) => look.await,
        None => pending().await,
    }
}

#[cfg(test)]
mod tests {
    use selsyn_common::TaskId;

    use super::*;

    #[test]
    fn what_has_ended_is_fetched_beside_sixty_four_that_never_end() {
        let id = |n: usize| ExecutionId::first(TaskId::from_random((n as u128).to_be_bytes()));
        let others = (0..70).map(|n| (n, id(n))).collect();
        let mut waiting = Waiting { others, ..Waiting::default() };
        let first: Vec<_> = (0..).map_while(|beside| waiting.next(beside)).collect();
        assert_eq!(first, (0..64).map(|n| (n, id(n))).collect::<Vec<_>>());
        waiting.prefer(&HashSet::from([id(69), id(66)]));
        assert_eq!(waiting.next(64), Some((66, id(66))));
        assert_eq!((waiting.next(80), waiting.next(65)), (None, Some((69, id(69)))));
        assert_eq!((waiting.next(64), waiting.next(63)), (None, Some((64, id(64)))));
    }

    #[test]
    fn a_look_ends_the_wait_only_where_one_that_is_still_waited_for_is_gone() {
        let id = |n: u64| ExecutionId::first(TaskId::from_halves(0, n));
        let others = VecDeque::from([(0, id(0))]);
        let mut waiting = Waiting { others, ..Waiting::default() };
        let timeout = ControlError::Timeout { address: "it".into(), patience: LOOK };
        assert!(waiting.found(Err(timeout)).is_ok());
        assert!(waiting.found(Err(ControlError::Expired { id: id(1) })).is_ok());
        assert!(waiting.found(Err(ControlError::Expired { id: id(0) })).is_err());
    }
}
