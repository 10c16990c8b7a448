//! `start()` takes the task: nothing is left that could be started again.

async fn start_twice(task: selsyn::Task) {
    // By way of a variable, as the compiler would otherwise show a line of the library.
    let start = selsyn::Task::start;
    let _first = start(task).await;
    let _second = start(task).await;
}

fn main() {}
