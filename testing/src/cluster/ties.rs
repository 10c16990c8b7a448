//! The proxies between the nodes of a cluster.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::host::Host;
use crate::{FaultProxy, Random, Timeline};

/// Who dials, and who is dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Node {
    /// The master of the cluster.
    Master,
    /// A slave, by its index from 0; as one that dials, the master inside it.
    Slave(usize),
}

/// One proxy for each pair of nodes that was ever tied: at most the square of the nodes.
#[derive(Debug)]
pub(super) struct Ties {
    seed: u64,
    timeline: Timeline,
    proxies: Mutex<BTreeMap<(Node, usize), FaultProxy>>,
}

impl Ties {
    pub(super) fn new(seed: u64, timeline: Timeline) -> Self {
        Self { seed, timeline, proxies: Mutex::default() }
    }

    /// The proxy between two nodes; made when it is first asked for.
    pub(super) fn tie(&self, from: Node, to: usize, hosts: &[Host]) -> FaultProxy {
        let mut proxies = self.proxies.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || {
            let name = format!("{from:?} to slave-{to}");
            hosts[to].proxy(self.seed_of(from, to), name, self.timeline.clone())
        };
        proxies.entry((from, to)).or_insert_with(make).clone()
    }

    pub(super) fn heal(&self) {
        let proxies = self.proxies.lock().unwrap_or_else(PoisonError::into_inner);
        proxies.values().for_each(FaultProxy::heal);
    }

    /// Each tie draws numbers of its own, whatever the order in which they are made.
    fn seed_of(&self, from: Node, to: usize) -> u64 {
        let from = match from {
            Node::Master => 0,
            Node::Slave(index) => index as u64 + 1,
        };
        Random::new(self.seed ^ (from << 32) ^ to as u64).next_u64()
    }
}

/// The ties between two sets of nodes, both ways; a master is dialled by nobody.
pub(super) fn between(one: &[Node], other: &[Node]) -> Vec<(Node, usize)> {
    let ties = |dialling: &[Node], dialled: &[Node]| {
        let mut ties = Vec::new();
        for from in dialling {
            ties.extend(dialled.iter().filter_map(|to| match to {
                Node::Slave(index) if to != from => Some((*from, *index)),
                Node::Slave(_) | Node::Master => None,
            }));
        }
        ties
    };
    let mut all = ties(one, other);
    all.extend(ties(other, one));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_covers_both_ways_and_no_master_is_dialled() {
        let ties = between(&[Node::Master, Node::Slave(0)], &[Node::Slave(1)]);
        let expected = [(Node::Master, 1), (Node::Slave(0), 1), (Node::Slave(1), 0)];
        assert_eq!(ties, expected);
    }
}
