//! What is told of the store: how messages get into it, how many there are, and how the past is read.

use chassis::metrics::{COUNTS, FAST};
use prometheus::{Histogram, IntCounter, IntGauge};

/// What is exported of the store.
#[derive(Debug)]
pub(crate) struct StoreSeries {
    /// `chat_commit_duration_seconds`
    pub(crate) commit_duration: Histogram,
    /// `chat_commit_batch_messages`
    pub(crate) commit_batch: Histogram,
    /// `chat_flush_duration_seconds`
    pub(crate) flush_duration: Histogram,
    /// `chat_history_messages`
    pub(crate) history_messages: IntGauge,
    /// `chat_history_bytes{part="used"}`
    pub(crate) history_used: IntGauge,
    /// `chat_history_bytes{part="free"}`
    pub(crate) history_free: IntGauge,
    /// `chat_history_bytes{part="log"}`
    pub(crate) history_log: IntGauge,
    /// `chat_history_forgotten_total`
    pub(crate) forgotten: IntCounter,
    /// `chat_history_read_duration_seconds{kind="page"}`
    pub(crate) pages: Histogram,
    /// `chat_history_read_duration_seconds{kind="search"}`
    pub(crate) searches: Histogram,
}

impl StoreSeries {
    /// Registers all of them.
    pub(super) fn new(metrics: &chassis::Metrics) -> Self {
        let bytes = metrics.gauge_vec(
            "chat_history_bytes",
            "The database: what is in it, what is free in it and used again, and its write-ahead log.",
            "part",
            &["used", "free", "log"],
        );
        let reads = metrics.histogram_vec(
            "chat_history_read_duration_seconds",
            "One page of history, or one search, without waiting for the index.",
            "kind",
            &["page", "search"],
            FAST,
        );
        StoreSeries {
            commit_duration: metrics.histogram(
                "chat_commit_duration_seconds",
                "One transaction, with its flush to the disk where --sync asks for it.",
                FAST,
            ),
            commit_batch: metrics.histogram(
                "chat_commit_batch_messages",
                "Messages in one transaction.",
                COUNTS,
            ),
            flush_duration: metrics.histogram(
                "chat_flush_duration_seconds",
                "The end of a transaction: writing the log, and with --sync full flushing it to the disk.",
                FAST,
            ),
            history_messages: metrics.gauge("chat_history_messages", "Messages that are kept."),
            history_used: bytes.with_label_values(&["used"]),
            history_free: bytes.with_label_values(&["free"]),
            history_log: bytes.with_label_values(&["log"]),
            forgotten: metrics.counter(
                "chat_history_forgotten_total",
                "Messages that --keep or --keep-messages has removed.",
            ),
            pages: reads.with_label_values(&["page"]),
            searches: reads.with_label_values(&["search"]),
        }
    }
}
