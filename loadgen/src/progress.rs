//! One line a second for whoever watches.

use std::io::Write;

use crate::recorder::{Recorder, Series};
use crate::report::text::{count, milliseconds};

/// Where the lines go; nowhere when told to be quiet.
#[derive(Debug, Default)]
pub struct Progress<W> {
    out: Option<W>,
}

/// The state of a run after a second.
#[derive(Debug)]
pub struct Second<'a> {
    /// What the run is at: `warm-up`, `steady`, `drain`.
    pub phase: &'a str,
    /// Seconds since traffic began.
    pub at: u64,
    /// Messages sent so far.
    pub sent: u64,
    /// Deliveries owed so far.
    pub owed: u64,
    /// Deliveries that have come so far.
    pub arrived: u64,
    /// Queries that have no answer yet.
    pub pending: u64,
    /// Connections that have ended.
    pub ended: usize,
    /// What was recorded in this second.
    pub recent: &'a Recorder,
}

impl<W: Write> Progress<W> {
    /// Tells it to `out`.
    pub fn to(out: Option<W>) -> Self {
        Progress { out }
    }

    /// Prints a line.
    pub fn line(&mut self, line: &str) {
        if let Some(out) = &mut self.out {
            // Whoever closed it does not want to know; the run goes on.
            let _ = writeln!(out, "{line}");
        }
    }

    /// Prints the state after a second.
    pub fn second(&mut self, second: &Second<'_>) {
        if self.out.is_none() {
            return;
        }
        let (chat, info) = (second.recent.row(Series::Delivery), second.recent.row(Series::Query));
        let mut line = format!(
            "{:>4} s {:<8} sent {}  delivered {} of {}",
            second.at,
            second.phase,
            count(second.sent),
            count(second.arrived),
            count(second.owed),
        );
        if chat.n > 0 {
            line += &format!("  p50 {} p99 {} ms", milliseconds(chat.p50_ns), milliseconds(chat.p99_ns));
        }
        if info.n > 0 {
            line += &format!("  info p99 {} ms", milliseconds(info.p99_ns));
        }
        for (what, number) in [("unanswered", second.pending), ("connections lost", second.ended as u64)] {
            if number > 0 {
                line += &format!("  {what} {}", count(number));
            }
        }
        self.line(&line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_is_a_line() {
        let mut recent = Recorder::default();
        recent.note(Series::Delivery, 610_000);
        let second = Second {
            phase: "steady",
            at: 7,
            sent: 700,
            owed: 34_300,
            arrived: 34_299,
            pending: 0,
            ended: 2,
            recent: &recent,
        };
        let mut out = Vec::new();
        Progress::to(Some(&mut out)).second(&second);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "   7 s steady   sent 700  delivered 34,299 of 34,300  p50 0.610 p99 0.610 ms  connections lost 2\n"
        );
    }
}
