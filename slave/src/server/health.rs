//! Answers orchestrators that ask whether the slave takes work.

use std::sync::Arc;

use tonic_health::ServingStatus;
use tonic_health::pb::health_server::{Health, HealthServer};

use crate::core::Core;

/// The names that are asked for: the server as a whole, and the slave.
const NAMES: [&str; 2] = ["", "slave"];

/// The health service: SERVING until the slave drains; who watches is let go when it stops.
pub(super) async fn service(core: &Arc<Core>) -> HealthServer<impl Health> {
    let (mut reporter, service) = tonic_health::server::health_reporter();
    for name in NAMES {
        reporter.set_service_status(name, ServingStatus::Serving).await;
    }
    let watched = Arc::clone(core);
    core.spawn(async move {
        tokio::select! {
            () = watched.draining.cancelled() => {}
            () = watched.stopped.cancelled() => {}
        }
        for name in NAMES {
            reporter.set_service_status(name, ServingStatus::NotServing).await;
        }
        watched.stopped.cancelled().await;
        for name in NAMES {
            reporter.clear_service_status(name).await;
        }
    });
    service
}
