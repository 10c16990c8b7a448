//! The slave: a function that trains in laps, shows all it does, and asks after each lap whether
//! to go on.

use selsyn::{
    BoundSlave, BuildError, Column, Container, ContainerItem, Failure, FunctionExecution, Inputs,
    OutputError, Plot, Progress, Slave, TabPosition, Table, Trace, Verb,
};
use serde::{Deserialize, Serialize};

use crate::data::{self, CLASS_NAMES, SHARDS};
use crate::model::{Model, Sample, Statistics};

const RATE: f64 = 1.0;
/// A point of the plot for so many epochs.
const POINT_EVERY: u32 = 10;

/// How long to train.
#[derive(Clone, Copy, Deserialize, Serialize)]
pub(crate) struct Plan {
    pub(crate) laps: u32,
    pub(crate) epochs: u32,
}

/// Opens the slave on a free port.
pub(crate) async fn open() -> Result<BoundSlave, BuildError> {
    Slave::builder().function("train", train).bind("127.0.0.1:0").await
}

/// Gives the accuracy that it has come to, also when it is asked to stop.
async fn train(execution: FunctionExecution, plan: Plan) -> Result<f64, Failure> {
    let mut inputs = execution.inputs();
    lay_out(&execution)?;
    let mut training = Training::new(execution.clone(), plan);
    training.point()?;
    for lap in 1..=plan.laps {
        training.lap()?;
        training.show(lap)?;
        if lap < plan.laps && !is_to_go_on(&execution, &mut inputs).await {
            break;
        }
    }
    if let Some(why) = execution.abort_reason() {
        execution.warning(format_args!("{why}; the accuracy so far is kept"));
    }
    Ok(training.accuracy())
}

/// Waits until somebody says so, or asks for the end.
async fn is_to_go_on(execution: &FunctionExecution, inputs: &mut Inputs) -> bool {
    tokio::select! {
        input = inputs.next() => input.is_some(),
        () = execution.cancelled() => false,
    }
}

/// Says where everything will stand; it may come later.
fn lay_out(execution: &FunctionExecution) -> Result<(), OutputError> {
    let tabs = Container::tabs(TabPosition::Top).key("dashboard");
    let tabs = tabs.item(ContainerItem::message("Learning", "loss"));
    let tabs = tabs.item(ContainerItem::message("Laps", "laps").placeholder("none yet"));
    execution.container(tabs.item(ContainerItem::message("Classes", "classes")))?;
    let none: [f64; 0] = [];
    let curve = |name| Trace::line(none, none).name(name);
    let plot = Plot::new().key("loss").title("Cross-entropy by epoch");
    execution.plot(plot.trace(curve("learnt from")).trace(curve("held out")))
}

struct Training {
    execution: FunctionExecution,
    plan: Plan,
    epoch: u32,
    model: Model,
    learnt_from: Vec<Sample>,
    held_out: Vec<Sample>,
}

impl Training {
    fn new(execution: FunctionExecution, plan: Plan) -> Self {
        let shards: Vec<_> = (0..SHARDS).map(data::shard).collect();
        let parts = shards.iter().map(|shard| Statistics::of(shard));
        let all = parts.fold(Statistics::default(), |all, part| all.merge(&part));
        let (model, held_out) = (Model::new(&all), data::held_out());
        Self { execution, plan, epoch: 0, model, learnt_from: shards.concat(), held_out }
    }

    /// Trains for some epochs, or until it is asked to stop.
    fn lap(&mut self) -> Result<(), OutputError> {
        for _ in 0..self.plan.epochs {
            if self.execution.is_aborted() {
                return Ok(());
            }
            let gradient = self.model.gradient(&self.learnt_from);
            self.model.step(&gradient, RATE);
            self.epoch += 1;
            if self.epoch.is_multiple_of(POINT_EVERY) {
                self.point()?;
            }
        }
        Ok(())
    }

    /// One more point for each curve, and where the bar stands.
    fn point(&self) -> Result<(), OutputError> {
        let at = |samples| Trace::new().x([self.epoch]).y([self.model.gradient(samples).loss]);
        let plot = Plot::new().key("loss").verb(Verb::Append);
        self.execution.plot(plot.trace(at(&self.learnt_from)).trace(at(&self.held_out)))?;
        let total = u64::from(self.plan.laps) * u64::from(self.plan.epochs);
        let bar = Progress::counts(self.epoch.into(), total).key("epochs").title("epochs");
        self.execution.progress(bar)
    }

    /// What a lap has come to: a row more, all classes anew, and a line last.
    fn show(&self, lap: u32) -> Result<(), OutputError> {
        let (loss, accuracy) = (self.model.gradient(&self.held_out).loss, self.accuracy());
        let row = Table::new().key("laps").title("After each lap").verb(Verb::Append);
        let row = row.column(Column::number("lap", [lap]));
        let row = row.column(Column::number("epochs", [self.epoch]));
        let row = row.column(Column::number("loss", [rounded(loss)]));
        self.execution.table(row.column(Column::number("accuracy", [rounded(accuracy)])))?;
        let classes = Table::new().key("classes").title("Rows held out");
        let classes = classes.column(Column::text("class", CLASS_NAMES));
        self.execution.table(classes.column(Column::number("accuracy", self.by_class())))?;
        self.execution.info(format_args!("lap {lap}: loss {loss:.4}, accuracy {accuracy:.3}"));
        Ok(())
    }

    fn accuracy(&self) -> f64 {
        self.model.accuracy(&self.held_out)
    }

    fn by_class(&self) -> Vec<f64> {
        let of = |class| self.held_out.iter().filter(move |sample| sample.class == class);
        let accuracy = |class| self.model.accuracy(&of(class).cloned().collect::<Vec<_>>());
        (0..CLASS_NAMES.len()).map(accuracy).collect()
    }
}

/// As a table shows it.
fn rounded(number: f64) -> f64 {
    (number * 1e4).round() / 1e4
}
