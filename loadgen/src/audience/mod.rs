//! Whoever follows a run while it lasts: a person at a terminal, a file of lines, a log of histograms,
//! Prometheus.

mod panel;
mod screen;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::sync::Arc;
use std::time::Duration;

use crate::exposition::Exposition;
use crate::hdr::Log;
use crate::recorder::{Recorder, Series};
use crate::report::numbers::{count, milliseconds};
use crate::timeline::Second;
pub use panel::Panel;
pub use screen::{Screen, give_back};

/// How a run is shown while it lasts.
#[derive(Debug)]
pub enum View {
    /// Not at all.
    Nothing,
    /// A line a second.
    Lines,
    /// Only what is said beside the seconds.
    Steps,
    /// A panel that has the terminal.
    Panel(Screen),
}

/// Everybody who follows.
#[derive(Debug)]
pub struct Audience<W> {
    out: W,
    view: View,
    /// A log of each second's histograms.
    pub log: Option<Log<BufWriter<File>>>,
    /// What Prometheus is told.
    pub exposition: Option<Arc<Exposition>>,
    /// When the run began that goes on, and until when the log tells, both by the log's time.
    began: Duration,
    told: Duration,
}

impl<W: Write> Audience<W> {
    /// Shows it on `out`.
    pub fn new(out: W, view: View) -> Self {
        Audience { out, view, log: None, exposition: None, began: Duration::ZERO, told: Duration::ZERO }
    }

    /// Shows it otherwise from now on.
    pub fn show(&mut self, view: View) {
        self.view = view;
    }

    /// Tells how many users have joined.
    pub fn joining(&mut self, present: u32, all: u32) {
        match &self.view {
            View::Nothing | View::Steps => {}
            View::Lines => {
                self.print(&format!("joined: {} of {}\n", count(present.into()), count(all.into())))
            }
            View::Panel(screen) => screen.joining(present, all),
        }
    }

    /// Prints a line.
    pub fn line(&mut self, line: &str) {
        if let View::Panel(screen) = &self.view {
            // Where it stays.
            screen.leave();
        }
        if !matches!(self.view, View::Nothing) {
            self.print(&format!("{line}\n"));
        }
    }

    /// Tells the state after a second, what was recorded in it, and in all of them.
    pub fn second(&mut self, second: &Second, recent: &Recorder, total: &Recorder) {
        match &self.view {
            View::Nothing | View::Steps => {}
            View::Lines => self.print(&(line(second) + "\n")),
            View::Panel(screen) => screen.second(second, total),
        }
        let (began, lasted) = self.interval(second.at);
        if let Some(log) = &mut self.log {
            // A full disk ends the log, not the run.
            let _ = log.interval(began, lasted, recent);
        }
        if let Some(exposition) = &self.exposition {
            exposition.update(second, total);
        }
    }

    /// When what is told now began, and how long it lasted. The steps of a search, each of which counts its
    /// seconds anew, follow one another.
    fn interval(&mut self, at: u64) -> (Duration, Duration) {
        let at = Duration::from_secs(at);
        if self.began + at <= self.told {
            self.began = self.told;
        }
        let began = std::mem::replace(&mut self.told, self.began + at);
        (began, self.told - began)
    }

    /// Lets Prometheus have a last look, and waits for it at most so long.
    pub async fn linger(&self, patience: Duration) {
        if let Some(exposition) = &self.exposition {
            exposition.linger(patience).await;
        }
    }

    fn print(&mut self, text: &str) {
        // Whoever closed it does not want to know; the run goes on.
        let _ = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
    }
}

/// A second in a line.
fn line(second: &Second) -> String {
    let Second { at, phase, messages, arrived, owed, .. } = second;
    let mut line = format!("{at:>4} s {phase:<8}");
    if *messages > 0 {
        line += &format!(" sent {}  delivered {} of {}", count(*messages), count(*arrived), count(*owed));
    }
    for (series, what) in [
        (Series::ChatDelivery, "p50"),
        (Series::InfoQuery, "info p50"),
        (Series::FileUpload, "upload p50"),
        (Series::RegistrySeen, "registry p50"),
    ] {
        if let Some(row) = second.row(series) {
            line += &format!("  {what} {} p99 {} ms", milliseconds(row.p50_ns), milliseconds(row.p99_ns));
        }
    }
    for (what, number) in
        [("unanswered", second.unanswered), ("waiting", second.waiting), ("connections lost", second.ended)]
    {
        if number > 0 {
            line += &format!("  {what} {}", count(number));
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_is_a_line() {
        let mut recent = Recorder::default();
        recent.note(Series::ChatDelivery, 610_000);
        let second = Second {
            phase: "steady".into(),
            at: 7,
            messages: 700,
            owed: 34_300,
            arrived: 34_299,
            ended: 2,
            rows: recent.rows(),
            ..Second::default()
        };
        let mut out = Vec::new();
        Audience::new(&mut out, View::Lines).second(&second, &recent, &recent);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "   7 s steady   sent 700  delivered 34,299 of 34,300  p50 0.610 p99 0.610 ms  connections lost 2\n"
        );
        let mut out = Vec::new();
        Audience::new(&mut out, View::Nothing).second(&second, &recent, &recent);
        assert!(out.is_empty());
    }

    #[test]
    fn the_steps_of_a_search_follow_one_another_in_one_log() {
        let mut audience = Audience::new(Vec::new(), View::Nothing);
        let told = [1, 2, 5, 1, 2, 1].map(|at| audience.interval(at));
        let seconds = told.map(|(began, lasted)| (began.as_secs(), lasted.as_secs()));
        assert_eq!(seconds, [(0, 1), (1, 1), (2, 3), (5, 1), (6, 1), (7, 1)]);
    }
}
