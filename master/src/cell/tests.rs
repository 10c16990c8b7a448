use std::sync::Arc;

use selsyn_common::{ExecutionId, Payload, proto};

use super::{Aftermath, Cell, Completed, SharedCell};
use crate::callbacks::Callback;
use crate::{Connection, Master};

/// A connection whose slave never answers.
pub(crate) async fn connection() -> Connection {
    let dial = std::future::pending::<std::io::Result<tokio::net::TcpStream>>;
    Master::new().unwrap().connect_with("it", dial).lazy().await.unwrap()
}

/// A task of this connection.
pub(crate) fn cell(of: &Connection) -> SharedCell {
    let id = ExecutionId::first(of.link().next_task_id());
    Cell::new(id, Payload::null(), Arc::clone(of.link())).shareable()
}

fn complete(cell: &SharedCell) -> Aftermath {
    let mut after = Aftermath::default();
    let (value, summary) = (Payload::null(), proto::Summary::default());
    Cell::completed(cell, Completed { value, summary }, &mut after);
    after
}

#[tokio::test]
async fn what_is_seen_of_a_completed_task_without_a_lock_is_all_that_happens_to_it() {
    let connection = connection().await;
    let quiet = cell(&connection);
    assert!(!quiet.has_completed());
    complete(&quiet);
    assert!(quiet.has_completed());
    let state = quiet.state();
    assert!(state.delivered && state.end.is_some());
}

#[tokio::test]
async fn a_task_with_callbacks_or_watchers_has_not_completed_when_its_verdict_comes() {
    let connection = connection().await;
    let (called_back, watched) = (cell(&connection), cell(&connection));
    let callback = Callback::Complete(Box::new(|_, _| {}));
    let _ = called_back.state().mailbox().push_callback(callback, false);
    let _events = watched.subscribe();
    for cell in [called_back, watched] {
        complete(&cell);
        assert!(!cell.has_completed() && cell.state().end.is_some());
    }
}
