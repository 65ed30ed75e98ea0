//! The run as Prometheus sees it, on a port of its own, while it lasts and a little longer.

use std::fmt::Write;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::recorder::{Recorder, Series};
use crate::timeline::Second;

/// How long a request may take to come, and how many bytes it may have.
const REQUEST: (Duration, usize) = (Duration::from_secs(5), 8 * 1024);
const QUANTILES: [f64; 4] = [0.5, 0.9, 0.99, 0.999];

/// What is told, and to whom it has been told.
#[derive(Debug, Default)]
pub struct Exposition {
    text: Mutex<String>,
    /// Woken by every scrape.
    scraped: Notify,
}

impl Exposition {
    /// Begins to answer.
    ///
    /// # Errors
    /// When the address can't be listened on.
    pub async fn serve(at: SocketAddr) -> io::Result<(Arc<Self>, SocketAddr)> {
        let listener = TcpListener::bind(at).await?;
        let at = listener.local_addr()?;
        let exposition = Arc::new(Exposition::default());
        exposition.update(&Second::default(), &Recorder::default());
        let told = Arc::clone(&exposition);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(Arc::clone(&told).answer(stream));
            }
        });
        Ok((exposition, at))
    }

    /// Takes over the state after a second.
    pub fn update(&self, second: &Second, total: &Recorder) {
        *self.text() = text(second, total);
    }

    /// Waits for a scrape that sees the end, at most so long.
    pub async fn linger(&self, patience: Duration) {
        // When nobody comes, nobody wants to know.
        let _ = timeout(patience, self.scraped.notified()).await;
    }

    async fn answer(self: Arc<Self>, mut stream: TcpStream) {
        let Ok(Some(request)) = timeout(REQUEST.0, head(&mut stream)).await else { return };
        let (status, body) = match request.as_slice() {
            [b'G', b'E', b'T', b' ', path @ ..] if path.starts_with(b"/metrics ") => {
                ("200 OK", self.text().clone())
            }
            [b'G', b'E', b'T', b' ', ..] => ("404 Not Found", "there is /metrics\n".to_owned()),
            _ => ("405 Method Not Allowed", "GET /metrics\n".to_owned()),
        };
        let answer = format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        let written = stream.write_all(answer.as_bytes()).await;
        if written.is_ok() && status == "200 OK" {
            self.scraped.notify_waiters();
        }
    }

    fn text(&self) -> MutexGuard<'_, String> {
        self.text.lock().expect("nothing panics while it holds the text")
    }
}

/// A request up to the end of its head; `None` when there is no end.
async fn head(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if head.len() > REQUEST.1 || stream.read_buf(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    Some(head)
}

fn text(second: &Second, total: &Recorder) -> String {
    let mut text = String::new();
    let counters = [
        ("loadgen_messages_sent_total", "Messages that a socket has taken.", second.messages),
        ("loadgen_deliveries_expected_total", "Deliveries owed for them.", second.owed),
        ("loadgen_deliveries_total", "Deliveries that have come.", second.arrived),
        ("loadgen_queries_sent_total", "UDP queries sent.", second.queries),
        ("loadgen_files_total", "Files that went both ways and were found the same.", second.files),
        (
            "loadgen_registry_sightings_total",
            "Entries that a watcher of the registry has seen.",
            second.entries,
        ),
    ];
    for (name, help, value) in counters {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} counter\n{name} {value}");
    }
    let gauges = [
        ("loadgen_queries_unanswered", "Queries without an answer so far.", second.unanswered as f64),
        ("loadgen_messages_waiting", "Messages that wait for their socket.", second.waiting as f64),
        ("loadgen_connections_ended", "Connections that have ended.", second.ended as f64),
        ("loadgen_cpu_ratio", "Our own CPU, as a share of what our cores offer.", second.cpu_share),
    ];
    for (name, help, value) in gauges {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}");
    }
    let _ = writeln!(text, "# HELP loadgen_phase What the run is at.\n# TYPE loadgen_phase gauge");
    for phase in ["warm-up", "steady", "drain"] {
        let _ = writeln!(text, "loadgen_phase{{phase=\"{phase}\"}} {}", u8::from(phase == second.phase));
    }
    summaries(&mut text, total);
    text
}

fn summaries(text: &mut String, total: &Recorder) {
    let name = "loadgen_duration_seconds";
    let _ = writeln!(text, "# HELP {name} Durations by series.\n# TYPE {name} summary");
    for &series in Series::ALL {
        let Some(histogram) = total.histogram(series) else { continue };
        let label = format!("series=\"{}\"", series.name());
        for quantile in QUANTILES {
            let seconds = histogram.value_at_quantile(quantile) as f64 / 1e9;
            let _ = writeln!(text, "{name}{{{label},quantile=\"{quantile}\"}} {seconds}");
        }
        let (n, sum) = (histogram.len(), histogram.mean() * histogram.len() as f64 / 1e9);
        let _ = writeln!(text, "{name}_sum{{{label}}} {sum}\n{name}_count{{{label}}} {n}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reconcile::{Scrape, scrape};

    #[tokio::test]
    async fn a_run_is_told_to_whoever_asks() {
        let (exposition, at) = Exposition::serve("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let empty = scrape(at).await.unwrap();
        assert_eq!(empty.value("loadgen_deliveries_total", &[]), Some(0.0), "zero is told, too");
        let mut total = Recorder::default();
        total.note(Series::ChatDelivery, 2_000_000);
        let second = Second { arrived: 7, phase: "steady".into(), ..Second::default() };
        exposition.update(&second, &total);
        let seen: Scrape = scrape(at).await.unwrap();
        assert_eq!(seen.sum("loadgen_deliveries_total", &[]), 7);
        assert_eq!(seen.sum("loadgen_phase", &[("phase", "steady")]), 1);
        assert_eq!(seen.sum("loadgen_duration_seconds_count", &[("series", "chat.delivery")]), 1);
    }

    #[tokio::test]
    async fn it_lingers_for_the_last_scrape_and_no_longer() {
        let (exposition, at) = Exposition::serve("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let lingering = exposition.linger(Duration::from_secs(3600));
        let (seen, ()) = tokio::join!(scrape(at), lingering);
        assert!(seen.is_ok());
        exposition.linger(Duration::ZERO).await;
    }
}
