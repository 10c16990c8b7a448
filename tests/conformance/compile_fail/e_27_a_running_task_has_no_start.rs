//! What was started, and may even have ended, cannot be started.

async fn start_what_has_ended(running: selsyn::RunningTask) {
    running.join().await;
    running.start().await;
}

fn main() {}
