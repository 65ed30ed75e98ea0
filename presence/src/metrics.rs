//! What a service tells of its connection to the registry.

use chassis::Life;
use prometheus::{Gauge, IntCounter, IntGauge};

/// Moved by the task.
#[derive(Debug)]
pub(crate) struct Metrics {
    pub(crate) connected: IntGauge,
    pub(crate) reconnects: IntCounter,
    pub(crate) snapshot_age: Gauge,
}

impl Metrics {
    pub(crate) fn new(life: &Life) -> Self {
        let age = Gauge::new(
            "registry_client_snapshot_age_seconds",
            "Seconds since the copy of presence was last known to be whole; without one, since the registry was last heard.",
        );
        let age = age.expect("the name is a constant of ours");
        Metrics {
            connected: life
                .metrics
                .gauge("registry_client_connected", "1 while the registry knows this service."),
            reconnects: life.metrics.counter(
                "registry_client_reconnects_total",
                "Connections to the registry made after the first.",
            ),
            snapshot_age: life.metrics.register(age),
        }
    }
}
