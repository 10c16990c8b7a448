//! who comes too late to read what an execution showed.

use std::time::Duration;

use selsyn::{Failure, FunctionExecution, TaskId};
use selsyn_testing::{TestCluster, expect};

async fn show(execution: FunctionExecution, (): ()) -> Result<(), Failure> {
    execution.info("here I am");
    Ok(())
}

#[tokio::test]
async fn a_20_a_reader_of_results_that_are_cleaned_up_hears_that_they_expired_and_waits_for_nothing()
 {
    let cluster = TestCluster::builder(1)
        .slaves(|_, slave| slave.function("show", show).retention(Duration::MAX, 1, usize::MAX))
        .start()
        .await
        .unwrap();
    let control = cluster.connection(0).executions();
    let first = control.start("show", ()).unwrap().await.unwrap().id();
    let mut before = control.watch(first, 1);
    control.wait_for_completion(first, Some(expect::LIMIT)).await.unwrap();
    // The second takes the place of the first.
    let second = control.start("show", ()).unwrap().await.unwrap().id();
    control.wait_for_completion(second, Some(expect::LIMIT)).await.unwrap();

    let mut attached = control.watch(first, 1);
    let too_late = expect::soon("an answer", attached.next()).await.unwrap().unwrap_err();
    assert_eq!(too_late.code(), "E0302");
    assert!(expect::soon("the end", attached.next()).await.is_none(), "it says nothing more");
    let too_late = expect::soon("an answer", before.next()).await.unwrap().unwrap_err();
    assert_eq!(too_late.code(), "E0302");
    let waited = control.wait_for_completion(first, None);
    let too_late = expect::soon("an answer", waited).await.unwrap_err();
    assert_eq!(too_late.code(), "E0302");
    // What never was is another matter.
    let never = selsyn::ExecutionId::first(TaskId::from_random([9; 16]));
    let nothing = expect::soon("an answer", control.watch(never, 1).next()).await.unwrap();
    assert_eq!(nothing.unwrap_err().code(), "E0301");
    cluster.stop().await;
}
