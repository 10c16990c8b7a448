//! The queue of functions, in bluesky's words: what waits for a slot.

use selsyn::{QueueItemError, QueuePosition};
use selsyn_testing::{Gate, TestCluster, expect};
use serde_json::json;

use super::{completed, functions_of, waiting};

#[tokio::test]
async fn the_queue_is_got_its_items_are_moved_and_removed_and_refusals_are_told_apart() {
    let gate = Gate::closed();
    let functions = gate.clone();
    let cluster = TestCluster::builder(1)
        .slaves(move |_, slave| functions_of(slave.slots(1), &functions))
        .start()
        .await
        .unwrap();
    let calls = cluster.connection(0).function_calls();
    let queue = calls.queue();
    let running = waiting(&calls, true).await;
    assert_eq!(queue.list().await.unwrap(), []);
    let (first, second) = (waiting(&calls, true).await, waiting(&calls, true).await);
    let items = queue.list().await.unwrap();
    let item = json!({"item_type": "function", "name": "wait", "item_uid": first.as_str()});
    assert_eq!((items.len(), items[0].to_json()), (2, item));
    assert_eq!(calls.status().await.unwrap().items_in_queue, 2);

    queue.move_to(&second, QueuePosition::Front).await.unwrap();
    let uids: Vec<_> = queue.list().await.unwrap().into_iter().map(|item| item.task_uid).collect();
    assert_eq!(uids, [second.clone(), first.clone()]);

    let refused = queue.drop(&running).await.unwrap_err();
    assert!(matches!(&refused, QueueItemError::Running { task_uid } if *task_uid == running));
    let refused = queue.move_to("no-such-uid", 0).await.unwrap_err();
    assert!(matches!(refused, QueueItemError::NotFound { .. }), "{refused}");
    queue.drop(&first).await.unwrap();
    let removed = completed(&calls, &first).await;
    assert!(!removed.success && removed.msg.contains("dropped from the queue"), "{removed:?}");
    let refused = queue.move_to(&first, 0).await.unwrap_err();
    assert!(matches!(refused, QueueItemError::Completed { .. }), "{refused}");

    gate.open();
    assert!(expect::soon("the end", completed(&calls, &second)).await.success);
    cluster.stop().await;
}
