//! B-01 and B-02: what a function reads of its context.

use std::time::Duration;

use selsyn::{
    Credentials, CredentialsProvider, CredentialsRequest, Failure, FunctionExecution,
    GivesCredentials, NoCredentials, Token, function,
};
use selsyn_testing::{TestCluster, expect};
use serde_json::{Value, json};

use super::{slave_of, started, value};

/// Every getter, as JSON.
async fn context(execution: FunctionExecution, (): ()) -> Result<Value, Failure> {
    let (info, executor) = (execution.function_info(), execution.executor());
    let credentials = execution.credentials().await;
    let remaining = execution.remaining();
    Ok(json!({
        "request": execution.request_id().uuid().to_string(),
        "function": execution.function(),
        "version": info.version,
        "alias": info.alias,
        "package": info.package,
        "memory": info.memory_limit,
        "cpu": info.cpu_millis,
        "timeout": execution.timeout().map(|timeout| timeout.as_secs()),
        "remaining": remaining.map(|left| left <= Duration::from_secs(60) && !left.is_zero()),
        "user": [execution.user_data("depth"), execution.user_data("missing")],
        "typed": execution.user_data_as::<u32>("depth").ok().flatten(),
        "executor": [executor.name.as_str(), executor.version.as_str()],
        "slave": executor.id.to_string(),
        "api": execution.endpoint("api"),
        "gql": execution.endpoint("gql"),
        "token": execution.token().map(|token| token.reveal().to_owned()),
        "function token": execution.function_token().map(Token::reveal),
        "key": credentials.as_ref().map(|keys| keys.access_key.as_str()).ok(),
        "secret": credentials.as_ref().map(|keys| keys.secret_key.reveal()).ok(),
        "security token": credentials
            .as_ref()
            .ok()
            .and_then(|keys| keys.security_token.as_ref().map(Token::reveal)),
        "none": matches!(credentials, Err(NoCredentials::NoProvider)),
    }))
}

/// Gives every run its own name, and a secret.
struct Provider;

impl CredentialsProvider for Provider {
    fn credentials(&self, request: CredentialsRequest) -> GivesCredentials<'_> {
        let key = format!("{} of {}", request.function, request.peer.connection);
        let secret = Token::new("s3cret").expect("it is visible");
        let security = Token::new("t3mp").expect("it is visible");
        let credentials = Credentials::new(key, secret).with_security_token(security);
        Box::pin(async move { Ok(credentials) })
    }

    fn task_token(&self, _: &CredentialsRequest) -> Option<Token> {
        Token::new("j0b").ok()
    }
}

#[tokio::test]
async fn b_01_a_context_with_all_values_set_gives_each() {
    let full = function(context)
        .version("1.4")
        .alias("stable")
        .package("vision")
        .memory_limit(128 << 20)
        .cpu_millis(300)
        .timeout(Duration::from_secs(60))
        .user_data("depth", 18)
        .token(Token::new("f0nc").unwrap());
    let slaves = move |_, slave: selsyn::SlaveBuilder| {
        slave
            .function("f", full.clone())
            .name("gpu-0")
            .version("2.0")
            .endpoint("api", "https://api.example")
            .credentials(Provider)
    };
    let cluster = TestCluster::builder(1).slaves(slaves).start().await.unwrap();
    let running = started(&cluster).await;
    let got: Value = expect::soon("the context", running.success()).await.unwrap();
    let expected = json!({
        "request": running.id().uuid().to_string(),
        "function": "f",
        "version": "1.4",
        "alias": "stable",
        "package": "vision",
        "memory": 128 << 20,
        "cpu": 300,
        "timeout": 60,
        "remaining": true,
        "user": [18, null],
        "typed": 18,
        "executor": ["gpu-0", "2.0"],
        "slave": cluster.slave(0).id().to_string(),
        "api": "https://api.example",
        "gql": null,
        "token": "j0b",
        "function token": "f0nc",
        "key": "f of slave-0",
        "secret": "s3cret",
        "security token": "t3mp",
        "none": false,
    });
    assert_eq!(got, expected);
    cluster.stop().await;
}

#[tokio::test]
async fn b_02_a_context_with_nothing_set_gives_empties_and_no_panic() {
    let bare = function(context).user_data_json("no JSON at all");
    let cluster = slave_of(bare).await;
    let got = value(&cluster).await;
    for empty in ["version", "alias", "package"] {
        assert_eq!(got[empty], "", "{empty}");
    }
    let nothing = ["memory", "cpu", "timeout", "remaining", "typed", "api", "token", "key"];
    for none in nothing {
        assert_eq!(got[none], Value::Null, "{none}");
    }
    assert_eq!(got["user"], json!([null, null]));
    assert_eq!(got["executor"], json!(["", ""]));
    assert_eq!(got["none"], true);
    cluster.stop().await;
}

#[tokio::test]
async fn b_01_user_data_comes_as_one_json_object_too() {
    let with_json = function(context).user_data_json(r#"{"depth": 7}"#);
    let cluster = slave_of(with_json).await;
    assert_eq!(value(&cluster).await["user"], json!([7, null]));
    cluster.stop().await;
}

#[tokio::test(start_paused = true)]
async fn b_01_remaining_time_is_never_negative() {
    let late = function(|execution: FunctionExecution, (): ()| async move {
        execution.cancelled().await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        Err::<(), _>(Failure::new(format!("{:?} left", execution.remaining())))
    });
    let late = late.timeout(Duration::from_secs(3));
    let slaves = move |_, slave: selsyn::SlaveBuilder| slave.function("f", late.clone());
    let cluster = TestCluster::builder(1).slaves(slaves).virtual_time().start().await.unwrap();
    let outcome = expect::ended(&started(&cluster).await).await;
    assert_eq!(outcome.failure().unwrap().trace[0], "Some(0ns) left");
    cluster.stop().await;
}
