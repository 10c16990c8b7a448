//! A program without an async runtime: it starts tasks, watches them, waits for them, stops them.
//!
//! One program in two roles: without arguments it is the master, which starts it again as
//! `blocking_master slave`, so that nothing async runs in its own process.

mod slave;

use std::error::Error;
use std::io::{BufRead, BufReader, Error as IoError};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use selsyn::TaskEvent;
use selsyn::blocking::{Connection, Master, WaitError};

type Done<T = ()> = Result<T, Box<dyn Error>>;

fn main() -> Done {
    match std::env::args().nth(1).as_deref() {
        None => master(),
        Some("slave") => slave::run(),
        Some(_) => Err("run it without arguments".into()),
    }
}

fn master() -> Done {
    let mut slave = SlaveProcess::start()?;
    let master = Master::new()?;
    let connection = master
        .connect("counter", &slave.address)
        .attempts(5)
        .every(Duration::from_millis(200))
        .wait()?;

    many_at_once(&connection)?;
    watch_one(&connection)?;
    wait_for_a_while(&connection)?;
    one_after_another(&connection)?;
    for_a_moment(&master, &slave.address)?;

    master.close()?;
    slave.stop()
}

/// `start()` returns as soon as the slave has accepted: several tasks run at once without a thread
/// for each.
fn many_at_once(connection: &Connection) -> Done {
    println!("== many at once");
    let mut running = Vec::new();
    for limit in [10, 100, 1_000] {
        running.push((limit, connection.new_task(limit)?.function("primes").start()?));
    }
    for (limit, task) in running {
        let primes: usize = task.success()?;
        println!("{primes} primes up to {limit}");
    }
    Ok(())
}

/// Who listens from before the start hears everything; the events, from where the task stands when
/// they are asked for, are an iterator that ends with the task.
fn watch_one(connection: &Connection) -> Done {
    println!("== watch one");
    let task = connection.new_task(3)?.function("count_down");
    let task = task.on_log(|line| println!("log: {}", line.content));
    let running = task.on_progress(|shown| println!("progress: {:.2}", shown.value)).start()?;
    for event in running.events() {
        if let TaskEvent::Ended(outcome) = event? {
            running.join()?;
            println!("ended: {}", outcome.status);
        }
    }
    Ok(())
}

/// A wait may be bounded; the task does not mind.
fn wait_for_a_while(connection: &Connection) -> Done {
    println!("== wait for a while");
    let running = connection.new_task(())?.function("wait").start()?;
    match running.join_timeout(Duration::from_millis(100)) {
        Err(WaitError::Elapsed(_)) => println!("after 100 ms: {}", running.status()),
        other => return Err(format!("expected it to run on: {other:?}").into()),
    }
    running.cancel("it takes too long");
    println!("after the cancel: {}", running.join()?.status);
    Ok(())
}

/// Callbacks run on threads of the library's own: they may start other tasks and wait for them.
fn one_after_another(connection: &Connection) -> Done {
    println!("== one after another");
    let same = connection.clone();
    let first = connection.new_task(20)?.function("primes").on_complete(move |limit, primes| {
        println!("callback: {primes} primes up to {limit}");
        match square(&same, primes.to().unwrap_or_default()) {
            Ok(squared) => println!("callback: {primes} squared is {squared}"),
            Err(error) => println!("callback: {error}"),
        }
    });
    // Waiting for a task includes waiting for its callbacks.
    first.start()?.join()?;
    Ok(())
}

fn square(connection: &Connection, number: u64) -> Done<u64> {
    Ok(connection.new_task(number)?.function("square").start()?.success()?)
}

/// A connection for one piece of work, disconnected on every way out.
fn for_a_moment(master: &Master, address: &str) -> Done {
    println!("== for a moment");
    let squared =
        master.scoped("for-a-moment", address, |connection| square(&connection, 12))??;
    println!("12 squared is {squared}");
    println!("still connected: {}", master.contains("for-a-moment"));
    Ok(())
}

/// This program in its other role. It ends when its stdin does, also when the master is killed.
struct SlaveProcess {
    process: Child,
    address: String,
}

impl SlaveProcess {
    fn start() -> Done<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("slave").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn()?;
        let mut address = String::new();
        if let Some(stdout) = process.stdout.take() {
            BufReader::new(stdout).read_line(&mut address)?;
        }
        Ok(Self { process, address: address.trim().to_owned() })
    }

    fn stop(&mut self) -> Done {
        drop(self.process.stdin.take());
        let status = self.process.wait()?;
        let failed = || IoError::other(format!("the slave failed: {status}"));
        status.success().then_some(()).ok_or_else(failed)?;
        Ok(())
    }
}
