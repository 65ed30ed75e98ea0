//! What info counts.

use std::time::Duration;

use chassis::Metrics;
use engine::info::{Kind, Silence};
use prometheus::{Gauge, Histogram, IntCounter, IntGauge};

use crate::answerer::Outcome;

/// The label of a reply that the kernel did not take, beside the reasons for silence.
const SEND_ERROR: &str = "send_error";

/// Counters, looked up once: a request touches only atomics.
#[derive(Clone)]
pub(crate) struct Tally {
    requests: [IntCounter; Kind::ALL.len()],
    dropped: [IntCounter; Silence::ALL.len()],
    answered: IntCounter,
    cookies: IntCounter,
    send_errors: IntCounter,
    received_bytes: IntCounter,
    sent_bytes: IntCounter,
    duration: Histogram,
    limited_sources: IntGauge,
    presence_age: Gauge,
}

impl Tally {
    /// Registers them all, so that zero is told too.
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let kinds = Kind::ALL.map(Kind::as_str);
        let requests = metrics.counter_vec(
            "info_requests_total",
            "Requests that could be read, by kind.",
            "kind",
            &kinds,
        );
        let responses = metrics.counter_vec(
            "info_responses_total",
            "Replies sent: answers, and cookies for askers that have to prove their address.",
            "result",
            &["answer", "cookie"],
        );
        let reasons: Vec<_> = Silence::ALL.map(Silence::as_str).into_iter().chain([SEND_ERROR]).collect();
        let dropped = metrics.counter_vec(
            "info_dropped_total",
            "Datagrams that were not answered, by reason.",
            "reason",
            &reasons,
        );
        let age = Gauge::new("info_presence_age_seconds", "How old the picture of presence is.");
        Tally {
            requests: Kind::ALL.map(|kind| requests.with_label_values(&[kind.as_str()])),
            dropped: Silence::ALL.map(|reason| dropped.with_label_values(&[reason.as_str()])),
            answered: responses.with_label_values(&["answer"]),
            cookies: responses.with_label_values(&["cookie"]),
            send_errors: dropped.with_label_values(&[SEND_ERROR]),
            received_bytes: metrics.counter("info_received_bytes_total", "Bytes read from datagrams."),
            sent_bytes: metrics.counter("info_sent_bytes_total", "Bytes sent in replies."),
            duration: metrics.histogram(
                "info_request_duration_seconds",
                "From a datagram's receipt to its reply's sending.",
                chassis::metrics::DATAGRAM,
            ),
            limited_sources: metrics.gauge(
                "info_rate_limited_sources",
                "Source networks, of 65,536 buckets, that are past their limit now.",
            ),
            presence_age: metrics.register(age.expect("a constant name, well formed")),
        }
    }

    /// Counts a datagram's arrival and what was decided for it.
    pub(crate) fn heard(&self, bytes: usize, outcome: &Outcome) {
        self.received_bytes.inc_by(bytes as u64);
        match *outcome {
            Outcome::Answer(kind, _) | Outcome::Cookie(kind, _) => self.requests[kind as usize].inc(),
            Outcome::Refused(kind, why) => {
                self.requests[kind as usize].inc();
                self.dropped[why as usize].inc();
            }
            Outcome::Unread(why) => self.dropped[why as usize].inc(),
        }
    }

    /// Counts a reply that the kernel has taken.
    pub(crate) fn said(&self, outcome: &Outcome, bytes: usize, took: Duration) {
        match outcome {
            Outcome::Answer(..) => self.answered.inc(),
            Outcome::Cookie(..) => self.cookies.inc(),
            Outcome::Refused(..) | Outcome::Unread(_) => return,
        }
        self.sent_bytes.inc_by(bytes as u64);
        self.duration.observe(took.as_secs_f64());
    }

    /// Counts a reply that the kernel has not taken.
    pub(crate) fn unsent(&self) {
        self.send_errors.inc();
    }

    /// Shows how many networks are past their limit, and how old presence is.
    pub(crate) fn show(&self, limited_sources: usize, presence_age: Duration) {
        self.limited_sources.set(i64::try_from(limited_sources).unwrap_or(i64::MAX));
        self.presence_age.set(presence_age.as_secs_f64());
    }
}
