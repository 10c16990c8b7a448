//! E-01, E-12, E-13: masters and slaves as services that begin and end.

use std::io::ErrorKind;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use selsyn::{
    ConnectError, Failure, FunctionExecution, Master, Payload, Slave, TaskStatus, function, ping,
};
use selsyn_testing::{Gate, expect};
use tokio::net::TcpListener;

use super::on_tcp;

#[tokio::test]
async fn e_01_a_slave_answers_pings_until_it_is_shut_down_and_frees_its_port() {
    let slave = on_tcp(Slave::builder()).await;
    let (id, address) = (slave.id(), slave.addr());
    let info = expect::soon("a ping", ping(&address.to_string(), None)).await;
    assert_eq!(info.unwrap().slave, id);
    let taken = TcpListener::bind(address).await.unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::AddrInUse);

    expect::soon("the shutdown", slave.shutdown()).await.unwrap();
    let silent = expect::soon("a ping", ping(&address.to_string(), None)).await;
    assert!(matches!(expect::error(silent), ConnectError::Unreachable { .. }));
    selsyn_tests::port_is_free(address).await;
}

#[tokio::test]
async fn e_12_a_master_runs_until_it_is_closed() {
    let master = Master::new().unwrap();
    let clone = master.clone();
    assert!(master.is_running() && clone.is_running());

    expect::soon("the master to close", master.close()).await;
    assert!(!master.is_running() && !clone.is_running());
    let error = expect::error(master.connect("late", "127.0.0.1").await);
    assert!(matches!(error, ConnectError::MasterClosed));
}

/// The service object is the slave, its scope is the future that `serve_until` is given: the
/// slave has started when the scope is entered, is shut down when the scope is left, and
/// `serve_until` returns when everything has been joined.
#[tokio::test]
async fn e_13_a_scoped_slave_is_started_then_shut_down_then_joined() {
    let steps = Steps::default();
    let (asked_to_stop, may_end) = (steps.clone(), Gate::closed());
    let end = may_end.clone();
    let hold = function(move |execution: FunctionExecution, _: Payload| {
        let (steps, end) = (asked_to_stop.clone(), end.clone());
        async move {
            execution.cancelled().await;
            steps.reached("shut down");
            end.opened().await;
            steps.reached("work ended");
            Ok::<_, Failure>(())
        }
    });
    let slave = Slave::builder()
        .default_function(hold)
        .drain_deadline(Duration::ZERO)
        .bind("127.0.0.1:0")
        .await
        .unwrap();
    let (address, master) = (slave.addr(), Master::new().unwrap());

    let mut running = None;
    let scope = async {
        ping(&address.to_string(), None).await.unwrap();
        steps.reached("started");
        let connection = master.connect("conn", address).await.unwrap();
        let task = connection.new_task(()).unwrap().start().await.unwrap();
        expect::running(&task).await;
        running = Some(task);
        may_end.open();
        steps.reached("left");
    };
    expect::soon("the slave to end", slave.serve_until(scope)).await.unwrap();
    steps.reached("joined");

    let order = ["started", "left", "shut down", "work ended", "joined"];
    assert_eq!(steps.all(), order);
    expect::ended_as(&running.unwrap(), TaskStatus::Aborted).await;
    selsyn_tests::port_is_free(address).await;
}

/// What happened, in order.
#[derive(Clone, Default)]
struct Steps(Arc<Mutex<Vec<&'static str>>>);

impl Steps {
    fn reached(&self, step: &'static str) {
        self.0.lock().expect("no step panics").push(step);
    }

    fn all(&self) -> Vec<&'static str> {
        self.0.lock().expect("no step panics").clone()
    }
}
