//! What is told of the store's work that is no message and no question: it can wait, and messages may wait for it.

use chassis::metrics::FAST;
use prometheus::{Histogram, IntGauge};

/// What is exported of it.
#[derive(Debug)]
pub(crate) struct UpkeepSeries {
    /// `chat_index_lag_messages`
    pub(crate) index_lag: IntGauge,
    /// `chat_upkeep_duration_seconds{step="index"}`
    pub(crate) index_steps: Histogram,
    /// `chat_upkeep_duration_seconds{step="merge"}`
    pub(crate) merge_steps: Histogram,
    /// `chat_upkeep_duration_seconds{step="forget"}`
    pub(crate) forget_steps: Histogram,
    /// `chat_checkpoint_duration_seconds{thread="checkpointer"}`
    pub(crate) checkpoints_beside: Histogram,
    /// `chat_checkpoint_duration_seconds{thread="writer"}`
    pub(crate) checkpoints_between: Histogram,
}

impl UpkeepSeries {
    /// Registers all of them.
    pub(super) fn new(metrics: &chassis::Metrics) -> Self {
        let steps = metrics.histogram_vec(
            "chat_upkeep_duration_seconds",
            "One step of the writer's work that is no message; a message may wait for one.",
            "step",
            &["index", "merge", "forget"],
            FAST,
        );
        let checkpoints = metrics.histogram_vec(
            "chat_checkpoint_duration_seconds",
            "Bringing the write-ahead log into the database, beside the writer or by it.",
            "thread",
            &["checkpointer", "writer"],
            FAST,
        );
        UpkeepSeries {
            index_lag: metrics.gauge("chat_index_lag_messages", "Messages not in the full-text index yet."),
            index_steps: steps.with_label_values(&["index"]),
            merge_steps: steps.with_label_values(&["merge"]),
            forget_steps: steps.with_label_values(&["forget"]),
            checkpoints_beside: checkpoints.with_label_values(&["checkpointer"]),
            checkpoints_between: checkpoints.with_label_values(&["writer"]),
        }
    }
}
