//! The report as a summary that fits a screen of 80 columns and 24 lines, unless there is more to say.

use std::fmt::Write;

use super::numbers::{count, milliseconds, percent};
use super::wrap::{flow, wrap};
use crate::reconcile::{Reconciliation, Unanswered};
use crate::recorder::Row;
use crate::report::{Chat, Info, Report, Verdict};
use crate::scenario::file::Files;
use crate::scenario::registry::Entries;

/// Writes the summary.
pub fn summary(report: &Report) -> String {
    let mut text = String::new();
    head(&mut text, report);
    table(&mut text, &report.rows);
    chat(&mut text, &report.seen.chat);
    info(&mut text, &report.seen.info);
    file(&mut text, &report.seen.file);
    registry(&mut text, &report.seen.registry);
    servers(&mut text, &report.reconciliation);
    tail(&mut text, report);
    text
}

/// Appends a line; writing to a string never fails.
macro_rules! line {
    ($text:expr, $($words:tt)*) => { let _ = writeln!($text, $($words)*); };
}

/// Appends a line that may be too long for a screen.
fn put(text: &mut String, line: &str, indent: usize) {
    text.push_str(&wrap(line, indent));
}

fn head(text: &mut String, report: &Report) {
    let Report { environment, verdict, plan, .. } = report;
    let word = if verdict.valid { "VALID" } else { "INVALID" };
    put(text, &format!("{word}: {}", effort(report)), 2);
    let Verdict { reasons, warnings, .. } = verdict;
    for (mark, said) in reasons.iter().map(|r| ("why", r)).chain(warnings.iter().map(|w| ("note", w))) {
        put(text, &format!("  {mark}: {said}"), 4);
    }
    let targets: Vec<String> =
        environment.targets.iter().map(|(service, at)| format!("{service} {at}")).collect();
    put(
        text,
        &format!("loadgen {}, run {}: {}", environment.loadgen, environment.run, targets.join(" + ")),
        2,
    );
    put(text, &format!("{}, drained in {:.1} s", plan.line(), report.drained_seconds), 2);
}

/// How hard the load tester had to work.
fn effort(report: &Report) -> String {
    let Report { strain, descriptors, .. } = report;
    let mut figures = format!("cpu {:.0}% of {} cores", strain.cpu_share * 100.0, strain.cores);
    if let Some(each) = report.cpu_of_a_delivery() {
        let _ = write!(figures, ", {each:.2} µs a delivery");
    }
    if let Some(share) = strain.busiest_shard_share {
        let _ = write!(figures, ", busiest reader {:.0}% of one", share * 100.0);
    }
    if let Some(times) = strain.throttled {
        let _ = write!(figures, ", throttled {}", count(times));
    }
    if descriptors.need * 10 > descriptors.have * 8 {
        let _ = write!(figures, ", open files {} of {}", count(descriptors.need), count(descriptors.have));
    }
    figures
}

/// What is not plain from the names in the table.
const LEGEND: [(&str, &str); 4] = [
    (".service", "service: from sent"),
    (".fanout", "fanout: to the last"),
    (".wake", "wake: we were late"),
    (".socket", "socket: it was full"),
];

fn table(text: &mut String, rows: &[Row]) {
    line!(
        text,
        "{:<16}{:>13}{:>10}{:>10}{:>10}{:>10}{:>10}",
        "ms, due to seen",
        "n",
        "p50",
        "p90",
        "p99",
        "p99.9",
        "max"
    );
    for row in rows.iter().filter(|row| row.n > 0) {
        let [p50, p90, p99, p999, max] =
            [row.p50_ns, row.p90_ns, row.p99_ns, row.p999_ns, row.max_ns].map(milliseconds);
        let n = count(row.n);
        line!(text, "{:<16}{n:>13}{p50:>10}{p90:>10}{p99:>10}{p999:>10}{max:>10}", row.name);
    }
    let is_there = |end: &str| rows.iter().any(|row| row.n > 0 && row.name.ends_with(end));
    let legend: Vec<&str> = LEGEND.iter().filter(|(end, _)| is_there(end)).map(|(_, words)| *words).collect();
    if !legend.is_empty() {
        text.push_str(&flow("", &legend, "  ", 0));
    }
}

/// A line of what must be told even when it is nothing, and of counts that must be when they are something.
fn counts(mark: &str, always: &[String], if_any: &[(&str, u64)]) -> String {
    let some = if_any.iter().filter(|(_, number)| *number > 0).map(|(what, number)| said(what, *number));
    let told: Vec<String> = always.iter().cloned().chain(some).collect();
    flow(&format!("{mark:<9}"), &told, "  ", 9)
}

fn said(what: &str, number: u64) -> String {
    format!("{what} {}", count(number))
}

/// A count that is a part of something.
fn share(what: &str, part: u64, whole: u64) -> String {
    format!("{what} {} ({})", count(part), percent(part, whole))
}

fn chat(text: &mut String, chat: &Chat) {
    if chat.sent + chat.counts.foreign + chat.broken.len() as u64 == 0 {
        return;
    }
    let Chat { counts: came, .. } = chat;
    let ledger = [
        said("sent", chat.sent),
        said("acked", chat.acked),
        said("owed", chat.owed),
        share("ok", came.ok, chat.owed),
        said("lost", chat.lost),
        said("doubled", came.doubled),
        said("out of order", came.out_of_order),
        said("corrupt", came.corrupt),
        said("misrouted", came.misrouted),
        said("foreign", came.foreign),
        said("late", came.late),
    ];
    let rest = [
        ("refused", chat.refused),
        ("unsent", chat.unsent),
        ("excused", chat.excused),
        ("owed after a goodbye", chat.forgone),
    ];
    text.push_str(&counts("ledger", &ledger, &rest));
    for (code, times) in &chat.errors {
        put(text, &format!("         the server said {code} {} times", count(*times)), 9);
    }
    for (why, times) in &chat.broken {
        put(text, &format!("         {} connections broke: {why}", count(*times)), 9);
    }
}

fn info(text: &mut String, info: &Info) {
    if info.sent == 0 {
        return;
    }
    let replies = &info.replies;
    let always = [
        said("sent", info.sent),
        share("answered", replies.ok, info.sent),
        said("unanswered", replies.unanswered),
    ];
    let if_any = [("late", replies.late), ("doubled", replies.doubled), ("foreign", replies.foreign)];
    text.push_str(&counts("queries", &always, &if_any));
}

fn file(text: &mut String, files: &Files) {
    if files.sent == 0 {
        return;
    }
    let always = [
        said("sent", files.sent),
        share("ok", files.ok, files.sent),
        said("lost", files.lost),
        said("corrupt", files.corrupt),
        said("resumed", files.resumed),
        said("MB", files.bytes / 1_000_000),
    ];
    let if_any = [("refused", files.refused.values().sum()), ("not ended", files.unended())];
    text.push_str(&counts("files", &always, &if_any));
    for (why, times) in files.refused.iter().chain(&files.failed) {
        put(text, &format!("         {} times: {why}", count(*times)), 9);
    }
}

fn registry(text: &mut String, entries: &Entries) {
    if entries.sent == 0 {
        return;
    }
    let always = [
        said("sent", entries.sent),
        said("granted", entries.granted),
        said("owed", entries.owed),
        share("seen", entries.ok, entries.owed),
        said("lost", entries.lost),
        said("doubled", entries.doubled),
        said("out of order", entries.out_of_order),
    ];
    text.push_str(&counts("entries", &always, &[]));
}

/// What the services have counted of it.
fn servers(text: &mut String, found: &Reconciliation) {
    let same: Vec<&str> = found
        .checks
        .iter()
        .filter(|check| check.finding.is_none())
        .map(|check| check.what.as_str())
        .collect();
    if !same.is_empty() {
        put(text, &format!("books    both sides count the same {}", same.join(", ")), 9);
    }
    for check in &found.checks {
        if let Some(finding) = &check.finding {
            let (what, ours, theirs) = (&check.what, count(check.ours), count(check.theirs));
            put(text, &format!("books    {what}: we count {ours}, the service {theirs}: {finding}"), 9);
        }
    }
    if let Some(places) = found.unanswered.filter(|places| places.all() > 0) {
        unanswered(text, &places);
    }
    let cpu: Vec<String> =
        found.cpu.iter().map(|(service, share)| format!("{service} {:.0}%", share * 100.0)).collect();
    if !cpu.is_empty() {
        put(text, &format!("servers  cpu {} of one core", cpu.join(", ")), 9);
    }
    for why in &found.unasked {
        put(text, &format!("books    not compared: {why}"), 9);
    }
}

/// Where the queries stayed that nobody answered.
fn unanswered(text: &mut String, places: &Unanswered) {
    let kernel = match places.their_kernel {
        Some(drops) => format!("before info (its kernel dropped {})", count(drops)),
        None => "before info".to_owned(),
    };
    let stayed = [
        said(&kernel, places.before_info),
        said("rate limited", places.rate_limited),
        said("refused", places.refused),
        said("our kernel", places.our_kernel),
        said("behind info", places.behind_info),
    ];
    text.push_str(&counts("lost at", &stayed, &[]));
}

fn tail(text: &mut String, report: &Report) {
    for judgement in &report.assertions {
        let word = if judgement.held { "held" } else { "FAILED" };
        put(text, &format!("assert   {word}: {} (found {})", judgement.assertion, judgement.found), 9);
    }
    let breaches: Vec<_> =
        report.seen.breaches().iter().map(|(what, times)| format!("{what} {}", count(*times))).collect();
    let seen = &report.seen;
    let words = match breaches.as_slice() {
        [] if seen.chat.sent + seen.file.sent + seen.registry.sent == 0 => "is empty".to_owned(),
        [] => "held".to_owned(),
        breaches => format!("BROKEN: {}", breaches.join(", ")),
    };
    let cut = if report.interrupted { ", interrupted" } else { "" };
    put(text, &format!("the ledger {words}{cut}; exit {}", report.exit_code), 2);
}

#[cfg(test)]
mod tests;
