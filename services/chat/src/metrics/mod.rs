//! What chat tells Prometheus.

mod limits;
mod store;
mod upkeep;

use std::ops::Deref;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use chassis::metrics::FAST;
use engine::Code;
use prometheus::{Histogram, IntCounter, IntCounterVec, IntGauge, IntGaugeVec};
use serde_json::{Map, Value};

use crate::disk::Usage;
use crate::ended::Ended;
use limits::LimitSeries;
use store::StoreSeries;
use upkeep::UpkeepSeries;

/// Chat's metrics. Clones are the same, and small: every connection has one.
#[derive(Debug, Clone)]
pub(crate) struct Metrics(Arc<Series>);

/// What is exported.
#[derive(Debug)]
pub(crate) struct Series {
    /// `chat_users`
    pub users: IntGauge,
    /// `chat_rooms`
    pub rooms: IntGauge,
    /// `chat_disconnects_total{reason}`
    disconnects: IntCounterVec,
    /// `chat_messages_received_total{kind="room"}`
    pub received_room: IntCounter,
    /// `chat_messages_received_total{kind="direct"}`
    pub received_direct: IntCounter,
    /// `chat_messages_rejected_total{reason}`
    rejected: IntCounterVec,
    /// `chat_deliveries_total{result="written"}`
    pub deliveries_written: IntCounter,
    /// `chat_deliveries_total{result="dropped"}`
    pub deliveries_dropped: IntCounter,
    /// `chat_received_bytes_total`
    pub received_bytes: IntCounter,
    /// `chat_sent_bytes_total`
    pub sent_bytes: IntCounter,
    /// `chat_delivery_duration_seconds`
    delivery_duration: Histogram,
    /// Messages and the past.
    pub(crate) store: StoreSeries,
    /// What the store does beside that.
    pub(crate) upkeep: UpkeepSeries,
    /// Where limits bite.
    pub(crate) limits: LimitSeries,
    /// `chat_storage_bytes{state}`; with `--sync off` there is no disk to tell of.
    storage: OnceLock<IntGaugeVec>,
}

impl Metrics {
    /// Registers what is told of the disk, where history is on one.
    pub(crate) fn tell_of_storage(&self, metrics: &chassis::Metrics) {
        let made = metrics.gauge_vec(
            "chat_storage_bytes",
            "Bytes that history takes, and bytes free on its disk.",
            "state",
            &["history", "free"],
        );
        self.storage.set(made).expect("told of once");
    }

    /// Registers all of them, but for the disk.
    pub(crate) fn new(metrics: &chassis::Metrics) -> Self {
        let reasons = Ended::ALL.map(Ended::as_str);
        let codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        let received = metrics.counter_vec(
            "chat_messages_received_total",
            "Messages read from members.",
            "kind",
            &["room", "direct"],
        );
        let deliveries = metrics.counter_vec(
            "chat_deliveries_total",
            "Lines of rooms for one member each, by what became of them.",
            "result",
            &["written", "dropped"],
        );
        Metrics(Arc::new(Series {
            users: metrics.gauge("chat_users", "People who have said their name."),
            rooms: metrics.gauge("chat_rooms", "Rooms that somebody is in."),
            disconnects: metrics.counter_vec(
                "chat_disconnects_total",
                "Connections ended, by why.",
                "reason",
                &reasons,
            ),
            received_room: received.with_label_values(&["room"]),
            received_direct: received.with_label_values(&["direct"]),
            rejected: metrics.counter_vec(
                "chat_messages_rejected_total",
                "Requests refused, by the code that the sender got.",
                "reason",
                &codes,
            ),
            deliveries_written: deliveries.with_label_values(&["written"]),
            deliveries_dropped: deliveries.with_label_values(&["dropped"]),
            received_bytes: metrics.counter("chat_received_bytes_total", "Bytes read from clients."),
            sent_bytes: metrics.counter("chat_sent_bytes_total", "Bytes written to clients."),
            delivery_duration: metrics.histogram(
                "chat_delivery_duration_seconds",
                "From taking a message up, in its turn, to having written it to its whole room.",
                FAST,
            ),
            store: StoreSeries::new(metrics),
            upkeep: UpkeepSeries::new(metrics),
            limits: LimitSeries::new(metrics),
            storage: OnceLock::new(),
        }))
    }
}

impl Deref for Metrics {
    type Target = Series;

    fn deref(&self) -> &Series {
        &self.0
    }
}

impl Series {
    /// Shows what history takes of its disk.
    pub(crate) fn holds(&self, usage: Usage) {
        let gauge = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
        if let Some(storage) = self.storage.get() {
            storage.with_label_values(&["history"]).set(gauge(usage.history));
            storage.with_label_values(&["free"]).set(gauge(usage.free));
        }
    }

    /// What is told to the others through the registry; totals since the start.
    pub(crate) fn figures(&self) -> Map<String, Value> {
        let messages = self.received_room.get() + self.received_direct.get();
        let figures = [
            ("messages", Value::from(messages)),
            ("deliveries", self.deliveries_written.get().into()),
            ("timed_deliveries", self.delivery_duration.get_sample_count().into()),
            ("delivery_seconds", self.delivery_duration.get_sample_sum().into()),
        ];
        figures.map(|(name, figure)| (name.to_owned(), figure)).into_iter().collect()
    }

    /// Counts the end of a connection.
    pub(crate) fn disconnected(&self, ended: Ended) {
        self.disconnects.with_label_values(&[ended.as_str()]).inc();
    }

    /// Counts a request that was refused.
    pub(crate) fn rejected(&self, code: Code) {
        self.rejected.with_label_values(&[code.as_str()]).inc();
    }

    /// Counts messages that have been written to their room, received at these moments.
    pub(crate) fn observe_deliveries(&self, received: &[Instant]) {
        for moment in received {
            self.delivery_duration.observe(moment.elapsed().as_secs_f64());
        }
    }
}
