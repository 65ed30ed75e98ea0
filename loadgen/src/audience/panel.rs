//! The live panel: a few lines of plain text and ANSI that are drawn over themselves each second.
//!
//! A line must never take two rows, or the way back to the first would miss it: they fit 79 columns, and the
//! terminal is told to cut what does not fit a narrower one.

use std::collections::VecDeque;
use std::fmt::Write;

use crate::recorder::{Recorder, Row, Series};
use crate::report::numbers::{count, milliseconds, percent};
use crate::timeline::Second;

/// So many seconds are in the little charts.
const WIDTH: usize = 40;
/// How long the bar is.
const BAR: usize = 50;
/// Whether the terminal breaks long lines (DECAWM).
const NO_WRAP: &str = "\x1b[?7l";
const WRAP: &str = "\x1b[?7h";
const BOLD: &str = "1";
const DIM: &str = "2";
const RED: &str = "1;31";
const CYAN: &str = "36";
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
        text += NO_WRAP;
        for line in &lines {
            // Each line is written over the old one, whose rest is taken away.
            let _ = writeln!(text, "\r{line}\x1b[K");
        }
        text += WRAP;
        self.drawn = lines.len();
        self.last = second.clone();
        text
    }

    fn lines(&self, second: &Second, total: &Recorder) -> Vec<String> {
        let mut lines = vec![self.head(second), self.rates(second), self.ledger(second), self.cpu(second)];
        let head = format!(
            "{:<16}{:>8}{:>8}{:>8}{:>13}{:>9}{:>9}{:>8}",
            "ms", "p50", "p99", "max", "so far: n", "p50", "p99", "max"
        );
        lines.push(self.paint(DIM, &head));
        for series in SHOWN {
            let row = total.row(series);
            if row.n > 0 {
                lines.push(latencies(series, second.row(series), &row));
            }
        }
        lines.push(self.history("per second", &self.rates, count));
        lines.push(self.history("p99 ms", &self.tails, |nanos| milliseconds(Some(nanos))));
        lines
    }

    fn head(&self, second: &Second) -> String {
        let phase = self.paint(BOLD, &format!("{:<8}", second.phase));
        format!("{phase} {} {} of {} s", bar(second.at, self.lasts), second.at, self.lasts)
    }

    fn rates(&self, second: &Second) -> String {
        let (now, last) = (second, &self.last);
        let seconds = now.at.saturating_sub(last.at).max(1);
        let flows = [
            ("messages", now.messages, last.messages),
            ("deliveries", now.arrived, last.arrived),
            ("queries", now.queries, last.queries),
            ("files", now.files, last.files),
            ("entries", now.entries, last.entries),
        ];
        let flows = flows.into_iter().filter(|(_, all, _)| *all > 0);
        let told = flows.map(|(what, now, last)| {
            let rate = now.saturating_sub(last) / seconds;
            format!("  {what} {}/s", count(rate))
        });
        self.paint(DIM, "now    ") + &told.collect::<String>()
    }

    fn ledger(&self, second: &Second) -> String {
        let Second { owed, arrived, .. } = second;
        let share = percent(*arrived.min(owed), *owed);
        let mut line = self.paint(DIM, "ledger ");
        let _ = write!(line, "  owed {}  delivered {} ({share})", count(*owed), count(*arrived));
        for (what, number) in [
            ("unanswered", second.unanswered),
            ("socket full", second.waiting),
            ("connections lost", second.ended),
        ] {
            if number > 0 {
                let _ = write!(line, "  {what} {}", self.paint(RED, &count(number)));
            }
        }
        line
    }

    fn cpu(&self, second: &Second) -> String {
        let own = format!("  own {:.0}% of all", second.cpu_share * 100.0);
        self.paint(DIM, "cpu    ") + &own + &services(&second.service_cpu)
    }

    /// The last seconds as bars, with the newest and the largest value.
    fn history(&self, what: &str, values: &VecDeque<u64>, written: fn(u64) -> String) -> String {
        let newest = written(values.back().copied().unwrap_or(0));
        let most = written(values.iter().copied().max().unwrap_or(0));
        let (what, bars) = (self.paint(DIM, &format!("{what:<11}")), self.paint(CYAN, &sparkline(values)));
        format!("{what}{bars} {newest}, at most {most}")
    }

    fn paint(&self, colour: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// A series in this second and in all of them.
fn latencies(series: Series, now: Option<&Row>, all: &Row) -> String {
    let figures = |row: &Row| [row.p50_ns, row.p99_ns, row.max_ns].map(milliseconds);
    let [p50, p99, max] = now.map_or([None; 3].map(milliseconds), figures);
    let ([all50, all99, most], n) = (figures(all), count(all.n));
    format!("{:<16}{p50:>8}{p99:>8}{max:>8}{n:>13}{all50:>9}{all99:>9}{most:>8}", series.name())
}

/// What the services use, where it is known.
fn services(shares: &[(String, f64)]) -> String {
    shares.iter().map(|(service, share)| format!("  {service} {:.0}% of one", share * 100.0)).collect()
}

fn push(values: &mut VecDeque<u64>, value: u64) {
    values.push_back(value);
    if values.len() > WIDTH {
        values.pop_front();
    }
}

fn bar(done: u64, all: u64) -> String {
    let filled = ((done * BAR as u64 / all.max(1)) as usize).min(BAR);
    "━".repeat(filled) + &"╌".repeat(BAR - filled)
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
        assert!(first.starts_with(NO_WRAP) && first.ends_with(WRAP), "{first:?}");
        let height = first.matches('\n').count();
        assert!(again.starts_with(&format!("\x1b[{height}A")), "{again:?}");
        assert!(again.contains("deliveries 45/s") && again.contains(" 45, at most 45"), "{again}");
    }

    #[test]
    fn without_colour_there_is_none() {
        let (first, again) = drawn(false);
        assert!(!first.contains("\x1b[1m") && !again.contains("\x1b[2m"));
        assert!(drawn(true).0.contains("\x1b[1;31m1\x1b[0m"), "a lost connection is red");
    }

    #[test]
    fn no_line_is_wider_than_a_terminal() {
        let mut total = Recorder::default();
        SHOWN.iter().for_each(|&series| total.note(series, 59_000_000_000));
        let mut second =
            Second { at: 3_600, phase: "steady".into(), rows: total.rows(), ..Second::default() };
        (second.messages, second.arrived, second.queries) = (15_000, 149_850, 10_000);
        (second.owed, second.service_cpu) = (149_850, vec![("chat+info+file+registry".into(), 1.37)]);
        let mut panel = Panel::new(3_600, false);
        (0..WIDTH).for_each(|_| push(&mut panel.rates, 149_850));
        for line in panel.lines(&second, &total) {
            assert!(line.chars().count() < 80, "what ends in the last column is cut: {line}");
        }
    }

    #[test]
    fn the_largest_value_is_the_highest_bar() {
        assert_eq!(sparkline(&VecDeque::from([0, 50, 100])), "▁▄█");
        assert_eq!(sparkline(&VecDeque::new()), "");
    }
}
