//! What tests of the blocking names need: a slave on a thread, and waits that are bounded.

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use selsyn::Slave;
use selsyn::blocking::{Connection, Master};
use selsyn_testing::{expect, functions};
use tokio::sync::oneshot;

/// A slave on a thread of its own, as another program would have it.
pub(crate) struct OwnSlave {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl OwnSlave {
    pub(crate) fn start() -> Self {
        let (stop, stopped) = oneshot::channel();
        let (told, address) = mpsc::channel();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                let slave = Slave::builder()
                    // What a test leaves running need not hold it up.
                    .drain_deadline(Duration::ZERO)
                    .function("add", functions::add())
                    .function("echo", functions::echo())
                    .function("fail", functions::fail())
                    .function("flood", functions::flood())
                    .function("wait", functions::wait_for_abort());
                let slave = slave.bind("127.0.0.1:0").await.unwrap();
                told.send(slave.addr()).unwrap();
                let stopped = async {
                    let _ = stopped.await;
                };
                slave.serve_until(stopped).await.unwrap();
            });
        });
        let address = address.recv().unwrap();
        Self { address, stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for OwnSlave {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(thread::panicking() || ended.is_ok(), "the slave's thread panicked");
        }
    }
}

/// Runs a test that waits on a thread, and fails when it does not come to its end.
pub(crate) fn within<T: Send + 'static>(test: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, ended) = mpsc::channel();
    thread::spawn(move || done.send(catch_unwind(AssertUnwindSafe(test))));
    let ended = ended.recv_timeout(expect::LIMIT).expect("the test comes to its end in time");
    ended.unwrap_or_else(|panic| resume_unwind(panic))
}

/// A test that has a slave, a master and a connection to it.
pub(crate) fn connected<T: Send + 'static>(
    test: impl FnOnce(&Master, &Connection, &OwnSlave) -> T + Send + 'static,
) -> T {
    within(move || {
        let slave = OwnSlave::start();
        let master = Master::new().unwrap();
        let connection = master.connect("it", slave.address).wait().unwrap();
        let value = test(&master, &connection, &slave);
        master.close().unwrap();
        value
    })
}
