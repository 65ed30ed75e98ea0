//! One reading of a service's counters: HTTP, and the text that Prometheus reads.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long an answer may take, and how long it may be.
const PATIENCE: Duration = Duration::from_secs(2);
const MOST: u64 = 4 * 1024 * 1024;

/// Why there are no figures.
#[derive(Debug, Error)]
pub enum ScrapeError {
    /// The connection did not come about, or broke.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It took too long.
    #[error("no answer within {} s", PATIENCE.as_secs())]
    Silent,
    /// The answer is not 200.
    #[error("the answer is {0:?}")]
    Status(String),
}

/// The value of each series, by its name and labels as they were written.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scrape {
    values: BTreeMap<String, f64>,
}

/// Asks a service for its counters.
///
/// # Errors
/// [`ScrapeError`].
pub async fn scrape(at: SocketAddr) -> Result<Scrape, ScrapeError> {
    let text = timeout(PATIENCE, get(at)).await.map_err(|_| ScrapeError::Silent)??;
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.lines().next().unwrap_or_default();
    if status.split(' ').nth(1) == Some("200") {
        Ok(Scrape::parse(body))
    } else {
        Err(ScrapeError::Status(status.to_owned()))
    }
}

/// The whole answer; HTTP/1.0, so that it is neither chunked nor kept open.
async fn get(at: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect(at).await?;
    stream.write_all(format!("GET /metrics HTTP/1.0\r\nHost: {at}\r\n\r\n").as_bytes()).await?;
    let mut text = Vec::new();
    stream.take(MOST).read_to_end(&mut text).await?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

impl Scrape {
    /// Reads the text format; a line that is none is passed over.
    pub fn parse(text: &str) -> Self {
        let series = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            Some((series.to_owned(), value.parse().ok()?))
        });
        Scrape { values: series.collect() }
    }

    /// What has been added since an earlier reading; a counter that has gone back began anew.
    pub fn since(&self, earlier: &Scrape) -> Scrape {
        let grown = self.values.iter().map(|(series, now)| {
            let before = earlier.values.get(series).copied().unwrap_or(0.0);
            (series.clone(), if before > *now { *now } else { now - before })
        });
        Scrape { values: grown.collect() }
    }

    /// Whether the process that said this began after an earlier reading: its start is another, or what can
    /// only rise has fallen.
    pub fn began_anew(&self, earlier: &Scrape) -> bool {
        let start = |scrape: &Scrape| scrape.value("process_start_time_seconds", &[]);
        let other = start(earlier).zip(start(self)).is_some_and(|(then, now)| then != now);
        let fell = |(series, before): (&String, &f64)| {
            let is_counter = series.split('{').next().is_some_and(|name| name.ends_with("_total"));
            is_counter && self.values.get(series).is_none_or(|now| now < before)
        };
        other || earlier.values.iter().any(fell)
    }

    /// The sum of a metric's series that have these labels, when it has any.
    pub fn value(&self, metric: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let of_metric = self.values.range(metric.to_owned()..);
        let of_metric = of_metric.take_while(|(series, _)| series.starts_with(metric));
        let values: Vec<f64> =
            of_metric.filter(|(series, _)| is_of(series, metric, labels)).map(|(_, value)| *value).collect();
        (!values.is_empty()).then(|| values.iter().sum())
    }

    /// The same as a count; 0 when there is none.
    pub fn sum(&self, metric: &str, labels: &[(&str, &str)]) -> u64 {
        self.value(metric, labels).unwrap_or(0.0).max(0.0).round() as u64
    }
}

/// Whether a series is one of a metric and has all of these labels.
fn is_of(series: &str, metric: &str, labels: &[(&str, &str)]) -> bool {
    let Some(rest) = series.strip_prefix(metric) else { return false };
    let has = |(name, value): &(&str, &str)| rest.contains(&format!("{name}=\"{value}\""));
    (rest.is_empty() || rest.starts_with('{')) && labels.iter().all(has)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# HELP a_total Things.\n# TYPE a_total counter\na_total{kind=\"x\",why=\"p\"} 3\n\
        a_total{kind=\"y\",why=\"p\"} 4\na_total_more 100\nb 2.5\nnonsense\n";

    #[test]
    fn labels_choose_what_is_summed() {
        let scrape = Scrape::parse(TEXT);
        assert_eq!(scrape.sum("a_total", &[]), 7);
        assert_eq!(scrape.sum("a_total", &[("kind", "y")]), 4);
        assert_eq!(scrape.sum("a_total", &[("kind", "z")]), 0);
        assert_eq!((scrape.value("b", &[]), scrape.value("c", &[])), (Some(2.5), None));
    }

    #[test]
    fn a_process_that_began_anew_is_known() {
        let before = Scrape::parse("process_start_time_seconds 7\na_total{kind=\"x\"} 5\nopen 3\n");
        for (after, anew) in [
            ("process_start_time_seconds 7\na_total{kind=\"x\"} 9\nopen 1\n", false),
            ("process_start_time_seconds 8\na_total{kind=\"x\"} 9\nopen 3\n", true),
            ("process_start_time_seconds 7\na_total{kind=\"x\"} 4\n", true),
            ("process_start_time_seconds 7\n", true),
        ] {
            assert_eq!(Scrape::parse(after).began_anew(&before), anew, "{after}");
        }
    }

    #[test]
    fn what_was_there_before_does_not_count_but_a_restart_does() {
        let (before, after) = (Scrape::parse("a 5\nb 9\n"), Scrape::parse("a 7\nb 4\nc 1\n"));
        let grown = after.since(&before);
        assert_eq!(["a", "b", "c"].map(|name| grown.sum(name, &[])), [2, 4, 1]);
    }
}
