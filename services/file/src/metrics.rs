//! What the file service tells Prometheus.

use chassis::Metrics as Exporter;
use chassis::metrics::LONG;
use engine::Code;
use engine::file::BadName;
use prometheus::{HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts};

use crate::ended::Ended;
use crate::store::Totals;
use crate::transfer::{Direction, Outcome};

/// What the file service tells Prometheus.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    pub(crate) transfers: IntCounterVec,
    pub(crate) transferred_bytes: IntCounterVec,
    pub(crate) in_progress: IntGaugeVec,
    pub(crate) duration: HistogramVec,
    stored_files: IntGauge,
    storage_bytes: IntGaugeVec,
    silent_changes: IntGauge,
    known_hashes: IntGauge,
    rejected_names: IntCounterVec,
    refused: IntCounterVec,
    disconnects: IntCounterVec,
}

impl Metrics {
    pub(crate) fn new(exporter: &Exporter) -> Self {
        let directions: Vec<&str> = Direction::ALL.iter().map(|direction| direction.as_str()).collect();
        Metrics {
            transfers: transfers(exporter),
            transferred_bytes: exporter.counter_vec(
                "file_transferred_bytes_total",
                "Bytes of files moved.",
                "direction",
                &directions,
            ),
            in_progress: exporter.gauge_vec(
                "file_transfers_in_progress",
                "Transfers that run.",
                "direction",
                &directions,
            ),
            duration: exporter.histogram_vec(
                "file_transfer_duration_seconds",
                "Time that transfers took, from the request to the last byte or the OK.",
                "direction",
                &directions,
                LONG,
            ),
            stored_files: exporter.gauge("file_stored_files", "Files stored."),
            storage_bytes: exporter.gauge_vec(
                "file_storage_bytes",
                "Bytes stored, waiting to be resumed, promised to uploads that run, and free on the disk.",
                "state",
                &["stored", "partial", "promised", "free"],
            ),
            silent_changes: exporter.gauge(
                "file_silent_changes",
                "Files found since the start to have other bytes than before, at the same size and time.",
            ),
            known_hashes: exporter.gauge(
                "file_known_hashes",
                "Files whose hash is in memory; at --known-hashes each new one takes the place of the oldest.",
            ),
            rejected_names: rejected_names(exporter),
            refused: refused(exporter),
            disconnects: disconnects(exporter),
        }
    }

    pub(crate) fn holds(&self, totals: Totals) {
        self.stored_files.set(gauge(totals.files));
        self.silent_changes.set(gauge(totals.silent_changes));
        self.known_hashes.set(gauge(totals.known_hashes));
        let states = [("stored", totals.stored), ("partial", totals.partial), ("promised", totals.promised)];
        for (state, bytes) in states {
            self.storage_bytes.with_label_values(&[state]).set(gauge(bytes));
        }
    }

    /// Bytes of files moved since the start, in and out.
    pub(crate) fn moved_bytes(&self) -> u64 {
        let moved =
            |direction: &Direction| self.transferred_bytes.with_label_values(&[direction.as_str()]).get();
        Direction::ALL.iter().map(moved).sum()
    }

    /// Bytes that the disk has free now.
    pub(crate) fn leaves_free(&self, bytes: u64) {
        self.storage_bytes.with_label_values(&["free"]).set(gauge(bytes));
    }

    pub(crate) fn refused(&self, code: Code) {
        self.refused.with_label_values(&[code.as_str()]).inc();
    }

    pub(crate) fn bad_name(&self, reason: BadName) {
        self.rejected_names.with_label_values(&[reason.as_str()]).inc();
    }

    pub(crate) fn disconnected(&self, ended: Ended) {
        self.disconnects.with_label_values(&[ended.as_str()]).inc();
    }
}

fn gauge(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn transfers(exporter: &Exporter) -> IntCounterVec {
    let opts = Opts::new("file_transfers_total", "Transfers by how they ended.");
    let vec =
        IntCounterVec::new(opts, &["direction", "result"]).expect("the name and labels are well formed");
    for direction in Direction::ALL {
        for outcome in Outcome::ALL {
            vec.with_label_values(&[direction.as_str(), outcome.as_str()]);
        }
    }
    exporter.register(vec)
}

fn rejected_names(exporter: &Exporter) -> IntCounterVec {
    let reasons: Vec<&str> = BadName::ALL.iter().map(|reason| reason.as_str()).collect();
    exporter.counter_vec("file_rejected_names_total", "Names that broke a rule.", "reason", &reasons)
}

fn refused(exporter: &Exporter) -> IntCounterVec {
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    exporter.counter_vec("file_refused_requests_total", "Requests answered with an error.", "code", &codes)
}

fn disconnects(exporter: &Exporter) -> IntCounterVec {
    let reasons: Vec<&str> = Ended::ALL.iter().map(|ended| ended.as_str()).collect();
    exporter.counter_vec("file_disconnects_total", "Connections by how they ended.", "reason", &reasons)
}
