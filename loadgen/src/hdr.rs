//! Histograms as HdrHistogram's own tools know them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};

use crate::recorder::{Recorder, Series};

/// Nanoseconds in the unit that people read.
const MS: f64 = 1e6;
/// Steps in which the distribution halves its distance to the whole.
const STEPS: u32 = 5;

/// A histogram in its V2 form, deflated, in base64.
pub fn encode(histogram: &Histogram<u64>) -> String {
    let mut bytes = Vec::new();
    let written = V2DeflateSerializer::new().serialize(histogram, &mut bytes);
    written.expect("a histogram within its bounds is written to memory");
    STANDARD.encode(bytes)
}

/// Reads what [`encode`] has written; `None` when it is something else.
pub fn decode(text: &str) -> Option<Histogram<u64>> {
    let bytes = STANDARD.decode(text).ok()?;
    Deserializer::new().deserialize(&mut bytes.as_slice()).ok()
}

/// Every series of a recorder, by its name.
pub fn encode_all(recorder: &Recorder) -> BTreeMap<String, String> {
    let of = |series: &Series| Some((series.name().to_owned(), encode(recorder.histogram(*series)?)));
    Series::ALL.iter().filter_map(of).collect()
}

/// A log of histograms, an interval and a series a line: `.hlog`, version 1.3.
#[derive(Debug)]
pub struct Log<W> {
    out: W,
}

impl<W: Write> Log<W> {
    /// Writes the head.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn start(mut out: W) -> io::Result<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        writeln!(out, "#[Histogram log format version 1.3]")?;
        writeln!(out, "#[StartTime: {now:.3} (seconds since epoch)]")?;
        writeln!(
            out,
            "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\""
        )?;
        Ok(Log { out })
    }

    /// Writes what was recorded in an interval.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn interval(&mut self, began: Duration, lasted: Duration, recorder: &Recorder) -> io::Result<()> {
        for &series in Series::ALL {
            let Some(histogram) = recorder.histogram(series) else { continue };
            let (began, lasted) = (began.as_secs_f64(), lasted.as_secs_f64());
            let max = histogram.max() as f64 / MS;
            let encoded = encode(histogram);
            writeln!(self.out, "Tag={},{began:.3},{lasted:.3},{max:.3},{encoded}", series.name())?;
        }
        self.out.flush()
    }
}

/// The percentile distribution of a histogram as text, in milliseconds: `.hgrm`.
pub fn distribution(histogram: &Histogram<u64>) -> String {
    let mut text =
        format!("{:>12} {:>14} {:>10} {:>14}\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)");
    for step in histogram.iter_quantiles(STEPS) {
        let (value, quantile) = (step.value_iterated_to() as f64 / MS, step.quantile_iterated_to());
        let below = histogram.count_between(0, step.value_iterated_to());
        let _ = write!(text, "{value:>12.3} {quantile:>14.12} {below:>10}");
        match quantile {
            quantile if quantile < 1.0 => _ = writeln!(text, " {:>14.2}", 1.0 / (1.0 - quantile)),
            _ => text.push('\n'),
        }
    }
    let (mean, deviation) = (histogram.mean() / MS, histogram.stdev() / MS);
    let (max, n) = (histogram.max() as f64 / MS, histogram.len());
    let _ = writeln!(text, "#[Mean    = {mean:>12.3}, StdDeviation   = {deviation:>12.3}]");
    let _ = writeln!(text, "#[Max     = {max:>12.3}, Total count    = {n:>12}]");
    text
}

#[cfg(test)]
mod tests {
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

    use super::*;

    fn recorded() -> Recorder {
        let mut recorder = Recorder::default();
        (1..=1000).for_each(|number| recorder.note(Series::ChatDelivery, number * 100_000));
        recorder.note(Series::InfoQuery, 5_000_000);
        recorder
    }

    #[test]
    fn a_histogram_survives_its_encoding() {
        let recorder = recorded();
        let histogram = recorder.histogram(Series::ChatDelivery).unwrap();
        assert_eq!(&decode(&encode(histogram)).unwrap(), histogram);
        assert!(decode("nonsense").is_none() && decode("").is_none());
    }

    #[test]
    fn a_log_is_read_by_the_field_s_own_reader() {
        let mut text = Vec::new();
        let mut log = Log::start(&mut text).unwrap();
        log.interval(Duration::from_secs(3), Duration::from_secs(1), &recorded()).unwrap();
        let entries: Vec<_> = IntervalLogIterator::new(&text).map(Result::unwrap).collect();
        let intervals: Vec<_> = entries
            .iter()
            .filter_map(|entry| match entry {
                LogEntry::Interval(interval) => Some(interval),
                _ => None,
            })
            .collect();
        let tags: Vec<_> = intervals.iter().map(|interval| interval.tag().unwrap().as_str()).collect();
        assert_eq!(tags, ["chat.delivery", "info.query"]);
        assert_eq!(intervals[0].start_timestamp(), Duration::from_secs(3));
        assert_eq!(decode(intervals[0].encoded_histogram()).unwrap().len(), 1000);
    }

    #[test]
    fn a_distribution_ends_with_the_whole() {
        let text = distribution(recorded().histogram(Series::ChatDelivery).unwrap());
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].trim_start().starts_with("Value"), "{text}");
        let last = lines[lines.len() - 3];
        assert!(last.contains(" 1.000000000000       1000"), "{last}");
        assert!(lines[lines.len() - 1].contains("Total count    =         1000"), "{text}");
    }
}
