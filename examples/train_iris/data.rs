//! Decides who sees which row of the Iris data: 3 shards of 40 rows to learn, 30 rows to test.
//!
//! The rows come sorted by class, 50 of each. Every fifth is held out, ten of each class; the
//! others are dealt out in turn, so that every shard has 13 or 14 of each class.

use crate::model::{CLASSES, FEATURES, Sample};

/// The names of the classes, by their number in the data.
pub(crate) const CLASS_NAMES: [&str; CLASSES] = ["setosa", "versicolor", "virginica"];
/// How many shards there are.
pub(crate) const SHARDS: usize = 3;
/// One row of so many is held out.
const HELD_OUT_EVERY: usize = 5;

/// The rows of one shard.
pub(crate) fn shard(index: usize) -> Vec<Sample> {
    let (_, learnt) = split();
    let dealt = learnt.into_iter().enumerate();
    let mine = dealt.filter(|(row, _)| row % SHARDS == index);
    mine.map(|(_, sample)| sample).collect()
}

/// The rows that no slave sees.
pub(crate) fn held_out() -> Vec<Sample> {
    split().0
}

/// All rows: those held out, then those to learn from.
fn split() -> (Vec<Sample>, Vec<Sample>) {
    let (held_out, learnt): (Vec<_>, Vec<_>) = rows()
        .into_iter()
        .enumerate()
        .partition(|(row, _)| row % HELD_OUT_EVERY == HELD_OUT_EVERY - 1);
    let samples = |rows: Vec<(usize, Sample)>| rows.into_iter().map(|(_, sample)| sample).collect();
    (samples(held_out), samples(learnt))
}

fn rows() -> Vec<Sample> {
    let iris = linfa_datasets::iris();
    let rows = iris.records.outer_iter().zip(&iris.targets);
    rows.map(|(row, class)| {
        let mut features = [0.0; FEATURES];
        features.iter_mut().zip(row).for_each(|(to, from)| *to = *from);
        Sample { features, class: *class }
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows_of_each_class(samples: &[Sample]) -> [usize; CLASSES] {
        [0, 1, 2].map(|class| samples.iter().filter(|s| s.class == class).count())
    }

    #[test]
    fn ten_rows_of_each_class_are_held_out() {
        assert_eq!(rows_of_each_class(&held_out()), [10, 10, 10]);
    }

    #[test]
    fn every_shard_has_forty_rows_and_its_share_of_each_class() {
        for index in 0..SHARDS {
            let shard = shard(index);
            assert_eq!(shard.len(), 40);
            assert!(rows_of_each_class(&shard).iter().all(|n| [13, 14].contains(n)));
        }
    }
}
