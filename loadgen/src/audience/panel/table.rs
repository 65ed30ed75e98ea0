//! The panel's table: a row for each service, a column for each figure that there is room for.

use super::Panel;
use super::ink::{Line, Style};
use super::lane::{LANES, Lane};
use crate::recorder::{Row, Series};
use crate::report::numbers::{count, milliseconds};

/// The columns, each with its place among them by importance, from 0.
const COLUMNS: [(&str, usize); 9] = [
    ("per s", 0),
    ("p50", 5),
    ("p99", 1),
    ("max", 4),
    ("service", 7),
    ("wake", 2),
    ("socket", 6),
    ("run p99", 3),
    ("run max", 8),
];
/// Terminals narrower than this have columns as narrow as their figures, and nothing but the services by their
/// own names.
const NARROW: usize = 36;
/// How wide a figure usually is: columns that changed with each of them would be hard to follow.
const USUAL: usize = 6;

/// The figures of a series.
struct Entry {
    /// Of a service's response, its place among the services.
    lane: Option<usize>,
    name: &'static str,
    cells: [String; COLUMNS.len()],
}

/// The table's head, and its rows, each with the place of the service whose response it is. No rows when not
/// even the first column has room.
pub(super) fn table(panel: &Panel, columns: usize) -> (Line, Vec<(Option<usize>, Line)>) {
    let entries = entries(panel, columns < NARROW);
    let names = entries.iter().map(|entry| entry.name.len()).max().unwrap_or(0);
    let widths = widths(&entries, columns.saturating_sub(names), if columns < NARROW { 0 } else { USUAL });
    if widths[0] == 0 {
        return (Line::default(), Vec::new());
    }
    let line = |name: &str, cells: [&str; COLUMNS.len()]| {
        let cells = cells.iter().zip(widths).filter(|(_, width)| *width > 0);
        format!("{name:<names$}") + &cells.map(|(cell, width)| format!("{cell:>width$}")).collect::<String>()
    };
    let head = line("ms", COLUMNS.map(|(label, _)| label));
    let row = |entry: &Entry| {
        (entry.lane, Line::plain(line(entry.name, entry.cells.each_ref().map(|cell| cell.as_str()))))
    };
    (Line::new(Style::Dim, head), entries.iter().map(row).collect())
}

/// How wide each column is, a blank before it included; 0 when there is no room for it.
fn widths(entries: &[Entry], mut room: usize, least: usize) -> [usize; COLUMNS.len()] {
    let mut widths = [0; COLUMNS.len()];
    let mut places: Vec<usize> = (0..COLUMNS.len()).collect();
    places.sort_by_key(|&place| COLUMNS[place].1);
    for place in places {
        let cells = entries.iter().map(|entry| entry.cells[place].len());
        let width = 1 + cells.chain([COLUMNS[place].0.len(), least]).max().unwrap_or(0);
        let Some(rest) = room.checked_sub(width) else { break };
        (widths[place], room) = (width, rest);
    }
    widths
}

fn entries(panel: &Panel, narrow: bool) -> Vec<Entry> {
    let shown = LANES.iter().enumerate().filter(|(_, lane)| is_active(panel, lane));
    shown
        .flat_map(|(place, lane)| {
            let others = lane.others.iter().filter(|&&series| !narrow && panel.total(series).is_some());
            std::iter::once(response(panel, place, narrow)).chain(others.map(|&series| other(panel, series)))
        })
        .collect()
}

/// Whether anything came of a service, or was to come.
pub(super) fn is_active(panel: &Panel, lane: &Lane) -> bool {
    let [_, wake, _] = lane.parts;
    (lane.came)(&panel.second) > 0 || panel.total(lane.response).is_some() || panel.second.row(wake).is_some()
}

fn response(panel: &Panel, place: usize, narrow: bool) -> Entry {
    let lane = &LANES[place];
    let parts = lane.parts.map(|part| panel.second.row(part).and_then(|row| row.p99_ns));
    let name = if narrow { lane.service } else { lane.response.name() };
    let rate = count(panel.rate(lane.came));
    Entry { lane: Some(place), name, cells: cells(panel, lane.response, rate, parts.map(milliseconds)) }
}

fn other(panel: &Panel, series: Series) -> Entry {
    let rate = panel.a_second(panel.second.row(series).map_or(0, |row| row.n));
    let nothing = [const { String::new() }; 3];
    Entry { lane: None, name: series.name(), cells: cells(panel, series, count(rate), nothing) }
}

/// The figures of a series in the order of the columns.
fn cells(panel: &Panel, series: Series, rate: String, parts: [String; 3]) -> [String; COLUMNS.len()] {
    let (now, all) = (panel.second.row(series), panel.total(series));
    let figure = |row: Option<&Row>, pick: fn(&Row) -> Option<u64>| milliseconds(row.and_then(pick));
    let [service, wake, socket] = parts;
    [
        rate,
        figure(now, |row| row.p50_ns),
        figure(now, |row| row.p99_ns),
        figure(now, |row| row.max_ns),
        service,
        wake,
        socket,
        figure(all, |row| row.p99_ns),
        figure(all, |row| row.max_ns),
    ]
}
