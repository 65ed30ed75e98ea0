//! Histograms of durations, merged without loss.

use hdrhistogram::Histogram;
use serde::Serialize;

/// The least duration that is told apart, and the longest, in nanoseconds.
const BOUNDS: (u64, u64) = (1_000, 60_000_000_000);
const DIGITS: u8 = 3;
/// So many samples must lie above a percentile before it is printed as if it were known.
const ENOUGH: f64 = 10.0;

/// Declares [`Series`] with the name each has in reports.
macro_rules! series {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// What is measured.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Series { $($(#[$doc])* $variant,)* }

        impl Series {
            /// All of them, in the order of a report.
            pub const ALL: &[Series] = &[$(Series::$variant,)*];

            /// The name in reports.
            pub fn name(self) -> &'static str {
                match self { $(Series::$variant => $name,)* }
            }
        }
    };
}

series! {
    /// A message, due to seen, for each receiver.
    Delivery = "chat delivery",
    /// A message, sent to seen, for each receiver: what a tester sees that forgets its own waiting.
    Service = "chat service",
    /// A message, due to seen by the last of its receivers.
    FanOut = "chat fan-out",
    /// A message, due to acknowledged.
    Ack = "chat ack",
    /// A user, from connecting to being in its room.
    Join = "chat join",
    /// A query, due to answered.
    Query = "info query",
    /// An operation, due to the moment we woke for it: our own lateness.
    Wake = "lag: woke late",
    /// An operation, woken to taken by the socket: the other side's refusal.
    Socket = "lag: socket full",
}

/// One histogram a series: 1 µs to 60 s with three digits, about 150 KB each, so one recorder serves a
/// whole shard and never a single user.
#[derive(Debug, Clone)]
pub struct Recorder {
    histograms: Vec<Histogram<u64>>,
    clipped: u64,
}

impl Default for Recorder {
    fn default() -> Self {
        let (low, high) = BOUNDS;
        let empty = Histogram::new_with_bounds(low, high, DIGITS).expect("the bounds are a valid range");
        Recorder { histograms: vec![empty; Series::ALL.len()], clipped: 0 }
    }
}

impl Recorder {
    /// Notes a duration in nanoseconds; beyond 60 s it counts as 60 s, and as clipped.
    pub fn note(&mut self, series: Series, nanos: u64) {
        self.clipped += u64::from(nanos > BOUNDS.1);
        self.histograms[series as usize].saturating_record(nanos.min(BOUNDS.1));
    }

    /// Adds all that another recorder has.
    pub fn merge(&mut self, other: &Recorder) {
        for (mine, theirs) in self.histograms.iter_mut().zip(&other.histograms) {
            mine.add(theirs).expect("every recorder has the same bounds");
        }
        self.clipped += other.clipped;
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.histograms.iter_mut().for_each(Histogram::reset);
        self.clipped = 0;
    }

    /// How many durations were longer than 60 s.
    pub fn clipped(&self) -> u64 {
        self.clipped
    }

    /// The figures of a series.
    pub fn row(&self, series: Series) -> Row {
        let histogram = &self.histograms[series as usize];
        let at = |quantile| (!histogram.is_empty()).then(|| histogram.value_at_quantile(quantile));
        let enough = histogram.len() as f64 * 0.001 >= ENOUGH;
        Row {
            name: series.name(),
            n: histogram.len(),
            p50_ns: at(0.5),
            p90_ns: at(0.9),
            p99_ns: at(0.99),
            p999_ns: at(0.999).filter(|_| enough),
            max_ns: at(1.0),
        }
    }
}

/// The figures of a series; `None` where there are too few samples to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The series.
    pub name: &'static str,
    /// How many samples.
    pub n: u64,
    /// Median, in nanoseconds like all of them.
    pub p50_ns: Option<u64>,
    /// 90th percentile.
    pub p90_ns: Option<u64>,
    /// 99th percentile.
    pub p99_ns: Option<u64>,
    /// 99.9th percentile; only with at least ten samples above it.
    pub p999_ns: Option<u64>,
    /// The longest.
    pub max_ns: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_numbered_in_the_order_of_a_report() {
        assert!((0..).zip(Series::ALL).all(|(place, &series)| series as usize == place));
    }

    #[test]
    fn an_empty_series_has_no_figures() {
        let row = Recorder::default().row(Series::Ack);
        assert_eq!((row.n, row.p50_ns, row.max_ns), (0, None, None));
    }

    #[test]
    fn the_last_percentile_needs_ten_samples_above_it() {
        let mut recorder = Recorder::default();
        (0..9_999).for_each(|_| recorder.note(Series::Query, 5_000));
        assert_eq!(recorder.row(Series::Query).p999_ns, None);
        recorder.note(Series::Query, 5_000);
        assert!(recorder.row(Series::Query).p999_ns.is_some());
    }

    #[test]
    fn what_is_too_long_is_clipped_and_said() {
        let mut recorder = Recorder::default();
        recorder.note(Series::Wake, 61_000_000_000);
        assert_eq!(recorder.clipped(), 1);
        assert!(recorder.row(Series::Wake).max_ns >= Some(60_000_000_000));
    }

    #[test]
    fn merging_is_recording_in_one() {
        let (mut left, mut right, mut both) = (Recorder::default(), Recorder::default(), Recorder::default());
        for nanos in [1_000, 50_000, 7_000_000, 900_000_000] {
            left.note(Series::Delivery, nanos);
            right.note(Series::Delivery, nanos * 3);
            both.note(Series::Delivery, nanos);
            both.note(Series::Delivery, nanos * 3);
        }
        left.merge(&right);
        assert_eq!(left.row(Series::Delivery), both.row(Series::Delivery));
        left.clear();
        assert_eq!(left.row(Series::Delivery).n, 0);
    }
}
