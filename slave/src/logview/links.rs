//! Which addresses there are, and what each leads to.

use std::collections::HashMap;
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

/// Addresses that are remembered, some 300 bytes each. Those that somebody asked for come first; those
/// that executions say of themselves share the rest.
const MAX_LINKS: usize = 1_024;

/// Addresses of one execution that somebody asked for: enough for a team. Who asks at each look, as a
/// dashboard does, takes the place of its own former ones.
const MAX_ASKED: usize = 32;

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
}

/// Why no address was made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoAddress {
    #[error(transparent)]
    NoRandom(#[from] io::Error),
    #[error(
        "no address was made: the slave keeps {}, and all of them were asked for and are \
         good still, the first of them for {} s; they go on, and executions are watched without one; \
         revoke those that nobody needs, or ask for shorter ones",
        MAX_LINKS, .room_in.as_micros().div_ceil(1_000_000)
    )]
    Full {
        /// Time until one runs out.
        room_in: Duration,
    },
}

impl Default for Links {
    fn default() -> Self {
        let readers = Arc::new(Semaphore::new(READERS));
        Self { table: Mutex::default(), nobody: Token::from_random([0; 32]), readers }
    }
}

impl Links {
    /// Makes an address of an execution that somebody asks for; gives its path.
    pub(crate) fn add(
        &self,
        execution: ExecutionId,
        valid: Duration,
        now: u64,
        is_kept: impl Fn(ExecutionId) -> bool,
    ) -> Result<String, NoAddress> {
        let link = Link::new(execution, valid, now)?;
        let path = link.path();
        self.table().add(link, now, is_kept)?;
        Ok(path)
    }

    /// The address that an execution says of itself: its path, and how long it is good.
    pub(crate) fn own(
        &self,
        execution: ExecutionId,
        now: u64,
        is_kept: impl Fn(ExecutionId) -> bool,
    ) -> Result<(String, Duration), NoAddress> {
        let mut table = self.table();
        if let Some(own) = table.own(execution, now) {
            return Ok(own);
        }
        let link = Link { is_own: true, ..Link::new(execution, MAX_VALID, now)? };
        let own = (link.path(), link.left(now));
        table.add(link, now, is_kept)?;
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

    fn add(
        &mut self,
        link: Link,
        now: u64,
        is_kept: impl Fn(ExecutionId) -> bool,
    ) -> Result<(), NoAddress> {
        let name = name(link.token.reveal()).expect("a token is a secret");
        if let Some(former) = self.one_too_many(&link) {
            self.let_go(former);
        } else if self.links.len() == MAX_LINKS {
            self.make_room(now, is_kept)?;
        }
        self.links.insert(name, Arc::new(link));
        Ok(())
    }

    /// Which one gives way to another that is asked for, of an execution that has as many as it may.
    fn one_too_many(&self, link: &Link) -> Option<u128> {
        let is_like = |(_, other): &(_, &Arc<Link>)| {
            !link.is_own && !other.is_own && other.execution == link.execution
        };
        let asked = || self.links.iter().filter(is_like);
        let first = || asked().min_by_key(|(_, link)| link.until).map(|(name, _)| *name);
        (asked().count() >= MAX_ASKED).then(first).flatten()
    }

    /// Lets one go that is over, or else the one that runs out first of those that nobody asked for, or
    /// else all of executions that are not kept: they lead to no more than the word that it is so.
    fn make_room(
        &mut self,
        now: u64,
        is_kept: impl Fn(ExecutionId) -> bool,
    ) -> Result<(), NoAddress> {
        let gives_way = |link: &Link| link.is_own || link.until <= now;
        let order = |(_, link): &(_, &Arc<Link>)| (!gives_way(link), link.until);
        let first =
            self.links.iter().min_by_key(order).map(|(name, link)| (*name, Arc::clone(link)));
        let (name, first) = first.expect("the table is full");
        if gives_way(&first) {
            self.let_go(name);
            return Ok(());
        }
        match self.remove(|link| !is_kept(link.execution)) {
            0 => Err(NoAddress::Full { room_in: first.left(now) }),
            _ => Ok(()),
        }
    }

    fn let_go(&mut self, name: u128) {
        if let Some(link) = self.links.remove(&name) {
            link.revoked.cancel();
        }
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

    /// One of many executions.
    fn one_of(n: usize) -> ExecutionId {
        ExecutionId::first(TaskId::from_random((n as u128).to_be_bytes()))
    }

    fn try_add(
        links: &Links,
        execution: ExecutionId,
        valid: Duration,
        now: u64,
    ) -> Result<String, NoAddress> {
        let path = links.add(execution, valid, now, |_| true)?;
        Ok(path.strip_prefix(PREFIX).unwrap().to_owned())
    }

    /// The last part of the path of a new address.
    fn add(links: &Links, n: u8, valid: Duration, now: u64) -> String {
        try_add(links, execution(n), valid, now).unwrap()
    }

    /// So many, of as many executions as that takes.
    fn add_many(links: &Links, many: usize, valid: Duration, now: u64) -> Vec<String> {
        let add = |n| try_add(links, one_of(n / MAX_ASKED), valid, now).unwrap();
        (0..many).map(add).collect()
    }

    /// What an execution says of itself.
    fn own(links: &Links, execution: ExecutionId, now: u64) -> (String, Duration) {
        let (path, valid) = links.own(execution, now, |_| true).unwrap();
        (path.strip_prefix(PREFIX).unwrap().to_owned(), valid)
    }

    /// So many executions, each of which says its own address.
    fn many_own(links: &Links, many: usize, now: u64) -> Vec<String> {
        (0..many).map(|n| own(links, one_of(n), now).0).collect()
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
    fn an_address_that_was_asked_for_keeps_its_place_for_its_time_whoever_else_comes() {
        let links = Links::default();
        let (brief, long) = (add(&links, 1, MINUTE, 0), add(&links, 2, MAX_VALID, 0));
        let own = many_own(&links, 2 * MAX_LINKS, 1);
        assert_eq!(links.table().links.len(), MAX_LINKS);
        let leads = |secret: &&String| links.find(secret, 1).is_some();
        assert!(leads(&&brief) && leads(&&long));
        // Its own gives way to what is asked for, too.
        let asked = add_many(&links, MAX_LINKS - 2, MINUTE, 1);
        assert!(asked.iter().chain([&brief, &long]).all(|secret| leads(&secret)));
        assert_eq!(own.iter().filter(leads).count(), 0);
    }

    #[test]
    fn of_those_that_nobody_asked_for_the_one_that_runs_out_first_gives_way() {
        let links = Links::default();
        let later = many_own(&links, MAX_LINKS - 1, 10);
        let (first, _) = own(&links, execution(1), 9);
        let reader = links.find(&first, 10).unwrap();
        own(&links, execution(2), 10);
        assert!(links.find(&first, 10).is_none() && reader.revoked.is_cancelled());
        assert!(later.iter().all(|secret| links.find(secret, 10).is_some()));
    }

    #[test]
    fn who_asks_for_one_more_than_there_is_room_for_is_told_so_and_takes_nobodys_place() {
        let links = Links::default();
        let mut all = add_many(&links, MAX_LINKS - 1, MAX_VALID, 0);
        all.push(add(&links, 1, MINUTE, 0));
        let room_in = |now| match try_add(&links, execution(2), MAX_VALID, now).unwrap_err() {
            full @ NoAddress::Full { room_in } => (room_in, full.to_string()),
            other => panic!("{other}"),
        };
        assert_eq!(room_in(1_000_000).0.as_secs(), 59);
        let (brief, message) = room_in(59_999_999);
        assert!(brief == Duration::from_micros(1) && message.contains("for 1 s"), "{message}");
        assert!(links.own(execution(2), 0, |_| true).is_err());
        assert!(all.iter().all(|secret| links.find(secret, 0).is_some()));
        add(&links, 2, MINUTE, 60_000_000);
    }

    #[test]
    fn who_asks_again_and_again_takes_the_place_of_the_first_of_its_own_that_runs_out() {
        let links = Links::default();
        let other = add(&links, 1, MINUTE, 0);
        let said = own(&links, execution(2), 0).0;
        let long = add(&links, 2, MAX_VALID, 0);
        let asked: Vec<_> = (0..MAX_LINKS).map(|n| add(&links, 2, 2 * MINUTE, n as u64)).collect();
        let reader = links.find(&asked[MAX_LINKS + 1 - MAX_ASKED], 0).unwrap();
        let leads = |secret: &&String| links.find(secret, MAX_LINKS as u64).is_some();
        assert_eq!(asked.iter().filter(leads).count(), MAX_ASKED - 1);
        assert!(
            asked.iter().rev().take(MAX_ASKED - 1).chain([&other, &said, &long]).all(|s| leads(&s))
        );
        assert!(!reader.revoked.is_cancelled());
        add(&links, 2, MINUTE, 0);
        assert!(reader.revoked.is_cancelled());
    }

    #[test]
    fn addresses_of_executions_that_are_kept_no_more_go_before_anybody_is_refused() {
        let links = Links::default();
        let gone: Vec<_> = (0..2).map(|_| add(&links, 1, MAX_VALID, 0)).collect();
        let kept = add_many(&links, MAX_LINKS - 3, MINUTE, 0);
        let said = own(&links, execution(2), 0).0;
        let leads = |secret: &String| links.find(secret, 0).is_some();
        // One that nobody asked for goes first: nobody has to look who is kept.
        links.add(execution(3), MINUTE, 0, |_| unreachable!("nobody would be refused")).unwrap();
        assert!(!leads(&said) && gone.iter().all(leads));
        links.add(execution(3), MINUTE, 0, |id| id != execution(1)).unwrap();
        assert!(!gone.iter().any(leads) && kept.iter().all(leads));
    }

    #[test]
    fn an_execution_says_one_address_until_half_of_its_day_is_over_or_it_is_revoked() {
        let (links, half) = (Links::default(), 12 * 3_600 * 1_000_000);
        add(&links, 1, MAX_VALID, 0);
        let (first, valid) = own(&links, execution(1), 0);
        assert_eq!(valid, MAX_VALID);
        assert_eq!(own(&links, execution(1), half), (first.clone(), GOOD_ENOUGH));
        assert_ne!(own(&links, execution(2), 0).0, first);
        assert_eq!(links.table().links.len(), 3);
        let (second, valid) = own(&links, execution(1), half + 1);
        assert!(second != first && valid == MAX_VALID);
        links.revoke(execution(1), half);
        assert_ne!(own(&links, execution(1), half + 1).0, second);
    }
}
