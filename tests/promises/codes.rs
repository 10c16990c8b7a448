//! Every public error has a code, and every code is in the one table.

use std::time::Duration;

use selsyn::{BuildError, ErrorCode, Master, Slave};
use selsyn_testing::{TestCluster, expect};
use serde_json::json;

#[tokio::test]
async fn errors_of_every_question_have_their_code_in_the_table() {
    let cluster = TestCluster::start(1).await.unwrap();
    let master = Master::new().unwrap();
    let task = || cluster.connection(0).new_task(json!({})).unwrap();
    let codes = [
        Slave::builder().slots(0).bind("127.0.0.1:0").await.unwrap_err().code(),
        master.connect("x", "no address").await.unwrap_err().code(),
        cluster.master().disconnect("nobody").await.unwrap_err().code(),
        expect::error(task().function("ad").start().await).code(),
        task().start().await.unwrap().success::<i64>().await.unwrap_err().code(),
        task()
            .function("wait_for_abort")
            .start()
            .await
            .unwrap()
            .join_timeout(Duration::from_millis(1))
            .await
            .unwrap_err()
            .code(),
    ];
    assert_eq!(codes, ["E0403", "E0212", "E0217", "E0101", "E0501", "E0506"]);
    assert!(codes.iter().all(|code| ErrorCode::parse(code).is_some()));
    cluster.stop().await;
}

#[test]
fn public_errors_can_cross_threads_and_outlive_their_makers() {
    fn is_portable<T: Send + Sync + 'static>() {}
    is_portable::<BuildError>();
    is_portable::<selsyn::ConnectError>();
    is_portable::<selsyn::DisconnectError>();
    is_portable::<selsyn::StartError>();
    is_portable::<selsyn::JoinError>();
    is_portable::<selsyn::GroupError>();
    is_portable::<selsyn::InvalidGroup>();
    is_portable::<selsyn::InsideRuntime>();
    is_portable::<selsyn::blocking::MasterError>();
    is_portable::<selsyn::blocking::WaitError>();
    is_portable::<selsyn::ServeError>();
    is_portable::<selsyn::InputError>();
    is_portable::<selsyn::ArgumentError>();
    is_portable::<selsyn::NoCredentials>();
    is_portable::<selsyn::Stopped>();
}
