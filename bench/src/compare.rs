//! Runs every case that was asked for, one client process after another, and reports.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::Result;
use crate::case::Group;
use crate::client::Plan;
use crate::placement::Placement;
use crate::progress::say;
use crate::report::{Row, json, table};

/// What shall be compared.
pub(crate) struct Compare {
    pub(crate) case: Option<String>,
    pub(crate) quick: bool,
    pub(crate) json: Option<PathBuf>,
    pub(crate) placement: Option<Placement>,
}

/// Runs the cases; says whether every one of them ran.
pub(crate) fn run(what: &Compare) -> Result<bool> {
    let plans = what.plans()?;
    let (mut rows, mut failed) = (Vec::new(), Vec::new());
    for (n, plan) in plans.iter().enumerate() {
        let named = format!("{} on {}", plan.group.name(), plan.placement);
        say(&format!("[{}/{}] {named}", n + 1, plans.len()));
        match measure(plan) {
            Ok(found) => rows.extend(found),
            Err(error) => {
                say(&format!("{named} did not run: {error}"));
                failed.push(named);
            }
        }
    }
    rows.retain(|row| what.case.as_ref().is_none_or(|case| *case == row.case));
    std::io::stdout().write_all(table::render(&rows).as_bytes())?;
    if let Some(file) = &what.json {
        json::write(&rows, file)?;
    }
    for named in &failed {
        say(&format!("did not run: {named}"));
    }
    Ok(failed.is_empty())
}

impl Compare {
    fn plans(&self) -> Result<Vec<Plan>> {
        let groups = match &self.case {
            Some(case) => vec![Group::holding(case)?],
            None => Group::all(self.quick),
        };
        let on = |placement: Placement| {
            let here = groups.iter().filter(move |group| group.runs_on(placement));
            here.map(move |group| Plan { group: *group, quick: self.quick, placement })
        };
        let plans: Vec<_> = self.placements().into_iter().flat_map(on).collect();
        if plans.is_empty() {
            return Err("the case has nothing to say about that placement".into());
        }
        Ok(plans)
    }

    /// A quick run keeps to the gate, unless it is told otherwise.
    fn placements(&self) -> Vec<Placement> {
        match self.placement {
            Some(wanted) => vec![wanted],
            None if self.quick => vec![Placement::OneCore],
            None => Placement::ALL.to_vec(),
        }
    }
}

fn measure(plan: &Plan) -> Result<Vec<Row>> {
    let mut client = Command::new(std::env::current_exe()?);
    let output = client.args(plan.to_args()).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("its client ended with {}", output.status).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
