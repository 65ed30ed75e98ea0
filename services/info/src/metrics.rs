//! What info counts.

use std::time::Duration;

use chassis::Metrics;
use engine::info::{Kind, Silence};
use prometheus::local::{LocalHistogram, LocalIntCounter};
use prometheus::{Gauge, Histogram, IntCounter, IntCounterVec, IntGauge, Opts};

use crate::answerer::Outcome;
use crate::datagrams::Peer;
use crate::ended::Ended;

/// The label of a reply that the kernel did not take, beside the reasons for silence.
const SEND_ERROR: &str = "send_error";
/// What is sent: the answer, or the cookie that has to be brought first.
const RESULTS: [&str; 2] = ["answer", "cookie"];
/// Whether the source of a datagram was known to be where it said: trusted, or with a cookie that held.
const SOURCES: [&str; 2] = ["validated", "unvalidated"];
/// Which way a datagram went.
const DIRECTIONS: [&str; 2] = ["in", "out"];

/// One number for each value that is counted; looked up once.
#[derive(Clone)]
struct Counters<C> {
    requests: [C; Kind::ALL.len()],
    dropped: [C; Silence::ALL.len()],
    responses: [C; RESULTS.len()],
    send_errors: C,
    received_bytes: C,
    sent_bytes: C,
    /// By source.
    datagram_bytes_in: [C; SOURCES.len()],
    /// By source.
    datagram_bytes_out: [C; SOURCES.len()],
    socket_drops: C,
}

/// What all count in.
#[derive(Clone)]
pub(crate) struct Tally {
    counters: Counters<IntCounter>,
    duration: Histogram,
    disconnects: IntCounterVec,
    limited_sources: IntGauge,
    presence_age: Gauge,
}

impl Tally {
    /// Registers everything, so that zero is told too.
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let age = Gauge::new("info_presence_age_seconds", "How old the picture of presence is.");
        Tally {
            counters: Counters::new(metrics),
            duration: metrics.histogram(
                "info_request_duration_seconds",
                "From a request's receipt to its reply's sending.",
                chassis::metrics::DATAGRAM,
            ),
            disconnects: metrics.counter_vec(
                "info_disconnects_total",
                "TCP connections that ended, by reason.",
                "reason",
                &Ended::ALL.map(Ended::as_str),
            ),
            limited_sources: metrics.gauge(
                "info_rate_limited_sources",
                "Source networks, of 65,536 buckets, that are past their limit now.",
            ),
            presence_age: metrics.register(age.expect("a constant name, well formed")),
        }
    }

    /// Something to count in that nobody else touches until it is flushed.
    pub(crate) fn local(&self) -> Local {
        Local { counters: self.counters.local(), duration: self.duration.local() }
    }

    /// How many questions could be read so far.
    pub(crate) fn questions(&self) -> u64 {
        self.counters.requests.iter().map(IntCounter::get).sum()
    }

    /// Counts the end of a connection.
    pub(crate) fn disconnected(&self, ended: Ended) {
        self.disconnects.with_label_values(&[ended.as_str()]).inc();
    }

    /// Shows how many networks are past their limit, and how old presence is.
    pub(crate) fn show(&self, limited_sources: usize, presence_age: Duration) {
        self.limited_sources.set(i64::try_from(limited_sources).unwrap_or(i64::MAX));
        self.presence_age.set(presence_age.as_secs_f64());
    }
}

/// What one worker counts between two flushes: plain numbers, no atomics.
pub(crate) struct Local {
    counters: Counters<LocalIntCounter>,
    duration: LocalHistogram,
}

impl Local {
    /// Counts a datagram's arrival and what was decided for it.
    pub(crate) fn arrived(&self, from: (Peer, bool), bytes: usize, outcome: &Outcome<'_>) {
        let (peer, stranger) = from;
        let validated = !stranger || matches!(outcome, Outcome::Answer(..));
        self.heard(bytes, outcome);
        count_datagram(&self.counters.datagram_bytes_in, validated, &peer, bytes);
    }

    /// Counts a datagram that the kernel has taken, or has not.
    pub(crate) fn left(
        &mut self,
        to: &Peer,
        bytes: usize,
        outcome: &Outcome<'_>,
        sent: bool,
        took: Duration,
    ) {
        if sent {
            self.said(bytes, outcome, took);
            let validated = matches!(outcome, Outcome::Answer(..));
            count_datagram(&self.counters.datagram_bytes_out, validated, to, bytes);
        } else {
            self.counters.send_errors.inc();
        }
    }

    /// Counts what was asked and what was decided.
    pub(crate) fn heard(&self, bytes: usize, outcome: &Outcome<'_>) {
        self.counters.received_bytes.inc_by(bytes as u64);
        match *outcome {
            Outcome::Answer(kind, _) | Outcome::Cookie(kind, _) => {
                self.counters.requests[kind as usize].inc();
            }
            Outcome::Refused(kind, why) => {
                self.counters.requests[kind as usize].inc();
                self.counters.dropped[why as usize].inc();
            }
            Outcome::Unread(why) => self.counters.dropped[why as usize].inc(),
        }
    }

    /// Counts what was said.
    pub(crate) fn said(&mut self, bytes: usize, outcome: &Outcome<'_>, took: Duration) {
        let is_cookie = matches!(outcome, Outcome::Cookie(..));
        self.counters.responses[usize::from(is_cookie)].inc();
        self.counters.sent_bytes.inc_by(bytes as u64);
        self.duration.observe(took.as_secs_f64());
    }

    /// Counts what the kernel dropped because nobody took it in time, and adds it to what all count in: it is
    /// told at the end of a batch, and the next one may be long in coming.
    pub(crate) fn dropped_by_kernel(&self, datagrams: u32) {
        self.counters.socket_drops.inc_by(u64::from(datagrams));
        self.counters.socket_drops.flush();
    }

    /// Adds what came in to what all count in: whoever has an answer shall find it counted.
    pub(crate) fn flush_in(&self) {
        self.counters.flush_in();
    }

    /// Adds what went out.
    pub(crate) fn flush_out(&mut self) {
        self.counters.flush_out();
        self.duration.flush();
    }
}

/// Counts a datagram, with its headers, by whether its source was known to be its own.
fn count_datagram(by_source: &[LocalIntCounter; SOURCES.len()], validated: bool, peer: &Peer, bytes: usize) {
    by_source[usize::from(!validated)].inc_by((peer.headers() + bytes) as u64);
}

impl Counters<IntCounter> {
    fn new(metrics: &Metrics) -> Self {
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
            &RESULTS,
        );
        let reasons: Vec<_> = Silence::ALL.map(Silence::as_str).into_iter().chain([SEND_ERROR]).collect();
        let dropped = metrics.counter_vec(
            "info_dropped_total",
            "Requests that were not answered, by reason.",
            "reason",
            &reasons,
        );
        let [datagram_bytes_in, datagram_bytes_out] = datagram_bytes(metrics);
        Counters {
            requests: kinds.map(|kind| requests.with_label_values(&[kind])),
            dropped: Silence::ALL.map(|reason| dropped.with_label_values(&[reason.as_str()])),
            responses: RESULTS.map(|result| responses.with_label_values(&[result])),
            send_errors: dropped.with_label_values(&[SEND_ERROR]),
            received_bytes: metrics.counter("info_received_bytes_total", "Bytes read in requests."),
            sent_bytes: metrics.counter("info_sent_bytes_total", "Bytes sent in replies."),
            datagram_bytes_in,
            datagram_bytes_out,
            socket_drops: metrics.counter(
                "info_socket_drops_total",
                "Datagrams that the kernel dropped because the workers did not take them in time.",
            ),
        }
    }

    fn local(&self) -> Counters<LocalIntCounter> {
        Counters {
            requests: self.requests.each_ref().map(IntCounter::local),
            dropped: self.dropped.each_ref().map(IntCounter::local),
            responses: self.responses.each_ref().map(IntCounter::local),
            send_errors: self.send_errors.local(),
            received_bytes: self.received_bytes.local(),
            sent_bytes: self.sent_bytes.local(),
            datagram_bytes_in: self.datagram_bytes_in.each_ref().map(IntCounter::local),
            datagram_bytes_out: self.datagram_bytes_out.each_ref().map(IntCounter::local),
            socket_drops: self.socket_drops.local(),
        }
    }
}

impl Counters<LocalIntCounter> {
    fn flush_in(&self) {
        let many = self.requests.iter().chain(&self.dropped).chain(&self.datagram_bytes_in);
        many.chain([&self.received_bytes]).for_each(LocalIntCounter::flush);
    }

    fn flush_out(&self) {
        let many = self.responses.iter().chain(&self.datagram_bytes_out);
        many.chain([&self.send_errors, &self.sent_bytes]).for_each(LocalIntCounter::flush);
    }
}

/// Out to in, for sources that are not validated, is what an attacker could gain.
fn datagram_bytes(metrics: &Metrics) -> [[IntCounter; SOURCES.len()]; DIRECTIONS.len()] {
    let opts = Opts::new(
        "info_datagram_bytes_total",
        "Bytes of datagrams with their UDP and IP headers, by direction and by whether the source's address was known to be its own.",
    );
    let bytes = IntCounterVec::new(opts, &["direction", "source"]).expect("constant names, well formed");
    let bytes = metrics.register(bytes);
    DIRECTIONS.map(|direction| SOURCES.map(|source| bytes.with_label_values(&[direction, source])))
}

#[cfg(test)]
mod tests {
    use chassis::Life;

    use super::*;
    use crate::SERVICE;

    /// Some of these datagrams only root can send, so that a test with a socket may be skipped.
    #[test]
    fn each_reason_for_silence_has_a_count_of_its_own() {
        let life = Life::new(&SERVICE);
        let mut local = Tally::new(&life.metrics).local();
        for why in Silence::ALL {
            local.heard(1, &Outcome::Unread(why));
        }
        let nobody = Peer { addr: ([127, 255, 255, 255], 4000).into(), to: None };
        local.left(&nobody, 1, &Outcome::Answer(Kind::Time, b"x"), false, Duration::ZERO);
        local.flush_in();
        local.flush_out();
        let told = life.metrics.render(true);
        for reason in Silence::ALL.map(Silence::as_str).into_iter().chain([SEND_ERROR]) {
            let sample = format!("info_dropped_total{{reason=\"{reason}\"}} 1\n");
            assert!(told.contains(&sample), "{sample} is not in {told}");
        }
        assert!(
            told.contains("info_responses_total{result=\"answer\"} 0\n"),
            "what was not sent is no reply"
        );
    }

    /// The kernel tells of it beside a datagram, and that may be the last one for long.
    #[test]
    fn what_the_kernel_has_dropped_is_shown_without_another_datagram() {
        let life = Life::new(&SERVICE);
        let local = Tally::new(&life.metrics).local();
        local.dropped_by_kernel(3);
        let told = life.metrics.render(true);
        assert!(told.contains("info_socket_drops_total 3\n"), "{told}");
    }
}
