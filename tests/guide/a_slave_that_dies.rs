use std::time::Duration;

use selsyn::{Connection, Failure, FunctionExecution, Master, Ran};
use selsyn_testing::{Gate, SlaveProcess, expect};

/// What is tested: gives a job to the first worker, and to the next one if nobody knows what
/// became of it. The job may run twice then, so this is for jobs that can.
async fn on_any(workers: &[Connection], page: &str) -> Result<usize, Failure> {
    let mut last = Failure::new("there is no worker");
    for worker in workers {
        let task = worker.new_task(page)?.function("count_words");
        match task.start().await?.join().await.result {
            Ok(words) => return Ok(words.to()?),
            Err(failure) if failure.ran == Ran::Unknown => last = failure,
            Err(failure) => return Err(failure),
        }
    }
    Err(last)
}

/// A worker. `cargo test` runs this with the other tests, and it does nothing; a process that
/// `SlaveProcess` starts runs it alone, and serves.
#[test]
fn as_a_worker() {
    async fn count_words(_: FunctionExecution, page: String) -> Result<usize, Failure> {
        Ok(page.split_whitespace().count())
    }
    SlaveProcess::serve_if_asked(|slave| slave.function("count_words", count_words));
}

/// A worker that never comes to an end.
#[test]
fn as_a_worker_that_hangs() {
    async fn hang(_: FunctionExecution, _page: String) -> Result<usize, Failure> {
        std::future::pending().await
    }
    SlaveProcess::serve_if_asked(|slave| slave.function("count_words", hang));
}

#[tokio::test]
async fn a_job_survives_the_worker_that_dies_with_it() {
    let mut doomed = SlaveProcess::start(as_a_worker_that_hangs).await.unwrap();
    let other = SlaveProcess::start(as_a_worker).await.unwrap();
    // In production a minute: here nobody wants to wait for that.
    let window = Duration::from_secs(1);
    let taken = Gate::closed();
    let tell = taken.clone();
    let master = Master::builder()
        .heartbeat_tolerance(window)
        .resume_window(Some(window))
        .after_start(move |_| tell.open())
        .build()
        .unwrap();
    let workers = [
        master.connect("doomed", doomed.address()).await.unwrap(),
        master.connect("other", other.address()).await.unwrap(),
    ];

    let job = tokio::spawn({
        let workers = workers.clone();
        async move { on_any(&workers, "these are four words").await }
    });
    expect::soon("the job to be taken", taken.opened()).await;
    doomed.kill().await.unwrap();

    assert_eq!(expect::soon("the job to end", job).await.unwrap().unwrap(), 4);
    master.close().await;
}
