//! The master's role: starts the slaves, asks them round after round, and tests what was learnt.

use selsyn::{Connection, FromPayload, IntoPayload, Master, Payload};

use crate::Done;
use crate::data::{self, SHARDS};
use crate::fleet::{Fleet, Member};
use crate::model::{Gradient, Model, Statistics};
use crate::screen::Screen;
use crate::slave::Round;

const ROUNDS: u32 = 500;
const RATE: f64 = 1.0;
/// With less than this on the rows that no slave saw, something is wrong.
const LEAST_ACCURACY: f64 = 0.93;

/// Starts the slaves, trains, and ends the slaves, whatever came of it.
pub(crate) async fn run() -> Done {
    let mut fleet = Fleet::default();
    let members = start_slaves(&mut fleet).await?;
    let trained = tokio::select! {
        trained = train(&members) => trained,
        loss = fleet.loss() => Err(loss.into()),
        _ = tokio::signal::ctrl_c() => Err("interrupted".into()),
    };
    trained.and(fleet.stop().await)
}

async fn start_slaves(fleet: &mut Fleet) -> Done<Vec<Member>> {
    let mut members = Vec::new();
    for shard in 0..SHARDS {
        let member = fleet.start(format!("trainer-{shard}")).await?;
        let Member { name, address, pid } = &member;
        println!("{name}: process {pid} at {address}");
        members.push(member);
    }
    Ok(members)
}

async fn train(members: &[Member]) -> Done {
    let master = Master::new()?;
    let trained = train_with(&master, members).await;
    master.close().await;
    test(&trained?)
}

async fn train_with(master: &Master, members: &[Member]) -> Done<Trained> {
    let mut connections = Vec::new();
    for member in members {
        connections.push(master.connect(&member.name, &member.address).await?);
    }
    let screen = Screen::new(ROUNDS);
    let team = Team { connections, screen };
    team.load().await?;
    let trained = team.fit().await;
    team.screen.end();
    trained
}

/// What came of the training; the loss is that of the last round, before its step.
struct Trained {
    model: Model,
    loss: f64,
}

/// Says how good the model is on rows that no slave has seen.
fn test(trained: &Trained) -> Done {
    println!("final loss {:.4}", trained.loss);
    let accuracy = trained.model.accuracy(&data::held_out());
    println!("accuracy {accuracy:.3}");
    if accuracy < LEAST_ACCURACY {
        return Err(format!("the accuracy should be at least {LEAST_ACCURACY}").into());
    }
    Ok(())
}

/// The connections to all slaves, in the order of their shards, and where their logs are shown.
struct Team {
    connections: Vec<Connection>,
    screen: Screen,
}

impl Team {
    /// Gives each slave its shard.
    async fn load(&self) -> Done {
        let counts: Vec<usize> = self.ask("load", 0..self.connections.len()).await?;
        let rows: usize = counts.iter().sum();
        self.screen.line(format_args!("{rows} rows on {} slaves", counts.len()));
        Ok(())
    }

    /// Learns the scale of the features, then the weights.
    async fn fit(&self) -> Done<Trained> {
        let parts: Vec<Statistics> = self.ask_all("statistics", &()).await?;
        let all = parts.iter().fold(Statistics::default(), Statistics::merge);
        let (mut model, mut loss) = (Model::new(&all), f64::NAN);
        for number in 1..=ROUNDS {
            loss = self.round(number, &mut model).await?;
            self.screen.round(number, loss);
        }
        Ok(Trained { model, loss })
    }

    /// Asks every slave for the gradient on its rows, and goes one step.
    async fn round(&self, number: u32, model: &mut Model) -> Done<f64> {
        let asked = Round { number, model: model.clone() };
        let parts: Vec<Gradient> = self.ask_all("gradient", &asked).await?;
        let gradient = Gradient::mean(parts);
        model.step(&gradient, RATE);
        Ok(gradient.loss)
    }

    /// Starts the same task on every slave; the data is encoded once.
    async fn ask_all<R: FromPayload>(
        &self,
        function: &str,
        data: impl IntoPayload,
    ) -> Done<Vec<R>> {
        let data: Payload = data.into_payload()?;
        self.ask(function, self.connections.iter().map(|_| &data)).await
    }

    /// Starts a task on each slave, each with data of its own, then waits for all.
    async fn ask<R: FromPayload>(
        &self,
        function: &str,
        data: impl IntoIterator<Item = impl IntoPayload>,
    ) -> Done<Vec<R>> {
        let mut running = Vec::new();
        for (connection, data) in self.connections.iter().zip(data) {
            let (screen, name) = (self.screen.clone(), connection.name().to_owned());
            let task = connection.new_task(data)?.function(function);
            let task =
                task.on_log(move |line| screen.line(format_args!("{name}: {}", line.content)));
            running.push(task.start().await?);
        }
        let mut results = Vec::new();
        for task in running {
            results.push(task.success().await?);
        }
        Ok(results)
    }
}
