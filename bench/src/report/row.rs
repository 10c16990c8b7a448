//! One condition: a figure of ours beside the same figure of a yardstick, and what is demanded.

use serde::{Deserialize, Serialize};

use crate::placement::Placement;
use crate::rounds::median;

/// Which way is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Better {
    Lower,
    Higher,
}

impl Better {
    fn reaches(self, figure: f64, wanted: f64) -> bool {
        match self {
            Self::Lower => figure <= wanted,
            Self::Higher => figure >= wanted,
        }
    }
}

/// What is demanded of a ratio, or of a figure that has no yardstick.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub(crate) goal: f64,
    pub(crate) floor: f64,
}

/// One line of the report. Its fields are the report's format.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) case: String,
    pub(crate) metric: String,
    pub(crate) placement: String,
    pub(crate) gate: bool,
    pub(crate) unit: String,
    pub(crate) ours: Option<f64>,
    pub(crate) yardstick: String,
    pub(crate) theirs: Option<f64>,
    pub(crate) ratio: Option<f64>,
    pub(crate) better: Better,
    pub(crate) floor: Option<f64>,
    pub(crate) goal: Option<f64>,
    pub(crate) met: Option<bool>,
    pub(crate) goal_met: Option<bool>,
    pub(crate) spread: Option<[f64; 2]>,
    pub(crate) runs: usize,
}

/// What a row is about: the part of it that is not measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured<'a> {
    pub(crate) case: &'a str,
    pub(crate) metric: &'a str,
    pub(crate) unit: &'a str,
    pub(crate) better: Better,
    pub(crate) placement: Placement,
}

impl Measured<'_> {
    /// Our figures beside a yardstick's of the same rounds: the ratio is the median of the rounds'
    /// ratios. A yardstick that could not run has no figures. Only the one-core placement is gated.
    pub(crate) fn beside(
        self,
        ours: &[f64],
        yardstick: &str,
        theirs: &[f64],
        target: Option<Target>,
    ) -> Row {
        let ratios: Vec<f64> = ours.iter().zip(theirs).map(|(our, their)| our / their).collect();
        let ratio = median(&ratios);
        let mut row = self.row(ours, yardstick, target);
        row.theirs = median(theirs).map(|(middle, _)| middle);
        row.ratio = ratio.map(|(middle, _)| middle);
        row.spread = ratio.map(|(_, spread)| spread);
        let judged = row.ratio;
        row.judged(judged)
    }

    /// A figure that is demanded as such: the yardstick names its unit.
    pub(crate) fn alone(self, ours: &[f64], target: Option<Target>) -> Row {
        let mut row = self.row(ours, self.unit, target);
        row.spread = median(ours).map(|(_, spread)| spread);
        let judged = row.ours;
        row.judged(judged)
    }

    /// A case that needs a part of the framework that is not there.
    pub(crate) fn not_built_yet(self, target: Target) -> Row {
        self.row(&[], "not built yet", Some(target))
    }

    /// A yardstick's figure, before there is one of ours.
    pub(crate) fn theirs(self, yardstick: &str, theirs: &[f64]) -> Row {
        let mut row = self.row(&[], yardstick, None);
        row.theirs = median(theirs).map(|(middle, _)| middle);
        row.runs = theirs.len();
        row
    }

    fn row(self, ours: &[f64], yardstick: &str, target: Option<Target>) -> Row {
        let gated = target.filter(|_| self.placement == Placement::OneCore);
        Row {
            case: self.case.to_owned(),
            metric: self.metric.to_owned(),
            placement: self.placement.to_string(),
            gate: gated.is_some(),
            unit: self.unit.to_owned(),
            ours: median(ours).map(|(middle, _)| middle),
            yardstick: yardstick.to_owned(),
            theirs: None,
            ratio: None,
            better: self.better,
            floor: gated.map(|target| target.floor),
            goal: gated.map(|target| target.goal),
            met: None,
            goal_met: None,
            spread: None,
            runs: ours.len(),
        }
    }
}

impl Row {
    fn judged(mut self, figure: Option<f64>) -> Self {
        let better = self.better;
        let judge = |wanted: Option<f64>| Some(better.reaches(figure?, wanted?));
        (self.met, self.goal_met) = (judge(self.floor), judge(self.goal));
        self
    }
}
