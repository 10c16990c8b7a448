//! What the link needs to know of the frames that cross it.

use std::time::Duration;

use bytes::Bytes;

use super::{Frame, Lane};
use crate::ExecutionId;
use crate::proto::{self, outcome};

impl Frame for proto::FromMaster {
    type Peer = proto::FromSlave;

    fn lane(&self) -> Lane {
        Lane::Control
    }

    fn is_numbered(&self) -> bool {
        use proto::from_master::Frame as F;
        !matches!(self.frame, Some(F::Hello(_) | F::Heartbeat(_) | F::Violation(_)))
    }

    fn beat() -> Self {
        let frame = Some(proto::from_master::Frame::Heartbeat(proto::Heartbeat {}));
        Self { frame }
    }

    fn part(part: proto::Part) -> Self {
        Self { frame: Some(proto::from_master::Frame::Part(part)) }
    }

    fn as_part(&self) -> Option<&proto::Part> {
        match &self.frame {
            Some(proto::from_master::Frame::Part(part)) => Some(part),
            _ => None,
        }
    }

    fn execution(&self) -> Option<ExecutionId> {
        match &self.frame {
            Some(proto::from_master::Frame::Start(start)) => start.execution.map(Into::into),
            _ => None,
        }
    }

    fn each_payload(&mut self, mut see: impl FnMut(&mut proto::Payload)) {
        use proto::from_master::Frame as F;
        let payload = match &mut self.frame {
            Some(F::Start(start)) => &mut start.data,
            Some(F::Input(input)) => &mut input.data,
            Some(F::Goodbye(goodbye)) => &mut goodbye.data,
            _ => return,
        };
        payload.iter_mut().for_each(&mut see);
    }

    fn withdraw(&mut self) {
        use proto::from_master::Frame as F;
        if let Some(F::Start(proto::Start { execution, .. })) = &self.frame {
            let (execution, reason) = (*execution, "lost before it came".to_owned());
            self.frame = Some(F::Cancel(proto::Cancel { execution, reason }));
        }
    }

    fn has_deadline(&self) -> bool {
        use proto::from_master::Frame as F;
        matches!(&self.frame, Some(F::Start(start)) if start.deadline_millis > 0)
    }

    fn age(&mut self, by: Duration) {
        if let Some(proto::from_master::Frame::Start(start)) = &mut self.frame
            && start.deadline_millis > 0
        {
            let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
            // Zero would mean that there is no deadline.
            start.deadline_millis = start.deadline_millis.saturating_sub(by).max(1);
        }
    }
}

impl Frame for proto::FromSlave {
    type Peer = proto::FromMaster;

    fn lane(&self) -> Lane {
        use proto::from_slave::Frame as F;
        match self.frame {
            Some(F::Output(_)) => Lane::Status,
            Some(F::Finished(_)) => Lane::Verdict,
            Some(F::GoodbyeAccepted(_)) => Lane::Last,
            _ => Lane::Control,
        }
    }

    fn is_numbered(&self) -> bool {
        use proto::from_slave::Frame as F;
        !matches!(
            self.frame,
            Some(
                F::Welcome(_)
                    | F::Rejected(_)
                    | F::Heartbeat(_)
                    | F::Violation(_)
                    | F::Fenced(_)
                    | F::Output(_)
            )
        )
    }

    fn beat() -> Self {
        let frame = Some(proto::from_slave::Frame::Heartbeat(proto::Heartbeat {}));
        Self { frame }
    }

    fn part(part: proto::Part) -> Self {
        Self { frame: Some(proto::from_slave::Frame::Part(part)) }
    }

    fn as_part(&self) -> Option<&proto::Part> {
        match &self.frame {
            Some(proto::from_slave::Frame::Part(part)) => Some(part),
            _ => None,
        }
    }

    fn execution(&self) -> Option<ExecutionId> {
        match &self.frame {
            Some(proto::from_slave::Frame::Finished(end)) => end.execution.map(Into::into),
            _ => None,
        }
    }

    fn each_payload(&mut self, mut see: impl FnMut(&mut proto::Payload)) {
        use proto::from_slave::Frame as F;
        match &mut self.frame {
            Some(F::Finished(proto::Finished { outcome: Some(outcome), .. })) => {
                payloads_of(outcome, see);
            }
            Some(F::Accepted(accepted)) => accepted.reply.iter_mut().for_each(see),
            Some(F::GoodbyeAccepted(accepted)) => accepted.reply.iter_mut().for_each(see),
            Some(F::Refused(proto::Refused { refusal: Some(refusal), .. }))
            | Some(F::GoodbyeRefused(proto::GoodbyeRefused { refusal: Some(refusal) })) => {
                refusal.data.iter_mut().for_each(&mut see);
            }
            _ => {}
        }
    }

    fn withdraw(&mut self) {}

    fn has_deadline(&self) -> bool {
        false
    }

    fn age(&mut self, _: Duration) {}
}

fn payloads_of(outcome: &mut proto::Outcome, mut see: impl FnMut(&mut proto::Payload)) {
    match &mut outcome.result {
        Some(outcome::Result::Value(value)) => see(value),
        Some(outcome::Result::Failure(failure)) => {
            failure.data.iter_mut().for_each(&mut see);
            failure.partial.iter_mut().for_each(&mut see);
        }
        None => {}
    }
}

/// Takes the large payloads out of a frame, and names their sizes in it.
pub(super) fn detach<F: Frame>(frame: &mut F, larger_than: usize) -> Vec<Bytes> {
    let mut detached = Vec::new();
    if frame.is_numbered() {
        frame.each_payload(|payload| {
            if payload.data.len() > larger_than {
                payload.size = payload.data.len() as u64;
                detached.push(std::mem::take(&mut payload.data));
            }
        });
    }
    detached
}
