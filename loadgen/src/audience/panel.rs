//! The live panel: a few lines of plain text and ANSI that are drawn over themselves each second.

use std::collections::VecDeque;
use std::fmt::Write;

use crate::recorder::{Recorder, Row, Series};
use crate::report::numbers::{count, milliseconds, percent};
use crate::timeline::Second;

/// So many seconds are in the little charts.
const WIDTH: usize = 60;
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// The rows of the panel, in their order.
const SHOWN: [Series; 9] = [
    Series::ChatDelivery,
    Series::ChatService,
    Series::ChatFanOut,
    Series::ChatWake,
    Series::ChatSocket,
    Series::InfoQuery,
    Series::InfoWake,
    Series::FileUpload,
    Series::RegistrySeen,
];

/// A panel on a terminal.
#[derive(Debug)]
pub struct Panel {
    colour: bool,
    /// How long the run will take, in seconds.
    lasts: u64,
    drawn: usize,
    last: Second,
    /// The deliveries of the last seconds, and their 99th percentile in nanoseconds.
    rates: VecDeque<u64>,
    tails: VecDeque<u64>,
}

impl Panel {
    /// A panel for a run of so many seconds.
    pub fn new(lasts: u64, colour: bool) -> Self {
        let (rates, tails) = (VecDeque::new(), VecDeque::new());
        Panel { colour, lasts, drawn: 0, last: Second::default(), rates, tails }
    }

    /// What to write for a second: the way back to the panel's first line, and the panel.
    pub(super) fn draw(&mut self, second: &Second, total: &Recorder) -> String {
        let busy = [Series::ChatDelivery, Series::InfoQuery, Series::FileUpload, Series::RegistrySeen];
        let tail = busy.iter().find_map(|&series| second.row(series)?.p99_ns);
        push(&mut self.rates, second.arrived.saturating_sub(self.last.arrived));
        push(&mut self.tails, tail.unwrap_or(0));
        let lines = self.lines(second, total);
        let mut text = if self.drawn > 0 { format!("\x1b[{}A", self.drawn) } else { String::new() };
        for line in &lines {
            // Each line is written over the old one, whose rest is taken away.
            let _ = writeln!(text, "\r{line}\x1b[K");
        }
        self.drawn = lines.len();
        self.last = second.clone();
        text
    }

    fn lines(&self, second: &Second, total: &Recorder) -> Vec<String> {
        let seconds = second.at.saturating_sub(self.last.at).max(1);
        let rate = |now: u64, before: u64| count(now.saturating_sub(before) / seconds);
        let mut lines = vec![
            format!(
                "{} {} of {} s   {}",
                self.bold(&second.phase),
                second.at,
                self.lasts,
                bar(second.at, self.lasts)
            ),
            format!(
                "a second   messages {}   deliveries {}   queries {}   files {}   entries {}   cpu: own {:.0}% of all{}",
                rate(second.messages, self.last.messages),
                rate(second.arrived, self.last.arrived),
                rate(second.queries, self.last.queries),
                rate(second.files, self.last.files),
                rate(second.entries, self.last.entries),
                second.cpu_share * 100.0,
                services(&second.service_cpu),
            ),
            format!(
                "ledger     owed {}   delivered {} ({})   unanswered {}   waiting for a socket {}   connections lost {}",
                count(second.owed),
                count(second.arrived),
                percent(second.arrived.min(second.owed), second.owed),
                count(second.unanswered),
                count(second.waiting),
                self.warn(second.ended),
            ),
            format!(
                "{:<18}{:>10}{:>10}{:>10}   {:>12}{:>10}{:>10}  ms",
                "", "p50", "p99", "max", "all n", "p50", "p99"
            ),
        ];
        for series in SHOWN {
            let row = total.row(series);
            if row.n > 0 {
                lines.push(latencies(series, second.row(series), &row));
            }
        }
        lines.push(format!("deliveries {}", sparkline(&self.rates)));
        lines.push(format!("p99        {}", sparkline(&self.tails)));
        lines
    }

    fn bold(&self, text: &str) -> String {
        if self.colour { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn warn(&self, number: u64) -> String {
        if self.colour && number > 0 { format!("\x1b[31m{}\x1b[0m", count(number)) } else { count(number) }
    }
}

/// A series in this second and in all of them.
fn latencies(series: Series, now: Option<&Row>, all: &Row) -> String {
    let [p50, p99, max] = now.map_or([None; 3], |row| [row.p50_ns, row.p99_ns, row.max_ns]).map(milliseconds);
    let (n, all50, all99) = (count(all.n), milliseconds(all.p50_ns), milliseconds(all.p99_ns));
    format!("{:<18}{p50:>10}{p99:>10}{max:>10}   {n:>12}{all50:>10}{all99:>10}", series.name())
}

/// What the services use, where it is known.
fn services(shares: &[(String, f64)]) -> String {
    shares.iter().map(|(service, share)| format!(", {service} {:.0}% of one", share * 100.0)).collect()
}

fn push(values: &mut VecDeque<u64>, value: u64) {
    values.push_back(value);
    if values.len() > WIDTH {
        values.pop_front();
    }
}

fn bar(done: u64, all: u64) -> String {
    let filled = (done * 30 / all.max(1)).min(30) as usize;
    format!("[{}{}]", "#".repeat(filled), "-".repeat(30 - filled))
}

/// The values as bars, the largest the highest.
fn sparkline(values: &VecDeque<u64>) -> String {
    let most = values.iter().copied().max().unwrap_or(0).max(1);
    values.iter().map(|value| BARS[(u128::from(*value) * 7 / u128::from(most)) as usize]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(colour: bool) -> (String, String) {
        let mut total = Recorder::default();
        total.note(Series::ChatDelivery, 2_000_000);
        let mut panel = Panel::new(30, colour);
        let mut second = Second { at: 1, phase: "steady".into(), rows: total.rows(), ..Second::default() };
        (second.messages, second.arrived, second.owed, second.ended) = (5, 45, 50, 1);
        let first = panel.draw(&second, &total);
        (second.at, second.arrived) = (2, 90);
        (first, panel.draw(&second, &total))
    }

    #[test]
    fn it_is_drawn_over_itself() {
        let (first, again) = drawn(true);
        assert!(!first.starts_with("\x1b["), "{first:?}");
        let height = first.lines().count();
        assert!(again.starts_with(&format!("\x1b[{height}A")), "{again:?}");
        assert!(again.contains("deliveries 45 ") && again.contains("p99"), "{again}");
    }

    #[test]
    fn without_colour_there_is_none() {
        let (first, again) = drawn(false);
        assert!(!first.contains("\x1b[1m") && !again.contains("\x1b[31m"));
        assert!(drawn(true).0.contains("\x1b[31m1\x1b[0m"), "a lost connection is red");
    }

    #[test]
    fn the_largest_value_is_the_highest_bar() {
        assert_eq!(sparkline(&VecDeque::from([0, 50, 100])), "▁▄█");
        assert_eq!(sparkline(&VecDeque::new()), "");
    }
}
