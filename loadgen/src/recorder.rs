//! Histograms of durations, merged without loss.

use std::ops::RangeInclusive;

use hdrhistogram::Histogram;
use hdrhistogram::errors::AdditionError;
use serde::{Deserialize, Serialize};

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
    ChatDelivery = "chat.delivery",
    /// A message, sent to seen, for each receiver: what a tester sees that forgets its own waiting.
    ChatService = "chat.service",
    /// A message, due to seen by the last of its receivers.
    ChatFanOut = "chat.fanout",
    /// A message, due to acknowledged.
    ChatAck = "chat.ack",
    /// A user, from connecting to being in its room.
    ChatJoin = "chat.join",
    /// A user whose connection broke, from connecting to being in its room again.
    ChatReconnect = "chat.reconnect",
    /// A message, due to the moment we woke for it: our own lateness.
    ChatWake = "chat.wake",
    /// A message, woken to taken by the socket: how long the other side would not have it.
    ChatSocket = "chat.socket",
    /// How late the threads are that read chat's sockets: our own lateness at the other end.
    ChatRead = "chat.read",
    /// A query, due to answered.
    InfoQuery = "info.query",
    /// A query, sent to answered.
    InfoService = "info.service",
    /// A query, due to the moment we woke for it.
    InfoWake = "info.wake",
    /// A query, woken to taken by the socket.
    InfoSocket = "info.socket",
    /// How late the thread is that reads the answers.
    InfoRead = "info.read",
    /// An upload, due to stored for good.
    FileUpload = "file.upload",
    /// An upload, first byte sent to stored for good.
    FileService = "file.service",
    /// An upload that broke, asked to go on to stored for good.
    FileResume = "file.resume",
    /// A download, asked to the first byte of the answer.
    FileFirstByte = "file.first-byte",
    /// A download, asked to the last byte.
    FileDownload = "file.download",
    /// A transfer, due to the moment we woke for it.
    FileWake = "file.wake",
    /// A transfer, woken to begun on a connection: how long it had to wait for one.
    FileSocket = "file.socket",
    /// How late the thread is that transfers files.
    FileRead = "file.read",
    /// Somebody who enters, due to seen by each watcher.
    RegistrySeen = "registry.seen",
    /// Somebody who enters, sent to seen by each watcher.
    RegistryService = "registry.service",
    /// Somebody who enters, due to granted.
    RegistryEntry = "registry.entry",
    /// Somebody who enters, due to the moment we woke for it.
    RegistryWake = "registry.wake",
    /// Somebody who enters, woken to taken by the socket.
    RegistrySocket = "registry.socket",
    /// How late the thread is that reads what the registry tells.
    RegistryRead = "registry.read",
}

impl Series {
    /// The series of a name.
    pub fn named(name: &str) -> Option<Series> {
        Series::ALL.iter().copied().find(|series| series.name() == name)
    }
}

/// One histogram a series that has any samples: 1 µs to 60 s with three digits, about 150 KB each, so one
/// recorder serves a whole shard and never a single user.
#[derive(Debug, Clone, Default)]
pub struct Recorder {
    histograms: [Option<Box<Histogram<u64>>>; Series::ALL.len()],
    clipped: u64,
}

fn empty() -> Histogram<u64> {
    let (low, high) = BOUNDS;
    Histogram::new_with_bounds(low, high, DIGITS).expect("the bounds are a valid range")
}

impl Recorder {
    /// Notes a duration in nanoseconds; beyond 60 s it counts as 60 s, and as clipped.
    pub fn note(&mut self, series: Series, nanos: u64) {
        self.clipped += u64::from(nanos > BOUNDS.1);
        let histogram = self.histograms[series as usize].get_or_insert_with(|| Box::new(empty()));
        histogram.saturating_record(nanos.min(BOUNDS.1));
    }

    /// Adds all that another recorder has.
    pub fn merge(&mut self, other: &Recorder) {
        for (mine, theirs) in self.histograms.iter_mut().zip(&other.histograms) {
            let Some(theirs) = theirs else { continue };
            let mine = mine.get_or_insert_with(|| Box::new(empty()));
            mine.add(&**theirs).expect("every recorder has the same bounds");
        }
        self.clipped += other.clipped;
    }

    /// Adds a histogram that another process has recorded.
    ///
    /// # Errors
    /// When it holds what is beyond our bounds.
    pub fn add(&mut self, series: Series, theirs: &Histogram<u64>) -> Result<(), AdditionError> {
        self.histograms[series as usize].get_or_insert_with(|| Box::new(empty())).add(theirs)
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.histograms.iter_mut().flatten().for_each(|histogram| histogram.reset());
        self.clipped = 0;
    }

    /// How many durations were longer than 60 s.
    pub fn clipped(&self) -> u64 {
        self.clipped
    }

    /// The histogram of a series that has samples.
    pub fn histogram(&self, series: Series) -> Option<&Histogram<u64>> {
        self.histograms[series as usize].as_deref().filter(|histogram| !histogram.is_empty())
    }

    /// The figures of a series.
    pub fn row(&self, series: Series) -> Row {
        let histogram = self.histogram(series);
        let n = histogram.map_or(0, Histogram::len);
        let at = |quantile| histogram.map(|histogram| histogram.value_at_quantile(quantile));
        let enough = n >= enough_for(0.999);
        Row {
            name: series.name().to_owned(),
            n,
            p50_ns: at(0.5),
            p90_ns: at(0.9),
            p99_ns: at(0.99),
            p999_ns: at(0.999).filter(|_| enough),
            max_ns: at(1.0),
        }
    }

    /// The figures of every series that has samples.
    pub fn rows(&self) -> Vec<Row> {
        Series::ALL.iter().map(|&series| self.row(series)).filter(|row| row.n > 0).collect()
    }
}

/// The figures of a series; `None` where there are too few samples to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The series.
    pub name: String,
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

impl Row {
    /// Whether so many samples lie above a percentile that another run would find it about there, too.
    pub fn knows(&self, quantile: f64) -> bool {
        self.n >= enough_for(quantile)
    }
}

/// Where another run of as many samples may find a percentile by mere chance, in nanoseconds: two standard
/// deviations of the samples below it (of a binomial distribution, whatever the samples are like) either way.
pub fn by_chance(histogram: &Histogram<u64>, quantile: f64) -> RangeInclusive<u64> {
    let reach = 2.0 * (quantile * (1.0 - quantile) / histogram.len() as f64).sqrt();
    histogram.value_at_quantile(quantile - reach)..=histogram.value_at_quantile(quantile + reach)
}

/// How many samples a percentile takes to be known.
pub fn enough_for(quantile: f64) -> u64 {
    // A thousandth of ten thousand may be a little less than ten in binary.
    (ENOUGH / (1.0 - quantile) - 1e-6).ceil() as u64
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
        let row = Recorder::default().row(Series::ChatAck);
        assert_eq!((row.n, row.p50_ns, row.max_ns), (0, None, None));
    }

    #[test]
    fn the_last_percentile_needs_ten_samples_above_it() {
        let mut recorder = Recorder::default();
        (0..9_999).for_each(|_| recorder.note(Series::InfoQuery, 5_000));
        assert_eq!(recorder.row(Series::InfoQuery).p999_ns, None);
        recorder.note(Series::InfoQuery, 5_000);
        assert!(recorder.row(Series::InfoQuery).p999_ns.is_some());
    }

    #[test]
    fn so_does_any_other() {
        let row = |n| Row { n, ..Recorder::default().row(Series::InfoQuery) };
        for (quantile, enough) in [(0.5, 20), (0.9, 100), (0.99, 1_000), (0.999, 10_000)] {
            assert!(row(enough).knows(quantile) && !row(enough - 1).knows(quantile), "{quantile}");
        }
    }

    #[test]
    fn chance_moves_a_percentile_of_few_samples_further() {
        let of = |n: u64| {
            let mut recorder = Recorder::default();
            (1..=n).for_each(|number| recorder.note(Series::InfoQuery, number * 100_000_000 / n));
            let range = by_chance(recorder.histogram(Series::InfoQuery).unwrap(), 0.5);
            [range.start(), range.end()].map(|nanos| nanos / 1_000_000)
        };
        assert_eq!((of(25), of(10_000)), ([32, 72], [49, 51]));
    }

    #[test]
    fn what_is_too_long_is_clipped_and_said() {
        let mut recorder = Recorder::default();
        recorder.note(Series::ChatWake, 61_000_000_000);
        assert_eq!(recorder.clipped(), 1);
        assert!(recorder.row(Series::ChatWake).max_ns >= Some(60_000_000_000));
    }

    #[test]
    fn merging_is_recording_in_one() {
        let (mut left, mut right, mut both) = (Recorder::default(), Recorder::default(), Recorder::default());
        for nanos in [1_000, 50_000, 7_000_000, 900_000_000] {
            left.note(Series::ChatDelivery, nanos);
            right.note(Series::ChatDelivery, nanos * 3);
            both.note(Series::ChatDelivery, nanos);
            both.note(Series::ChatDelivery, nanos * 3);
        }
        left.merge(&right);
        assert_eq!(left.row(Series::ChatDelivery), both.row(Series::ChatDelivery));
        left.clear();
        assert_eq!(left.row(Series::ChatDelivery).n, 0);
    }
}
