//! Which addresses there are, and what each leads to.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use selsyn_common::{ExecutionId, Token};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::random;

/// What a page's path begins with, before its secret.
pub(crate) const PREFIX: &str = "/logview/";

/// Longest life of an address.
pub(crate) const MAX_VALID: Duration = Duration::from_secs(24 * 60 * 60);

/// A function that asks for its address is given the former one while it is good for as long: one
/// that tells it with each line takes the place of nobody's.
const GOOD_ENOUGH: Duration = Duration::from_secs(12 * 60 * 60);

/// Addresses that are remembered, some 300 bytes each; the oldest goes first.
const MAX_LINKS: usize = 1_024;

/// Readers of one address at once: enough for a team, few enough that one address that got about
/// does not take the place of all others.
const READERS_OF_ONE: usize = 8;

/// Readers of all addresses at once. Each holds a connection, of which there are some hundred.
const READERS: usize = 32;

/// Hex digits of an address that find it; the others are its secret.
const NAME: usize = 32;

/// What an address leads to.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) execution: ExecutionId,
    token: Token,
    /// The execution says it of itself.
    is_own: bool,
    /// The slave's time at which it runs out, in microseconds.
    until: u64,
    /// Told when it leads nowhere any more.
    pub(crate) revoked: CancellationToken,
    pub(crate) readers: Arc<Semaphore>,
}

/// The addresses that lead somewhere.
#[derive(Debug)]
pub(crate) struct Links {
    table: Mutex<Table>,
    /// What is compared where there is nothing to compare with: it takes the same time.
    nobody: Token,
    pub(crate) readers: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct Table {
    links: HashMap<u128, Arc<Link>>,
    /// Oldest first.
    order: VecDeque<u128>,
}

impl Default for Links {
    fn default() -> Self {
        let readers = Arc::new(Semaphore::new(READERS));
        Self { table: Mutex::default(), nobody: Token::from_random([0; 32]), readers }
    }
}

impl Links {
    /// Makes an address of an execution; gives its path.
    pub(crate) fn add(
        &self,
        execution: ExecutionId,
        valid: Duration,
        now: u64,
    ) -> io::Result<String> {
        let link = Link::new(execution, valid, now)?;
        let path = link.path();
        self.table().add(link, now);
        Ok(path)
    }

    /// The address that an execution says of itself: its path, and how long it is good.
    pub(crate) fn own(&self, execution: ExecutionId, now: u64) -> io::Result<(String, Duration)> {
        let mut table = self.table();
        if let Some(own) = table.own(execution, now) {
            return Ok(own);
        }
        let link = Link { is_own: true, ..Link::new(execution, MAX_VALID, now)? };
        let own = (link.path(), link.left(now));
        table.add(link, now);
        Ok(own)
    }

    /// What the last part of an address leads to. Takes the same time whatever is wrong with it.
    pub(crate) fn find(&self, presented: &str, now: u64) -> Option<Arc<Link>> {
        let found = self.table().links.get(&name(presented)?).cloned();
        let token = found.as_ref().map_or(&self.nobody, |link| &link.token);
        let is_right = token.matches(presented);
        found.filter(|link| is_right && now < link.until)
    }

    /// Lets every address of an execution lead nowhere; gives how many there were.
    pub(crate) fn revoke(&self, execution: ExecutionId, now: u64) -> usize {
        self.table().remove(|link| link.execution == execution && now < link.until)
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Link {
    fn new(execution: ExecutionId, valid: Duration, now: u64) -> io::Result<Self> {
        let token = random::bytes().map(Token::from_random)?;
        let valid = u64::try_from(valid.min(MAX_VALID).as_micros()).unwrap_or(u64::MAX);
        let (revoked, readers) = (CancellationToken::new(), Semaphore::new(READERS_OF_ONE));
        let (until, readers) = (now + valid, Arc::new(readers));
        Ok(Self { execution, token, is_own: false, until, revoked, readers })
    }

    fn path(&self) -> String {
        format!("{PREFIX}{}", self.token.reveal())
    }

    /// How long it is good from now on.
    pub(crate) fn left(&self, now: u64) -> Duration {
        Duration::from_micros(self.until.saturating_sub(now))
    }
}

impl Table {
    /// What an execution says of itself, if it does and may go on to.
    fn own(&self, execution: ExecutionId, now: u64) -> Option<(String, Duration)> {
        let is_own = |link: &&Arc<Link>| link.is_own && link.execution == execution;
        let mut own = self.links.values().filter(is_own).map(|link| (link.path(), link.left(now)));
        own.find(|(_, left)| *left >= GOOD_ENOUGH)
    }

    fn add(&mut self, link: Link, now: u64) {
        let Some(name) = name(link.token.reveal()) else { return };
        self.remove(|link| link.until <= now);
        if self.order.len() == MAX_LINKS
            && let Some(oldest) = self.order.front().and_then(|name| self.links.get(name)).cloned()
        {
            self.remove(|link| std::ptr::eq(link, &*oldest));
        }
        self.links.insert(name, Arc::new(link));
        self.order.push_back(name);
    }

    /// Removes such addresses, and lets go of those who read there; gives how many there were.
    fn remove(&mut self, is_meant: impl Fn(&Link) -> bool) -> usize {
        let before = self.links.len();
        self.links.retain(|_, link| {
            let goes = is_meant(link);
            if goes {
                link.revoked.cancel();
            }
            !goes
        });
        self.order.retain(|name| self.links.contains_key(name));
        before - self.links.len()
    }
}

/// The part of a secret that finds it; `None` for what can be none.
fn name(secret: &str) -> Option<u128> {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let is_secret = secret.len() == 2 * NAME && secret.bytes().all(is_digit);
    let name = is_secret.then(|| secret.get(..NAME)).flatten()?;
    u128::from_str_radix(name, 16).ok()
}

#[cfg(test)]
mod tests {
    use selsyn_common::TaskId;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn execution(n: u8) -> ExecutionId {
        ExecutionId::first(TaskId::from_random([n; 16]))
    }

    /// The last part of the path of a new address.
    fn add(links: &Links, n: u8, valid: Duration, now: u64) -> String {
        let path = links.add(execution(n), valid, now).unwrap();
        path.strip_prefix(PREFIX).unwrap().to_owned()
    }

    fn leads_to(links: &Links, secret: &str, now: u64) -> Option<ExecutionId> {
        links.find(secret, now).map(|link| link.execution)
    }

    #[test]
    fn an_address_leads_to_its_own_execution_and_every_other_text_nowhere() {
        let links = Links::default();
        let one = add(&links, 1, MINUTE, 0);
        let two = add(&links, 2, MINUTE, 0);
        assert_eq!(leads_to(&links, &one, 0), Some(execution(1)));
        assert_eq!(leads_to(&links, &two, 0), Some(execution(2)));
        let crossed = format!("{}{}", &one[..32], &two[32..]);
        let zeros = "0".repeat(64);
        let wrong = [&one[..63], &one.to_uppercase(), &crossed, &zeros, "", "é", &one[..32]];
        for wrong in wrong.into_iter().filter(|wrong| *wrong != one) {
            assert!(links.find(wrong, 0).is_none(), "{wrong}");
        }
    }

    #[test]
    fn an_address_runs_out_and_never_later_than_after_a_day() {
        let links = Links::default();
        let minute = add(&links, 1, MINUTE, 5);
        assert!(links.find(&minute, 60_000_004).is_some());
        assert!(links.find(&minute, 60_000_005).is_none());
        let long = add(&links, 1, Duration::MAX, 0);
        let day = 24 * 3_600 * 1_000_000;
        assert!(links.find(&long, day - 1).is_some() && links.find(&long, day).is_none());
    }

    #[test]
    fn revoking_lets_go_of_every_address_of_that_execution_alone() {
        let links = Links::default();
        let mine: Vec<_> = (0..2).map(|_| add(&links, 1, MINUTE, 0)).collect();
        let other = add(&links, 2, MINUTE, 0);
        let link = links.find(&mine[0], 0).unwrap();
        assert_eq!((links.revoke(execution(1), 0), links.revoke(execution(1), 0)), (2, 0));
        assert!(link.revoked.is_cancelled());
        assert!(mine.iter().all(|secret| links.find(secret, 0).is_none()));
        assert!(links.find(&other, 0).is_some());
    }

    #[test]
    fn the_oldest_address_goes_when_there_are_too_many() {
        let links = Links::default();
        let all: Vec<_> = (0..=MAX_LINKS).map(|_| add(&links, 1, MINUTE, 0)).collect();
        assert!(links.find(&all[0], 0).is_none());
        assert!(all[1..].iter().all(|secret| links.find(secret, 0).is_some()));
        assert_eq!(links.table().order.len(), MAX_LINKS);
    }

    #[test]
    fn an_execution_says_one_address_until_half_of_its_day_is_over_or_it_is_revoked() {
        let (links, half) = (Links::default(), 12 * 3_600 * 1_000_000);
        add(&links, 1, MAX_VALID, 0);
        let (first, valid) = links.own(execution(1), 0).unwrap();
        assert_eq!(valid, MAX_VALID);
        assert_eq!(links.own(execution(1), half).unwrap(), (first.clone(), GOOD_ENOUGH));
        assert_ne!(links.own(execution(2), 0).unwrap().0, first);
        assert_eq!(links.table().order.len(), 3);
        let (second, valid) = links.own(execution(1), half + 1).unwrap();
        assert!(second != first && valid == MAX_VALID);
        links.revoke(execution(1), half);
        assert_ne!(links.own(execution(1), half + 1).unwrap().0, second);
    }
}
