//! What a service tells Prometheus.
//!
//! Names are written in full where a metric is made, so that a name on a dashboard can be found in the
//! code. Every label value is touched at the start: an untouched one would not be exported, and a missing
//! zero looks like a missing service.

mod process;

use std::sync::LazyLock;

use prometheus::core::Collector;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

use self::process::OwnProcess;
use crate::service::{REVISION, RUSTC, Service, VERSION};

/// Seconds: 100 us to 5 s, for what a user waits for.
pub const FAST: &[f64] =
    &[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];
/// Seconds: 1 us to 50 ms, for one datagram.
pub const DATAGRAM: &[f64] =
    &[1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 0.001, 0.0025, 0.005, 0.01, 0.05];
/// Seconds: 10 ms to 10 minutes, for transfers.
pub const LONG: &[f64] = &[0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0];
/// How many of something: 1 to 1,000.
pub const COUNTS: &[f64] = &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0];

const BAD_NAME: &str = "metric names and labels are constants of ours, well formed and unique";

/// Log lines of the whole process; several services may share one.
pub(crate) static LOG_MESSAGES: LazyLock<IntCounterVec> = LazyLock::new(|| {
    let opts = Opts::new("log_messages_total", "Log messages by level.");
    touched(IntCounterVec::new(opts, &["level"]).expect(BAD_NAME), &["error", "warn", "info"])
});

/// One service's metrics.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Registry,
    ready: IntGauge,
}

impl Metrics {
    /// The metrics that every service has: build, readiness, process, log.
    pub(crate) fn new(service: &Service) -> Self {
        let registry = Registry::new();
        let name = service.name;
        let ready = IntGauge::new(format!("{name}_ready"), "1 while the service can serve.").expect(BAD_NAME);
        let metrics = Metrics { registry, ready };
        metrics.register(metrics.ready.clone());
        metrics.register(LOG_MESSAGES.clone());
        metrics.registry.register(Box::new(OwnProcess::new())).expect(BAD_NAME);
        let build = Opts::new(format!("{name}_build_info"), "1, with what was built.");
        let build = IntGaugeVec::new(build, &["version", "revision", "rustc"]).expect(BAD_NAME);
        build.with_label_values(&[VERSION, REVISION, RUSTC]).set(1);
        metrics.register(build);
        metrics
    }

    /// A counter.
    pub fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.register(IntCounter::new(name, help).expect(BAD_NAME))
    }

    /// A counter for each value of one label.
    pub fn counter_vec(&self, name: &str, help: &str, label: &str, values: &[&str]) -> IntCounterVec {
        let vec = IntCounterVec::new(Opts::new(name, help), &[label]).expect(BAD_NAME);
        self.register(touched(vec, values))
    }

    /// A gauge.
    pub fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.register(IntGauge::new(name, help).expect(BAD_NAME))
    }

    /// A gauge for each value of one label.
    pub fn gauge_vec(&self, name: &str, help: &str, label: &str, values: &[&str]) -> IntGaugeVec {
        let vec = IntGaugeVec::new(Opts::new(name, help), &[label]).expect(BAD_NAME);
        for value in values {
            vec.with_label_values(&[value]);
        }
        self.register(vec)
    }

    /// A histogram.
    pub fn histogram(&self, name: &str, help: &str, buckets: &[f64]) -> Histogram {
        let opts = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        self.register(Histogram::with_opts(opts).expect(BAD_NAME))
    }

    /// A histogram for each value of one label.
    pub fn histogram_vec(
        &self,
        name: &str,
        help: &str,
        label: &str,
        values: &[&str],
        buckets: &[f64],
    ) -> HistogramVec {
        let opts = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        let vec = HistogramVec::new(opts, &[label]).expect(BAD_NAME);
        for value in values {
            vec.with_label_values(&[value]);
        }
        self.register(vec)
    }

    /// Adds any collector, and hands it back for use.
    pub fn register<C: Collector + Clone + 'static>(&self, collector: C) -> C {
        self.registry.register(Box::new(collector.clone())).expect(BAD_NAME);
        collector
    }

    /// Everything, in Prometheus' text form.
    pub fn render(&self, ready: bool) -> String {
        self.ready.set(ready.into());
        TextEncoder::new().encode_to_string(&self.registry.gather()).expect("gathered metrics encode")
    }
}

fn touched(vec: IntCounterVec, values: &[&str]) -> IntCounterVec {
    for value in values {
        vec.with_label_values(&[value]);
    }
    vec
}
