//! A slave that is killed in the middle of a task costs that task, and says so.

use std::process::Stdio;
use std::time::Duration;

use selsyn::{
    Connection, ConnectionState, Failure, FunctionExecution, Master, Ran, Slave, TaskStatus,
};
use selsyn_testing::functions::Counter;
use selsyn_testing::{expect, functions};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};

/// Set in the processes that a test starts of itself.
const ROLE: &str = "SELSYN_TEST_ROLE";
const WINDOW: Duration = Duration::from_secs(1);

/// The other process: a slave that serves until its standard input ends. As a test of its own it
/// does nothing.
#[tokio::test]
async fn as_a_slave_process() {
    if std::env::var_os(ROLE).is_none() {
        return;
    }
    async fn for_ever(execution: FunctionExecution, (): ()) -> Result<(), Failure> {
        execution.info("begun");
        std::future::pending().await
    }
    let slave = Slave::builder().function("for_ever", for_ever).function("echo", functions::echo());
    let bound = slave.bind("127.0.0.1:0").await.unwrap();
    // The test harness writes to the same output: a mark tells the line apart.
    std::io::Write::write_all(
        &mut std::io::stdout(),
        format!("\nslave at {}\n", bound.addr()).as_bytes(),
    )
    .unwrap();
    let parent_gone = async { drop(tokio::io::stdin().read_to_end(&mut Vec::new()).await) };
    bound.serve_until(parent_gone).await.unwrap();
}

/// A slave in a process of its own; killed with the test.
pub(super) struct SlaveProcess {
    pub(super) process: Child,
    address: String,
}

impl SlaveProcess {
    pub(super) async fn start() -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["killed::as_a_slave_process", "--exact", "--nocapture", "--test-threads=1"])
            .env(ROLE, "slave")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let address = async {
            while let Some(line) = lines.next_line().await.unwrap() {
                if let Some(address) = line.strip_prefix("slave at ") {
                    return address.to_owned();
                }
            }
            panic!("the slave process ended before it served");
        };
        let address = expect::soon("the slave process to serve", address).await;
        Self { process, address }
    }

    pub(super) async fn connect(&self, master: &Master, name: &str) -> Connection {
        master.connect(name, &self.address).await.unwrap()
    }
}

#[tokio::test]
async fn sigkill_in_the_middle_of_a_task_ends_it_lost_within_the_window() {
    let (mut doomed, other) = (SlaveProcess::start().await, SlaveProcess::start().await);
    let master =
        Master::builder().heartbeat_tolerance(WINDOW).resume_window(Some(WINDOW)).build().unwrap();
    let (lost, kept) =
        (doomed.connect(&master, "doomed").await, other.connect(&master, "other").await);
    let failed = Counter::default();
    let fails = failed.clone();
    let task = lost.new_task(()).unwrap().function("for_ever").on_fail(move |_, _| {
        fails.count();
    });
    let running = task.start().await.unwrap();
    expect::running(&running).await;

    doomed.process.kill().await.unwrap();
    let killed = std::time::Instant::now();
    let failure = expect::failure(&running, TaskStatus::Lost).await;
    assert!(killed.elapsed() < WINDOW * 3, "{:?}", killed.elapsed());
    assert_eq!((failure.ran, failed.runs()), (Ran::Unknown, 1));
    assert_eq!(lost.state(), ConnectionState::Unreachable);

    let echo = kept.new_task(json!("undisturbed")).unwrap().function("echo").start().await.unwrap();
    assert_eq!(echo.success::<String>().await.unwrap(), "undisturbed");
    assert!(kept.is_connected());
    master.close().await;
}
