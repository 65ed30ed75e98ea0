//! Latencies: of each operation what a user waits, and apart from it where that time went.

use std::fmt::Write;

use super::line;
use crate::recorder::Row;
use crate::report::Report;
use crate::report::lateness::is_negligible;
use crate::report::numbers::{count, milliseconds};
use crate::report::wrap::flow;

/// The parts of a response, by the ends of their series' names, and what is not plain from these.
const PARTS: [(&str, &str); 3] =
    [(".service", "service: from sent"), (".wake", "wake: we were late"), (".socket", "socket: it was full")];
/// What else is not plain from a series' name.
const OTHERS: [(&str, &str); 2] = [(".fanout", "fanout: to the last"), (".read", "read: we saw it late")];

/// A row for each series.
pub(super) fn full(text: &mut String, report: &Report) {
    let all: Vec<&Row> = report.rows.iter().collect();
    rows(text, report, all.iter().copied());
    legend(text, report, &all);
}

/// A row for each response, and one for all parts of it.
pub(super) fn short(text: &mut String, report: &Report) {
    let told: Vec<&Row> = report.rows.iter().filter(|row| !is_negligible(row, &report.rows)).collect();
    let is_part = |row: &&Row| PARTS.iter().any(|(end, _)| row.name.ends_with(end));
    rows(text, report, told.iter().copied().filter(|row| !is_part(row)));
    let mut services: Vec<&str> =
        told.iter().copied().filter(is_part).map(|row| service(&row.name)).collect();
    services.dedup();
    parts(text, &services, &report.rows);
    legend(text, report, &told);
}

fn rows<'a>(text: &mut String, report: &Report, rows: impl Iterator<Item = &'a Row>) {
    let (head, n) = (since(report), "n");
    line!(text, "{head:<16}{n:>13}{:>10}{:>10}{:>10}{:>10}{:>10}", "p50", "p90", "p99", "p99.9", "max");
    for row in rows.filter(|row| row.n > 0) {
        let [p50, p90, p99, p999, max] =
            [row.p50_ns, row.p90_ns, row.p99_ns, row.p999_ns, row.max_ns].map(milliseconds);
        let n = count(row.n);
        line!(text, "{:<16}{n:>13}{p50:>10}{p90:>10}{p99:>10}{p999:>10}{max:>10}", row.name);
    }
}

/// From when the times are taken. A closed loop takes those of chat from the send.
fn since(report: &Report) -> &'static str {
    let is_alone = report.plan.services().iter().all(|service| *service == "chat");
    match (report.plan.closed, is_alone) {
        (false, _) => "ms, due to seen",
        (true, true) => "ms, sent to seen",
        (true, false) => "ms",
    }
}

fn service(series: &str) -> &str {
    series.split('.').next().unwrap_or(series)
}

/// The service time has as many samples as the response, so its n is told there.
fn parts(text: &mut String, services: &[&str], rows: &[Row]) {
    if services.is_empty() {
        return;
    }
    let lag = |what| format!("{:>10}{:>8}{:>8}", format!("{what} n"), "p99", "max");
    line!(text, "{:<8}{:>12}{:>8}{}{}", "in parts", "service p99", "max", lag("wake"), lag("socket"));
    for service in services {
        let figures = PARTS.map(|(end, _)| {
            let row = rows.iter().find(|row| row.name == format!("{service}{end}"));
            let [p99, max] =
                [row.and_then(|row| row.p99_ns), row.and_then(|row| row.max_ns)].map(milliseconds);
            (count(row.map_or(0, |row| row.n)), p99, max)
        });
        let [(_, p99, max), wake, socket] = figures;
        let lag = |(n, p99, max)| format!("{n:>10}{p99:>8}{max:>8}");
        line!(text, "{service:<8}{p99:>12}{max:>8}{}{}", lag(wake), lag(socket));
    }
}

fn legend(text: &mut String, report: &Report, told: &[&Row]) {
    let is_there = |end: &str| told.iter().any(|row| row.n > 0 && row.name.ends_with(end));
    let known = PARTS.iter().chain(&OTHERS).filter(|(end, _)| is_there(end)).map(|(_, words)| *words);
    let is_mixed = since(report) == "ms";
    let closed = is_mixed.then_some("chat: from sent, the others: from due");
    let legend: Vec<&str> = known.chain(closed).collect();
    if !legend.is_empty() {
        text.push_str(&flow("", &legend, "  ", 0));
    }
}
