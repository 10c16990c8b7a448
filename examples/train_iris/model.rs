//! Softmax regression: the mathematics, and nothing of who computes which part of it.

use serde::{Deserialize, Serialize};

/// What is measured of a flower.
pub(crate) const FEATURES: usize = 4;
/// How many kinds of flowers there are.
pub(crate) const CLASSES: usize = 3;

type Features = [f64; FEATURES];
/// A row a class; the last column is the bias.
type Weights = [[f64; FEATURES + 1]; CLASSES];

/// One flower.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) features: Features,
    pub(crate) class: usize,
}

/// Sums over some rows, from which mean and deviation of all rows can be had.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(crate) struct Statistics {
    pub(crate) count: usize,
    sum: Features,
    sum_of_squares: Features,
}

impl Statistics {
    pub(crate) fn of(samples: &[Sample]) -> Self {
        let mut statistics = Self { count: samples.len(), ..Self::default() };
        for sample in samples {
            add(&mut statistics.sum, &sample.features);
            add(&mut statistics.sum_of_squares, &sample.features.map(|x| x * x));
        }
        statistics
    }

    pub(crate) fn merge(mut self, other: &Self) -> Self {
        self.count += other.count;
        add(&mut self.sum, &other.sum);
        add(&mut self.sum_of_squares, &other.sum_of_squares);
        self
    }
}

/// What makes each feature have mean 0 and deviation 1 over the rows that were counted.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Scaling {
    mean: Features,
    deviation: Features,
}

impl Scaling {
    fn of(statistics: &Statistics) -> Self {
        let count = statistics.count as f64;
        let mean = statistics.sum.map(|sum| sum / count);
        let mut deviation = statistics.sum_of_squares.map(|sum| sum / count);
        for (deviation, mean) in deviation.iter_mut().zip(mean) {
            *deviation = (*deviation - mean * mean).sqrt();
        }
        Self { mean, deviation }
    }

    /// The features, and a 1 for the bias.
    fn apply(&self, features: &Features) -> [f64; FEATURES + 1] {
        let mut scaled = [1.0; FEATURES + 1];
        for (i, x) in features.iter().enumerate() {
            scaled[i] = (x - self.mean[i]) / self.deviation[i];
        }
        scaled
    }
}

/// What is learnt, and how features are scaled before.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Model {
    scaling: Scaling,
    weights: Weights,
}

/// Which way the loss grows on some rows; loss and slope are means over them.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Gradient {
    pub(crate) count: usize,
    pub(crate) loss: f64,
    slope: Weights,
}

impl Model {
    /// A model that knows the scale of the data and nothing else.
    pub(crate) fn new(statistics: &Statistics) -> Self {
        Self { scaling: Scaling::of(statistics), weights: Weights::default() }
    }

    /// Cross-entropy and its slope on some rows.
    pub(crate) fn gradient(&self, samples: &[Sample]) -> Gradient {
        let each = samples.iter().map(|sample| self.gradient_of(sample));
        Gradient::mean(each)
    }

    fn gradient_of(&self, sample: &Sample) -> Gradient {
        let x = self.scaling.apply(&sample.features);
        let probabilities = self.probabilities(&x);
        let mut slope = Weights::default();
        for (class, row) in slope.iter_mut().enumerate() {
            let wanted = if class == sample.class { 1.0 } else { 0.0 };
            *row = x.map(|x| (probabilities[class] - wanted) * x);
        }
        Gradient { count: 1, loss: -probabilities[sample.class].ln(), slope }
    }

    fn probabilities(&self, x: &[f64; FEATURES + 1]) -> [f64; CLASSES] {
        let scores = self.weights.map(|row| dot(&row, x));
        // Without taking off the largest, a sure model would overflow.
        let largest = scores.into_iter().fold(f64::NEG_INFINITY, f64::max);
        let powers = scores.map(|score| (score - largest).exp());
        let sum: f64 = powers.iter().sum();
        powers.map(|power| power / sum)
    }

    /// Goes downhill.
    pub(crate) fn step(&mut self, gradient: &Gradient, rate: f64) {
        for (weights, slope) in self.weights.iter_mut().zip(&gradient.slope) {
            add(weights, &slope.map(|slope| -rate * slope));
        }
    }

    fn predict(&self, features: &Features) -> usize {
        let probabilities = self.probabilities(&self.scaling.apply(features));
        let mut best = 0;
        for (class, probability) in probabilities.iter().enumerate() {
            if *probability > probabilities[best] {
                best = class;
            }
        }
        best
    }

    /// The share of rows whose class the model names.
    pub(crate) fn accuracy(&self, samples: &[Sample]) -> f64 {
        let is_right = |sample: &&Sample| self.predict(&sample.features) == sample.class;
        samples.iter().filter(is_right).count() as f64 / samples.len() as f64
    }
}

impl Gradient {
    /// The gradient on all rows together: a mean in which each part weighs as it has rows.
    pub(crate) fn mean(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut all = Self::default();
        for part in parts {
            let weight = part.count as f64;
            all.count += part.count;
            all.loss += part.loss * weight;
            for (sum, slope) in all.slope.iter_mut().zip(&part.slope) {
                add(sum, &slope.map(|slope| slope * weight));
            }
        }
        let count = all.count as f64;
        all.loss /= count;
        all.slope = all.slope.map(|row| row.map(|slope| slope / count));
        all
    }
}

fn add<const N: usize>(sum: &mut [f64; N], more: &[f64; N]) {
    for (sum, more) in sum.iter_mut().zip(more) {
        *sum += more;
    }
}

fn dot<const N: usize>(a: &[f64; N], b: &[f64; N]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data;

    fn model() -> Model {
        let mut model = Model::new(&Statistics::of(&data::shard(0)));
        let first = model.gradient(&data::shard(0));
        model.step(&first, 0.5);
        model
    }

    #[test]
    fn the_slope_is_what_the_loss_does_when_a_weight_moves() {
        let (rows, epsilon) = (data::shard(0), 1e-6);
        let slope = model().gradient(&rows).slope;
        for (class, feature) in [(0, 0), (1, 2), (2, FEATURES)] {
            let loss_at = |moved: f64| {
                let mut model = model();
                model.weights[class][feature] += moved;
                model.gradient(&rows).loss
            };
            let measured = (loss_at(epsilon) - loss_at(-epsilon)) / (2.0 * epsilon);
            assert!((measured - slope[class][feature]).abs() < 1e-6);
        }
    }

    #[test]
    fn shards_together_give_the_gradient_of_all_rows() {
        let model = model();
        let (one, two) = (data::shard(1), data::held_out());
        let parts = [model.gradient(&one), model.gradient(&two)];
        let together = model.gradient(&[one, two].concat());
        let mean = Gradient::mean(parts);
        assert_eq!(mean.count, 70);
        assert!((mean.loss - together.loss).abs() < 1e-12);
        assert!((mean.slope[1][3] - together.slope[1][3]).abs() < 1e-12);
    }

    #[test]
    fn merged_statistics_scale_every_feature_to_deviation_one() {
        let (one, two) = (data::shard(1), data::shard(2));
        let merged = Statistics::of(&one).merge(&Statistics::of(&two));
        let scaling = Scaling::of(&merged);
        let all = [one, two].concat();
        let squares = all.iter().map(|s| scaling.apply(&s.features)[2].powi(2));
        assert!((squares.sum::<f64>() / all.len() as f64 - 1.0).abs() < 1e-9);
    }
}
