//! What the registry tells Prometheus.

use chassis::Life;
use chassis::metrics::FAST;
use engine::registry::{Answer, Denied, Lapse, Registration, Registry, Resync};
use engine::{Code, Refusal};
use prometheus::{Histogram, IntCounter, IntCounterVec, IntGauge, Opts};
use wire::registry::OPS;

use crate::ended::Ended;

/// What may become of a request, beside `ok`.
const REFUSALS: [Code; 11] = [
    Code::LineTooLong,
    Code::BadUtf8,
    Code::BadJson,
    Code::BadRequest,
    Code::BadName,
    Code::BadRoom,
    Code::NameTaken,
    Code::NoSuchUser,
    Code::NotInRoom,
    Code::UnknownOp,
    Code::UnknownLease,
];
const LEASE_EVENTS: [&str; 7] = ["granted", "resumed", "replaced", "renewed", "dropped", "expired", "spared"];

/// The registry's metrics.
#[derive(Debug)]
pub(crate) struct Metrics {
    leases: IntGauge,
    users: IntGauge,
    revision: IntGauge,
    lease_events: IntCounterVec,
    requests: IntCounterVec,
    resyncs: IntCounterVec,
    disconnects: IntCounterVec,
    /// Sessions that watch.
    pub(crate) watchers: IntGauge,
    /// Events written for watchers.
    pub(crate) events_sent: IntCounter,
    /// Events that a slow watcher was given as a snapshot instead.
    pub(crate) events_skipped: IntCounter,
    /// From an event to its having been written for a watcher: of those that are written together, the oldest.
    pub(crate) propagation: Histogram,
}

impl Metrics {
    pub(crate) fn new(life: &Life) -> Self {
        let metrics = &life.metrics;
        let events = metrics.counter_vec(
            "registry_watch_events_total",
            "Events for watchers, by whether they were sent or left to a snapshot.",
            "result",
            &["sent", "skipped"],
        );
        Metrics {
            leases: metrics.gauge("registry_leases", "Leases that hold."),
            users: metrics.gauge("registry_users", "Users who are here."),
            revision: metrics.gauge("registry_revision", "The revision."),
            lease_events: metrics.counter_vec(
                "registry_lease_events_total",
                "What became of leases.",
                "event",
                &LEASE_EVENTS,
            ),
            requests: requests(life),
            resyncs: metrics.counter_vec(
                "registry_resyncs_total",
                "Snapshots for watchers, by why events would not do.",
                "reason",
                &Resync::ALL.map(Resync::as_str),
            ),
            disconnects: metrics.counter_vec(
                "registry_disconnects_total",
                "Sessions by why they ended.",
                "reason",
                &Ended::LABELS,
            ),
            watchers: metrics.gauge("registry_watchers", "Sessions that watch."),
            events_sent: events.with_label_values(&["sent"]),
            events_skipped: events.with_label_values(&["skipped"]),
            propagation: metrics.histogram(
                "registry_watch_propagation_seconds",
                "From an event to its having been written for a watcher; of those written together, the oldest.",
                FAST,
            ),
        }
    }

    /// How the registry stands after whatever happened.
    pub(crate) fn show(&self, registry: &Registry) {
        let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        self.leases.set(count(registry.leases()));
        self.users.set(count(registry.roster().users.len()));
        self.revision.set(i64::try_from(registry.roster().rev).unwrap_or(i64::MAX));
    }

    pub(crate) fn answered(&self, op: &str, answer: &Result<Answer, Denied>) {
        match answer {
            Ok(answer) => {
                self.requests.with_label_values(&[op, "ok"]).inc();
                if let Some(event) = lease_event(op, answer) {
                    self.lease_events.with_label_values(&[event]).inc();
                }
            }
            Err(denied) => self.refused(op, &denied.refusal),
        }
    }

    pub(crate) fn refused(&self, op: &str, refusal: &Refusal) {
        self.requests.with_label_values(&[op, refusal.code.as_str()]).inc();
    }

    pub(crate) fn lapsed(&self, lapse: Lapse) {
        self.lease_events.with_label_values(&["expired"]).inc_by(lapse.expired as u64);
        self.lease_events.with_label_values(&["spared"]).inc_by(lapse.spared as u64);
    }

    pub(crate) fn resynced(&self, reason: Resync) {
        self.resyncs.with_label_values(&[reason.as_str()]).inc();
    }

    pub(crate) fn disconnected(&self, ended: &Ended) {
        self.disconnects.with_label_values(&[ended.label()]).inc();
    }
}

fn requests(life: &Life) -> IntCounterVec {
    let opts = Opts::new("registry_requests_total", "Requests by what became of them.");
    let vec = IntCounterVec::new(opts, &["op", "result"]).expect("the name is a constant of ours");
    for op in OPS {
        vec.with_label_values(&[op, "ok"]);
        for code in REFUSALS {
            vec.with_label_values(&[op, code.as_str()]);
        }
    }
    life.metrics.register(vec)
}

fn lease_event(op: &str, answer: &Answer) -> Option<&'static str> {
    match answer {
        Answer::Registered { how: Registration::Granted, .. } => Some("granted"),
        Answer::Registered { how: Registration::Resumed, .. } => Some("resumed"),
        Answer::Registered { how: Registration::Replaced, .. } => Some("replaced"),
        Answer::Kept { .. } => Some("renewed"),
        Answer::Gone { .. } if op == "drop" => Some("dropped"),
        _ => None,
    }
}
