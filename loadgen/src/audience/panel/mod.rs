//! The live panel: what is known of a run while it lasts, and how it is drawn at whatever size there is.

mod drawing;
mod ink;
mod lane;
mod table;

use std::collections::VecDeque;

use crate::recorder::{Recorder, Row, Series};
use crate::timeline::Second;
use lane::LANES;

/// So many seconds are kept for the little charts; where there are columns for more, the rest stays empty.
const KEPT: usize = 240;

/// What a panel shows.
#[derive(Debug)]
pub struct Panel {
    colour: bool,
    /// How long the run will take, in seconds.
    lasts: u64,
    /// How many users have joined, and of how many.
    joined: (u32, u32),
    /// The second before the last one, and the last one.
    before: Second,
    second: Second,
    /// The figures of all seconds.
    total: Vec<Row>,
    /// By service.
    past: [Past; LANES.len()],
}

/// The last seconds of a service: what came in each, and the 99th percentile in nanoseconds, 0 where nothing came.
#[derive(Debug, Default)]
struct Past {
    rates: VecDeque<u64>,
    tails: VecDeque<u64>,
}

impl Panel {
    /// A panel for a run of so many seconds.
    pub fn new(lasts: u64, colour: bool) -> Self {
        let (before, second) = (Second::default(), Second::default());
        let (joined, total, past) = ((0, 0), Vec::new(), Default::default());
        Panel { colour, lasts, joined, before, second, total, past }
    }

    /// Takes note of how many users have joined.
    pub(super) fn joined(&mut self, present: u32, all: u32) {
        self.joined = (present, all);
    }

    /// Takes note of a second, and of what was recorded in all of them.
    pub(super) fn note(&mut self, second: &Second, total: &Recorder) {
        self.before = std::mem::replace(&mut self.second, second.clone());
        let shown = LANES.iter().flat_map(|lane| lane.others.iter().chain([&lane.response]));
        self.total = shown.map(|&series| total.row(series)).filter(|row| row.n > 0).collect();
        for (place, lane) in LANES.iter().enumerate() {
            let tail = self.second.row(lane.response).and_then(|row| row.p99_ns);
            let rate = self.rate(lane.came);
            let past = &mut self.past[place];
            push(&mut past.rates, rate);
            push(&mut past.tails, tail.unwrap_or(0));
        }
    }

    /// All that must be written to show it on a terminal of this size, whatever is there now.
    pub(super) fn frame(&self, columns: u16, rows: u16) -> String {
        let (columns, rows) = (usize::from(columns), usize::from(rows));
        let lines = drawing::lines(self, columns, rows);
        let row = |row: usize| {
            let line = lines.get(row);
            let text = line.map(|line| line.written(self.colour)).unwrap_or_default();
            // Behind a full line the cursor still stands on its last character, which that would take away.
            let rest = if line.is_some_and(|line| line.width() >= columns) { "" } else { "\x1b[K" };
            format!("\x1b[{};1H{text}{rest}", row + 1)
        };
        (0..rows).map(row).collect()
    }

    /// How much more there is than before, in each second that has passed since.
    fn rate(&self, of: fn(&Second) -> u64) -> u64 {
        self.a_second(of(&self.second).saturating_sub(of(&self.before)))
    }

    /// What a number since the second before is in each second: not every one is told.
    fn a_second(&self, number: u64) -> u64 {
        number / self.second.at.saturating_sub(self.before.at).max(1)
    }

    /// The figures of a series over all seconds.
    fn total(&self, series: Series) -> Option<&Row> {
        self.total.iter().find(|row| row.name == series.name())
    }
}

fn push(values: &mut VecDeque<u64>, value: u64) {
    values.push_back(value);
    if values.len() > KEPT {
        values.pop_front();
    }
}

#[cfg(test)]
mod tests;
