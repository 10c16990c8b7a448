//! B-04 to B-06: FunctionGraph's logger, and the log that comes with a result.

use std::sync::{Arc, Mutex};

use selsyn::{Failure, FunctionExecution, LogLevel, LogTail, LoggerLevel, function};
use selsyn_testing::expect;
use serde_json::json;

use super::{called, slave_of};

/// The log lines of a call of `f`, and its request id.
async fn lines(function: selsyn::Function) -> (String, Vec<(LogLevel, String)>) {
    let cluster = slave_of(function).await;
    let lines = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&lines);
    let task = cluster.connection(0).new_task(json!(null)).unwrap().function("f");
    let task =
        task.on_log(move |line| seen.lock().unwrap().push((line.level, line.content.clone())));
    let running = task.start().await.unwrap();
    expect::completed(&running).await;
    cluster.stop().await;
    let lines = lines.lock().unwrap().clone();
    (running.id().uuid().to_string(), lines)
}

#[tokio::test]
async fn b_04_a_line_says_when_which_request_and_how_grave() {
    let (request, lines) = lines(function(|execution: FunctionExecution, (): ()| async move {
        execution.logger().info(format_args!("Function Name: {}", "demo"));
        Ok::<_, Failure>(())
    }))
    .await;
    let (level, line) = &lines[0];
    let (time, rest) = line.split_once(' ').unwrap();
    assert_eq!(rest, format!("{request} {request}#1 INFO Function Name: demo"));
    assert!(time.len() == 24 && time.ends_with('Z') && &time[10..11] == "T", "{time}");
    assert_eq!(*level, LogLevel::Info);
}

#[tokio::test]
async fn b_05_debug_is_hidden_until_it_is_asked_for_and_errors_never_are() {
    let (_, lines) = lines(function(|execution: FunctionExecution, (): ()| async move {
        let logger = execution.logger();
        logger.debug("hidden");
        logger.set_level(LoggerLevel::Debug);
        execution.logger().debug("seen");
        logger.set_level(LoggerLevel::Error);
        logger.warn("hidden");
        logger.error("failed");
        logger.set_level(LoggerLevel::Warn);
        logger.warn("careful");
        Ok::<_, Failure>(())
    }))
    .await;
    let tails: Vec<_> = lines.iter().map(|(_, line)| line.splitn(4, ' ').nth(3).unwrap()).collect();
    assert_eq!(tails, ["DEBUG seen", "ERROR failed", "WARN careful"]);
}

#[tokio::test]
async fn b_06_a_message_that_is_too_long_becomes_two_lines() {
    let (_, lines) = lines(function(|execution: FunctionExecution, (): ()| async move {
        execution.logger().info("x".repeat(90 * 1024 + 5));
        Ok::<_, Failure>(())
    }))
    .await;
    let texts: Vec<_> =
        lines.iter().map(|(_, line)| line.rsplit(' ').next().unwrap().len()).collect();
    assert_eq!(texts, [90 * 1024, 5]);
}

#[tokio::test]
async fn b_06_the_end_of_the_log_comes_with_the_result_and_says_that_it_was_cut() {
    for (count, is_whole) in [(3, true), (1_000, false)] {
        let cluster = slave_of(function(move |execution: FunctionExecution, (): ()| async move {
            (0..count).for_each(|n| execution.info(format_args!("Zeile ä {n:03}")));
            Ok::<_, Failure>(())
        }))
        .await;
        let outcome = called(&cluster).await;
        let tail = outcome.log_tail.expect("it has logged");
        assert_eq!((tail.whole().is_some(), tail.is_truncated()), (is_whole, !is_whole));
        assert_eq!(tail.total_bytes(), count * "Zeile ä 000\n".len() as u64);
        assert!(tail.last().len() <= LogTail::MAX_BYTES);
        assert!(tail.last().ends_with(&format!("Zeile ä {:03}\n", count - 1)));
        cluster.stop().await;
    }
}
