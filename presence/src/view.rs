//! The watched copy of everybody's presence.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::registry::{Label, ServiceReport, Users};
use serde_json::{Map, Value};

/// Everybody and every service, as far as it is known. A copy of one moment: it does not change.
#[derive(Debug, Clone, Default)]
pub struct View {
    /// Whether there is a registry at all; false with `--registry none`.
    pub enabled: bool,
    /// Whether the registry is connected and knows this service.
    pub connected: bool,
    /// When this was last known to be all there is; `None` before the first snapshot.
    pub fresh: Option<Instant>,
    /// The run of the registry that it is of.
    pub epoch: Option<Arc<str>>,
    /// The revision within that run.
    pub rev: u64,
    /// Who is here.
    ///
    /// After a registry's restart those who were here stay for one time to live, while their services
    /// register again: a registry that has just started does not know yet who is here.
    pub users: Users,
    /// Every instance that is up, and those that were.
    pub services: Arc<BTreeMap<Label, Instance>>,
}

/// One instance of a service.
#[derive(Debug, Clone, PartialEq)]
pub struct Instance {
    /// What it serves: `chat`, `info`, `file`.
    pub service: Label,
    /// Where it is, or was, reached.
    pub addr: Label,
    /// Whether a lease holds it.
    pub up: bool,
    /// When the registry last heard it.
    pub heard: Instant,
    /// Its newest figures.
    pub stats: Map<String, Value>,
}

impl View {
    /// How long ago it was last known to be all there is; `None` before the first snapshot.
    pub fn age(&self, now: Instant) -> Option<Duration> {
        self.fresh.map(|fresh| now.saturating_duration_since(fresh))
    }

    pub(crate) fn without_registry() -> Self {
        View::default()
    }

    pub(crate) fn unknown() -> Self {
        View { enabled: true, ..View::default() }
    }
}

impl Instance {
    pub(crate) fn new(report: &ServiceReport, now: Instant) -> Self {
        let age = Duration::from_millis(report.age_ms);
        Instance {
            service: report.service.clone(),
            addr: report.addr.clone(),
            up: report.up,
            heard: now.checked_sub(age).unwrap_or(now),
            stats: serde_json::from_str(&report.stats).unwrap_or_default(),
        }
    }
}
