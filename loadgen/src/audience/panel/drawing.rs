//! How a panel is drawn: a pure function of what it shows and of the terminal's size.
//!
//! It is made of blocks. As long as they are higher than the terminal, the least important one is left out;
//! within a line whole figures are, or whole columns. So a figure is there, or it is not.

use std::collections::VecDeque;

use super::Panel;
use super::ink::{Line, Style, flow};
use super::lane::LANES;
use super::table::{is_active, table};
use crate::report::CPU_LIMIT;
use crate::report::numbers::{count, milliseconds, percent};

/// Bars shorter than this show nothing.
const SHORTEST: usize = 8;
/// Columns for the name of a chart, and for the figures behind it.
const CHART: (usize, usize) = (17, 28);
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// What a block is about, the most important first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Ledger,
    Service(usize),
    Progress,
    Cpu,
    MoreLedger,
    MoreCpu,
    OtherSeries,
    Tails,
    Rates,
    Space,
}

type Blocks = Vec<(Rank, Line)>;

/// The panel's lines: none wider and not more of them than the terminal has room for.
pub(super) fn lines(panel: &Panel, columns: usize, rows: usize) -> Vec<Line> {
    let mut blocks: Blocks = vec![];
    blocks.extend(progress(panel, columns).map(|line| (Rank::Progress, line)));
    if !panel.second.phase.is_empty() {
        blocks.extend(ranked(ledger(panel, columns), Rank::Ledger, Rank::MoreLedger));
        blocks.extend(ranked(cpu(panel, columns), Rank::Cpu, Rank::MoreCpu));
        // The ledger, the table's head and a row of it.
        if rows >= 3 {
            blocks.extend(figures(panel, columns));
        }
        blocks.extend(charts(panel, columns));
    }
    fit(blocks, rows)
}

/// Leaves out the least important until the rest fits.
fn fit(mut blocks: Blocks, rows: usize) -> Vec<Line> {
    while blocks.len() > rows {
        let least = (0..blocks.len()).max_by_key(|&place| blocks[place].0);
        least.map(|place| blocks.remove(place));
    }
    blocks.into_iter().map(|(_, line)| line).collect()
}

/// The first of the lines, and the others.
fn ranked(lines: Vec<Line>, first: Rank, others: Rank) -> Blocks {
    let ranks = std::iter::once(first).chain(std::iter::repeat(others));
    ranks.zip(lines).collect()
}

fn said(what: &str, number: u64) -> Line {
    Line::plain(format!("{what} {}", count(number)))
}

/// The same for what should be nothing.
fn bad(what: &str, number: u64) -> Line {
    let style = if number > 0 { Style::Red } else { Style::Plain };
    Line::plain(format!("{what} ")).and(Line::new(style, count(number)))
}

/// How far the run is, with as long a bar as there is room for.
fn progress(panel: &Panel, columns: usize) -> Option<Line> {
    let (phase, done, all, words) = if panel.second.phase.is_empty() {
        let (present, all) = panel.joined;
        let words = format!("{} of {} users", count(present.into()), count(all.into()));
        ("joining", present.into(), all.into(), words)
    } else {
        let done = panel.second.at.min(panel.lasts);
        (panel.second.phase.as_str(), done, panel.lasts, format!("{done} of {} s", panel.lasts))
    };
    let (phase, words) = (Line::new(Style::Bold, format!("{phase:<9}")), Line::plain(words));
    let room = columns.saturating_sub(phase.width() + 1 + words.width());
    let lines = if room >= SHORTEST {
        vec![phase.and(Line::plain(bar(done, all, room) + " ")).and(words)]
    } else {
        flow("", vec![phase.and(words.clone()), words], columns)
    };
    lines.into_iter().next()
}

fn bar(done: u64, all: u64, width: usize) -> String {
    let filled = (done * width as u64 / all.max(1)) as usize;
    "━".repeat(filled.min(width)) + &"╌".repeat(width.saturating_sub(filled))
}

/// What is owed, the worst first.
fn ledger(panel: &Panel, columns: usize) -> Vec<Line> {
    let second = &panel.second;
    let mut parts = Vec::new();
    if second.messages > 0 {
        parts.push(said("not yet", second.owed.saturating_sub(second.arrived)));
    }
    parts.push(bad("wrong", second.wrong));
    let ended = [("connections lost", second.ended), ("socket full", second.waiting)];
    parts.extend(ended.into_iter().filter(|(_, number)| *number > 0).map(|(what, number)| bad(what, number)));
    if second.queries > 0 {
        parts.push(said("unanswered", second.unanswered));
    }
    if second.messages > 0 {
        let share = percent(second.arrived.min(second.owed), second.owed);
        parts.push(Line::plain(format!(
            "delivered {} of {} ({share})",
            count(second.arrived),
            count(second.owed)
        )));
    }
    let totals = [("queries", second.queries), ("files", second.files), ("entries seen", second.entries)];
    parts.extend(
        totals.into_iter().filter(|(_, number)| *number > 0).map(|(what, number)| said(what, number)),
    );
    flow(mark("ledger   ", columns), parts, columns)
}

/// What both sides use, where it is known.
fn cpu(panel: &Panel, columns: usize) -> Vec<Line> {
    let share = panel.second.cpu_share;
    let style = if share > CPU_LIMIT { Style::Red } else { Style::Plain };
    let own = Line::plain("own ")
        .and(Line::new(style, format!("{:.0}%", share * 100.0)))
        .and(Line::plain(" of all"));
    let theirs = panel.second.service_cpu.iter();
    let theirs =
        theirs.map(|(service, share)| Line::plain(format!("{service} {:.0}% of one", share * 100.0)));
    flow(mark("cpu      ", columns), std::iter::once(own).chain(theirs).collect(), columns)
}

/// What a line begins with, where there is room for it.
fn mark(mark: &'static str, columns: usize) -> &'static str {
    if columns >= 4 * mark.len() { mark } else { "" }
}

fn figures(panel: &Panel, columns: usize) -> Blocks {
    let rank = |lane: Option<usize>| lane.map_or(Rank::OtherSeries, Rank::Service);
    let (head, rows) = table(panel, columns);
    let Some(first) = rows.first().map(|(lane, _)| rank(*lane)) else { return Vec::new() };
    let rows = rows.into_iter().map(|(lane, row)| (rank(lane), row));
    [(Rank::Space, Line::default()), (first, head)].into_iter().chain(rows).collect()
}

/// The last seconds of each service as bars.
fn charts(panel: &Panel, columns: usize) -> Blocks {
    let Some(width) = columns.checked_sub(CHART.0 + CHART.1).filter(|width| *width >= SHORTEST) else {
        return Vec::new();
    };
    let active = || LANES.iter().zip(&panel.past).filter(|(lane, _)| is_active(panel, lane));
    // Of a second in which nothing came there is no tail.
    let ms = |nanos| milliseconds(Some(nanos).filter(|nanos| *nanos > 0));
    let tails = active().map(|(lane, past)| {
        (Rank::Tails, chart(&format!("{} p99 ms", lane.service), &past.tails, width, ms))
    });
    let rates = active().map(|(lane, past)| {
        (Rank::Rates, chart(&format!("{} per s", lane.service), &past.rates, width, count))
    });
    let space = |rank| std::iter::once((rank, Line::default()));
    space(Rank::Space).chain(tails).chain(space(Rank::Space)).chain(rates).collect()
}

/// The newest seconds, the largest of them the highest, with the newest and the largest figure.
fn chart(what: &str, values: &VecDeque<u64>, width: usize, written: impl Fn(u64) -> String) -> Line {
    let shown: Vec<u64> = values.iter().skip(values.len().saturating_sub(width)).copied().collect();
    let newest = written(shown.last().copied().unwrap_or(0));
    let most = written(shown.iter().copied().max().unwrap_or(0));
    let name = Line::new(Style::Dim, format!("{what:<0$}", CHART.0));
    name.and(Line::new(Style::Cyan, sparkline(&shown)))
        .and(Line::plain(format!("  {newest}, at most {most}")))
}

fn sparkline(values: &[u64]) -> String {
    let most = values.iter().copied().max().unwrap_or(0).max(1);
    values.iter().map(|value| BARS[(u128::from(*value) * 7 / u128::from(most)) as usize]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_value_is_the_highest_bar() {
        assert_eq!(sparkline(&[0, 50, 100]), "▁▄█");
        assert_eq!(sparkline(&[]), "");
    }

    #[test]
    fn the_least_important_is_left_out_first_and_the_order_stays() {
        let block = |rank, text: &str| (rank, Line::plain(text));
        let blocks = || {
            vec![
                block(Rank::Progress, "progress"),
                block(Rank::Ledger, "ledger"),
                block(Rank::Service(0), "chat"),
                block(Rank::Service(1), "info"),
                block(Rank::Rates, "rates"),
            ]
        };
        let left = |rows| fit(blocks(), rows).iter().map(|line| line.written(false)).collect::<Vec<_>>();
        assert_eq!(left(4), ["progress", "ledger", "chat", "info"]);
        assert_eq!(left(3), ["ledger", "chat", "info"]);
        assert_eq!(left(1), ["ledger"]);
    }
}
