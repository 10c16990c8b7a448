//! One case on one placement, in a process of its own, whose rows go to standard output.

use std::io::Write as _;

use crate::Result;
use crate::case::{self, Group};
use crate::placement::{Placement, Role};
use crate::rounds::Effort;

/// What a client process shall measure.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) group: Group,
    pub(crate) quick: bool,
    pub(crate) placement: Placement,
}

impl Plan {
    pub(crate) const fn effort(&self) -> Effort {
        Effort::of(self.quick)
    }

    /// The arguments that make a process measure this.
    pub(crate) fn to_args(&self) -> Vec<&'static str> {
        let mut arguments = vec!["client", "--case", self.group.name()];
        arguments.extend(["--placement", self.placement.name()]);
        arguments.extend(self.quick.then_some("--quick"));
        arguments
    }
}

pub(crate) fn run(plan: &Plan) -> Result<()> {
    let rows = plan.placement.runtime(Role::Client)?.block_on(case::run(plan))?;
    Ok(std::io::stdout().write_all(serde_json::to_string(&rows)?.as_bytes())?)
}
