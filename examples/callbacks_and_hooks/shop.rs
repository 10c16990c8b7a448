//! The slave: a print shop with two functions, and a hook that looks at every order first.

use selsyn::{BoundSlave, BuildError, Failure, FunctionExecution, Refusal, Slave, TaskRequest};
use serde::{Deserialize, Serialize};

/// The most copies the shop takes.
const MOST_COPIES: u32 = 3;

/// What `print` is asked for.
#[derive(Clone, Deserialize, Serialize)]
pub(crate) struct Order {
    pub(crate) text: String,
    pub(crate) copies: u32,
}

impl Order {
    pub(crate) fn new(text: &str, copies: u32) -> Self {
        let text = text.to_owned();
        Self { text, copies }
    }
}

/// What the hook gives along with a refusal.
#[derive(Serialize)]
struct Limit {
    most: u32,
}

/// What the hook replies when it lets a task pass.
#[derive(Serialize)]
struct Tray {
    tray: &'static str,
}

/// Opens the shop on a free port.
pub(crate) async fn open() -> Result<BoundSlave, BuildError> {
    Slave::builder()
        .before_task(look_at)
        .function("print", print)
        .function("bind", bind)
        .bind("127.0.0.1:0")
        .await
}

/// Refuses orders that are too large, before the task is accepted: `print` never sees them.
fn look_at(request: TaskRequest) -> Result<Tray, Refusal> {
    match request.data.to::<Order>() {
        Ok(order) if order.copies > MOST_COPIES => {
            let refusal = Refusal::new(format!("{} copies are too many", order.copies));
            Err(refusal.with_code(700).with_data(Limit { most: MOST_COPIES }))
        }
        // What is no order goes to another function, or fails there with a better message.
        Ok(_) | Err(_) => Ok(Tray { tray: "A4" }),
    }
}

/// Prints copies, telling how far it has come; returns how many.
async fn print(execution: FunctionExecution, order: Order) -> Result<u32, Failure> {
    let Order { text, copies } = order;
    if text.is_empty() {
        return Err(Failure::new("there is nothing to print").with_data(copies));
    }
    for copy in 1..=copies {
        execution.info(format_args!("copy {copy} of {text:?}"));
        execution.progress(f64::from(copy) / f64::from(copies))?;
    }
    Ok(copies)
}

/// Binds pages.
async fn bind(_: FunctionExecution, pages: u32) -> Result<String, Failure> {
    Ok(format!("a booklet of {pages} pages"))
}
