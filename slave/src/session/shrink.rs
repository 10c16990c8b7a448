//! Cuts a frame down to what its master can read.
//!
//! One frame that is too large would end the stream, and with it everybody's tasks. Values have
//! their own check, which ends the task as too large, and large payloads travel in parts; this one
//! is for all that comes along.

use prost::Message;
use selsyn_common::link::{Frame as _, PART_BYTES};
use selsyn_common::proto::{self, FromSlave, from_slave::Frame, outcome, output};
use tracing::warn;

/// Most bytes of a frame beside its payloads; a reader leaves itself four times as much.
const MAX_BYTES: usize = 1024 * 1024;

/// Longest text, and longest line of a trace, in a frame that must be cut, in characters.
const MAX_TEXT: usize = 2_048;
const MAX_LINE: usize = 512;

/// Drops payloads that the master does not take, and cuts text until the frame fits.
pub(super) fn to_fit(frame: &mut FromSlave, max_payload_bytes: usize) {
    if is_small(frame) {
        return;
    }
    let mut large = 0;
    let mut dropped = 0;
    frame.each_payload(|payload| {
        let bytes = payload.data.len();
        if bytes > max_payload_bytes.max(PART_BYTES) {
            payload.data.clear();
            dropped += 1;
        } else if bytes > PART_BYTES {
            large += bytes;
        }
    });
    if dropped > 0 {
        tell_dropped(frame);
    }
    if frame.encoded_len() - large > MAX_BYTES {
        shrink(frame);
    }
}

/// Cuts the text of an output that no frame carries, before it is kept: whoever reads it later gets
/// what was sent.
pub(crate) fn output_to_fit(output: &mut proto::Output) {
    if output.encoded_len() > MAX_BYTES {
        shrink_output(output);
    }
}

/// Whether a frame has nothing that could be too large: most have not. The size of a value was
/// looked at before.
fn is_small(frame: &FromSlave) -> bool {
    match &frame.frame {
        Some(Frame::Accepted(accepted)) => accepted.reply.is_none(),
        Some(Frame::Finished(proto::Finished { outcome: Some(outcome), .. })) => {
            matches!(outcome.result, Some(outcome::Result::Value(_)))
        }
        Some(Frame::Running(_) | Frame::Forbidden(_) | Frame::Heartbeat(_)) => true,
        _ => false,
    }
}

/// Takes out the payloads that were emptied, and says so where there is room for it.
fn tell_dropped(frame: &mut FromSlave) {
    let is_left = |payload: &proto::Payload| !payload.data.is_empty();
    match &mut frame.frame {
        Some(Frame::Finished(proto::Finished { outcome: Some(outcome), .. })) => {
            if let Some(outcome::Result::Failure(failure)) = &mut outcome.result {
                failure.data = failure.data.take().filter(is_left);
                failure.partial = failure.partial.take().filter(is_left);
                failure.trace.push(
                    "data or partial value were cut: they were over the master's limit".to_owned(),
                );
            }
        }
        Some(Frame::Refused(proto::Refused { refusal: Some(refusal), .. }))
        | Some(Frame::GoodbyeRefused(proto::GoodbyeRefused { refusal: Some(refusal) })) => {
            refusal.data = None;
        }
        Some(Frame::Accepted(accepted)) => accepted.reply = None,
        Some(Frame::GoodbyeAccepted(accepted)) => accepted.reply = None,
        _ => {}
    }
    warn!("what a hook or function gave along is over the master's limit, and was dropped");
}

/// Cuts texts.
fn shrink(frame: &mut FromSlave) {
    match &mut frame.frame {
        Some(Frame::Welcome(welcome)) => shrink_catalogue(&mut welcome.functions, MAX_BYTES / 2),
        Some(Frame::FunctionsChanged(changed)) => {
            shrink_catalogue(&mut changed.functions, MAX_BYTES / 2);
        }
        Some(Frame::GoodbyeRefused(proto::GoodbyeRefused { refusal: Some(refusal) }))
        | Some(Frame::Refused(proto::Refused { refusal: Some(refusal), .. })) => {
            cut(&mut refusal.message, MAX_TEXT);
        }
        Some(Frame::Rejected(proto::Rejected { refusal: Some(refusal) })) => {
            refusal.data = None;
            cut(&mut refusal.message, MAX_TEXT);
        }
        Some(Frame::Finished(proto::Finished { outcome: Some(outcome), .. })) => {
            if let Some(outcome::Result::Failure(failure)) = &mut outcome.result {
                shrink_failure(failure);
            }
        }
        Some(Frame::Output(proto::ExecutionOutput { output: Some(output), .. })) => {
            shrink_output(output);
        }
        Some(Frame::Violation(violation)) => cut(&mut violation.message, MAX_TEXT),
        _ => {}
    }
}

/// Names as many functions as fit; the others can be called all the same.
fn shrink_catalogue(functions: &mut Vec<proto::Function>, limit: usize) {
    let mut bytes = 0;
    let fits = functions.iter().take_while(|function| {
        bytes += function.encoded_len() + 8;
        bytes <= limit
    });
    let count = fits.count();
    functions.truncate(count);
}

fn shrink_failure(failure: &mut proto::Failure) {
    cut(&mut failure.message, MAX_TEXT);
    failure.trace.truncate(4);
    failure.trace.iter_mut().for_each(|line| cut(line, MAX_LINE));
    failure
        .trace
        .push("message and trace were cut: they were over the limit of a frame".to_owned());
}

fn shrink_output(output: &mut proto::Output) {
    match &mut output.content {
        Some(output::Content::Log(line)) => {
            line.key.iter_mut().for_each(|key| cut(key, MAX_LINE));
            cut(&mut line.content, MAX_TEXT);
        }
        Some(output::Content::Progress(progress)) => {
            progress.key.iter_mut().for_each(|key| cut(key, MAX_LINE));
            cut(&mut progress.title, MAX_LINE);
        }
        // Its size was looked at when it was shown.
        Some(
            output::Content::Plot(_)
            | output::Content::Table(_)
            | output::Content::Container(_)
            | output::Content::Custom(_)
            | output::Content::Part(_),
        ) => {}
        None => {}
    }
}

/// Cuts a text and says so in it.
fn cut(text: &mut String, max: usize) {
    if text.chars().count() > max {
        *text = text.chars().take(max).chain(" … (cut)".chars()).collect();
    }
}

#[cfg(test)]
mod tests {
    use selsyn_common::{Failure, Outcome, Payload, TaskStatus};

    use super::*;

    fn finished(failure: Failure) -> FromSlave {
        let outcome = Outcome::failed(TaskStatus::Failed, failure);
        let finished = proto::Finished { execution: None, outcome: Some(outcome.into()) };
        FromSlave { frame: Some(Frame::Finished(finished)) }
    }

    fn failure_fits(frame: &mut FromSlave) {
        to_fit(frame, 1_000);
        assert!(frame.encoded_len() <= MAX_BYTES);
    }

    #[test]
    fn a_partial_value_that_the_master_takes_is_kept_however_large() {
        let mut failure = Failure::new("stopped");
        failure.partial = Some(Box::new(Payload::bytes(vec![0; 10_000_000])));
        let mut frame = finished(failure);
        let before = frame.clone();
        to_fit(&mut frame, 10_000_000);
        assert_eq!(frame, before);
    }

    #[test]
    fn what_fits_is_left_alone() {
        let mut frame = finished(Failure::new("broken").with_data(1));
        let before = frame.clone();
        to_fit(&mut frame, 1_000);
        assert_eq!(frame, before);
    }

    #[test]
    fn a_failure_is_cut_until_it_fits_and_says_so() {
        let data = Payload::bytes(vec![0; 1_000_000]);
        let mut frame = finished(Failure::new("ä".repeat(1_000_000)).with_data(data));
        failure_fits(&mut frame);
        assert!(format!("{frame:?}").contains("were cut"));
    }
}
