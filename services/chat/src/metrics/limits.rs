//! What is told of the limits: whom they hold up, keep out or close.

use prometheus::{IntCounter, IntGauge};

/// What is exported of the limits.
#[derive(Debug)]
pub(crate) struct LimitSeries {
    /// `chat_flood_holds_total`
    pub(crate) flood_holds: IntCounter,
    /// `chat_joins_refused_total`
    pub(crate) joins_refused: IntCounter,
    /// `chat_slow_consumers`
    pub(crate) slow_consumers: IntGauge,
    /// `chat_behind_bytes`
    pub(crate) behind_bytes: IntGauge,
    /// `chat_behind_closed_total`
    pub(crate) behind_closed: IntCounter,
    /// `chat_room_waits_total`
    pub(crate) room_waits: IntCounter,
}

impl LimitSeries {
    /// Registers all of them.
    pub(super) fn new(metrics: &chassis::Metrics) -> Self {
        LimitSeries {
            flood_holds: metrics
                .counter("chat_flood_holds_total", "Messages after which --flood made a connection wait."),
            joins_refused: metrics.counter(
                "chat_joins_refused_total",
                "Rooms that --rooms-per-connection or --rooms kept somebody out of.",
            ),
            slow_consumers: metrics.gauge("chat_slow_consumers", "Members whose socket is full."),
            behind_bytes: metrics.gauge("chat_behind_bytes", "Bytes kept for members whose socket is full."),
            behind_closed: metrics.counter(
                "chat_behind_closed_total",
                "Members that --behind-all closed, whoever held most first.",
            ),
            room_waits: metrics.counter(
                "chat_room_waits_total",
                "Messages that waited until their room had taken up earlier ones.",
            ),
        }
    }
}
