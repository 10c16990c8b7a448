//! A program that just ends, ends: tasks and callbacks that are still under way do not hold it.

use std::process::Stdio;

use selsyn::{Master, Slave};
use selsyn_testing::{expect, functions};
use serde_json::json;
use tokio::process::Command;

/// Set in the processes that a test starts of itself; says on what runtime.
const ROLE: &str = "SELSYN_TEST_EXIT";

/// The other process: starts tasks, blocks in a callback, and ends. As a test of its own it does
/// nothing.
#[test]
fn as_a_program_that_ends() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let mut builder = match role.as_str() {
        "one thread" => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    builder.enable_all().build().unwrap().block_on(async {
        let slave = Slave::builder()
            .function("echo", functions::echo())
            .function("wait", functions::wait_for_abort());
        let slave = slave.bind("127.0.0.1:0").await.unwrap().spawn();
        let connection = Master::new().unwrap().connect("it", slave.addr()).await.unwrap();
        for _ in 0..20 {
            let task = connection.new_task(json!(1)).unwrap().function("wait");
            task.on_fail(|_, _| {}).start().await.unwrap();
        }
        let (told, heard) = tokio::sync::oneshot::channel();
        let task = connection.new_task(json!(1)).unwrap().function("echo");
        let endless = task.on_complete(move |_, _| {
            told.send(()).unwrap();
            loop {
                std::thread::park();
            }
        });
        endless.start().await.unwrap();
        heard.await.unwrap();
    });
}

#[tokio::test]
async fn a_program_that_returns_from_main_ends_whatever_is_under_way() {
    for role in ["one thread", "many threads"] {
        for _ in 0..3 {
            let mut process = Command::new(std::env::current_exe().unwrap())
                .args(["exits::as_a_program_that_ends", "--exact", "--test-threads=1"])
                .env(ROLE, role)
                .stdout(Stdio::null())
                .kill_on_drop(true)
                .spawn()
                .unwrap();
            let what = format!("the program on {role} to end");
            let status = expect::soon(&what, process.wait()).await.unwrap();
            assert!(status.success(), "{role}: {status}");
        }
    }
}
