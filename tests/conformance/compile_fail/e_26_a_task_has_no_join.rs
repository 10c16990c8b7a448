//! What was not started cannot be joined.

async fn join_without_start(task: selsyn::Task) {
    task.join().await;
}

fn main() {}
