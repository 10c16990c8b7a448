//! The slave's role: holds one shard, and answers questions about it.

use std::io::{self, Write};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use selsyn::{Failure, FunctionExecution, Slave};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::Done;
use crate::data::{self, CLASS_NAMES, SHARDS};
use crate::model::{Gradient, Model, Sample, Statistics};

/// One round in so many is logged.
const LOG_EVERY: u32 = 100;
/// Time for what still runs once the master has gone.
const DRAIN: Duration = Duration::from_secs(1);

/// What `gradient` is asked.
#[derive(Deserialize, Serialize)]
pub(crate) struct Round {
    pub(crate) number: u32,
    pub(crate) model: Model,
}

/// The rows of this slave, once `load` has run. Clones share them.
#[derive(Clone, Default)]
struct Shard(Arc<OnceLock<Vec<Sample>>>);

impl Shard {
    fn load(&self, execution: &FunctionExecution, index: usize) -> Result<usize, Failure> {
        if index >= SHARDS {
            return Err(Failure::new(format!("there is no shard {index}")));
        }
        let rows = data::shard(index);
        let (count, classes) = (rows.len(), classes(&rows));
        let loaded_before = |_| Failure::new("a shard was loaded before");
        self.0.set(rows).map_err(loaded_before)?;
        execution.info(format_args!("shard {index}: {classes}"));
        Ok(count)
    }

    fn rows(&self) -> Result<&[Sample], Failure> {
        let rows = self.0.get();
        let missing = || Failure::new("there are no rows yet: start `load` first");
        rows.map(Vec::as_slice).ok_or_else(missing)
    }

    fn statistics(&self, execution: &FunctionExecution) -> Result<Statistics, Failure> {
        let statistics = Statistics::of(self.rows()?);
        execution.info(format_args!("sums over {} rows", statistics.count));
        Ok(statistics)
    }

    fn gradient(&self, execution: &FunctionExecution, round: &Round) -> Result<Gradient, Failure> {
        let gradient = round.model.gradient(self.rows()?);
        if round.number.is_multiple_of(LOG_EVERY) {
            let (number, loss) = (round.number, gradient.loss);
            execution.info(format_args!("round {number}: loss {loss:.4} on my rows"));
        }
        Ok(gradient)
    }
}

/// How many rows there are of each class.
fn classes(rows: &[Sample]) -> String {
    let of_class = |class| rows.iter().filter(|row| row.class == class).count();
    let classes = CLASS_NAMES.iter().enumerate();
    let classes: Vec<String> =
        classes.map(|(class, name)| format!("{} {name}", of_class(class))).collect();
    classes.join(", ")
}

/// Serves until stdin ends: when the master says so, and also when it is no more.
pub(crate) async fn run() -> Done {
    let shard = Shard::default();
    let (for_load, for_statistics) = (shard.clone(), shard.clone());
    let slave = Slave::builder()
        .drain_deadline(DRAIN)
        .function("load", move |execution, index: usize| {
            let shard = for_load.clone();
            async move { shard.load(&execution, index) }
        })
        .function("statistics", move |execution, (): ()| {
            let shard = for_statistics.clone();
            async move { shard.statistics(&execution) }
        })
        .function("gradient", move |execution, round: Round| {
            let shard = shard.clone();
            async move { shard.gradient(&execution, &round) }
        })
        .bind("127.0.0.1:0")
        .await?;
    writeln!(io::stdout(), "{}", slave.addr())?;
    slave.serve_until(end_of_stdin()).await?;
    Ok(())
}

/// Reads on a thread that nobody joins: a runtime's own would hold up the end of the process.
async fn end_of_stdin() {
    let (ended, end) = oneshot::channel();
    thread::spawn(move || {
        // An error is an end, too.
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        let _ = ended.send(());
    });
    // The thread always sends; if it could not be made, there is nothing to wait for.
    let _ = end.await;
}
