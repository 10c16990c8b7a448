use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

use super::*;
use crate::cell::tests::connection;

#[derive(Default)]
struct Counts(AtomicUsize);

impl Wake for Counts {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn whoever_waits_for_many_tasks_that_end_together_is_woken_and_so_is_everybody_else() {
    let connection = connection().await;
    let all: Vec<Arc<Counts>> = (0..3).map(|_| Arc::default()).collect();
    let mut after = Aftermath::default();
    for (waits, tasks) in all.iter().zip([1, 5, 2]) {
        let waker = Waker::from(Arc::clone(waits));
        after.woken.extend(std::iter::repeat_n(waker, tasks));
    }
    after.tell(connection.link(), None);
    assert!(all.iter().all(|waits| waits.0.load(Ordering::Relaxed) == 1));
}
