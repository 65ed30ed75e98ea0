//! What became of everything, service by service, and what that comes to.

use super::{Detail, put, said};
use crate::report::numbers::{count, counted, percent};
use crate::report::wrap::flow;
use crate::report::{Chat, Info, Report, Seen};
use crate::scenario::file::Files;
use crate::scenario::registry::Entries;

/// What breaks a ledger when it is not nothing, and by whom it is asked.
const KINDS: [(&str, [bool; 3]); 5] = [
    // chat, file, registry
    ("lost", [true, true, true]),
    ("doubled", [true, false, true]),
    ("out of order", [true, false, true]),
    ("corrupt", [true, true, false]),
    ("misrouted", [true, false, false]),
];

/// A line for each service that was asked for anything.
pub(super) fn write(text: &mut String, seen: &Seen, detail: Detail) {
    chat(text, &seen.chat, detail);
    info(text, &seen.info, detail);
    file(text, &seen.file, detail);
    registry(text, &seen.registry, detail);
}

/// What it comes to, and the exit code.
pub(super) fn verdict(text: &mut String, report: &Report) {
    let Seen { chat, info, file, registry } = &report.seen;
    let breaches: Vec<_> =
        report.seen.breaches().iter().map(|(what, times)| format!("{what} {}", count(*times))).collect();
    let sent = [chat.sent > 0, file.sent > 0, registry.sent > 0];
    let words = match breaches.as_slice() {
        [] if sent.contains(&true) => format!("the ledger held: none {}", kinds(sent)),
        [] if info.sent > 0 => "no ledger: a datagram owes no answer".to_owned(),
        [] => "the ledger is empty".to_owned(),
        breaches => format!("the ledger BROKEN: {}", breaches.join(", ")),
    };
    let cut = if report.interrupted { "; interrupted" } else { "" };
    put(text, &format!("{words}{cut}; exit {}", report.exit_code), 2);
}

/// All that did not happen to these services, such as `lost or corrupt`.
fn kinds(sent: [bool; 3]) -> String {
    let is_asked = |by: &[bool; 3]| by.iter().zip(sent).any(|(asks, sent)| *asks && sent);
    let kinds: Vec<&str> = KINDS.iter().filter(|(_, by)| is_asked(by)).map(|(kind, _)| *kind).collect();
    match kinds.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        _ => kinds.concat(),
    }
}

/// A service's figures: those that are always told, those that are when they are something or all is wanted,
/// and those that are when they are something.
fn figures(
    mark: &str,
    always: &[String],
    wrong: &[(&str, u64)],
    odd: &[(&str, u64)],
    detail: Detail,
) -> String {
    let wrong = wrong.iter().filter(|(_, number)| *number > 0 || detail == Detail::Full);
    let odd = odd.iter().filter(|(_, number)| *number > 0);
    let told = wrong.chain(odd).map(|(what, number)| said(what, *number));
    let parts: Vec<String> = always.iter().cloned().chain(told).collect();
    flow(&format!("{mark:<9}"), &parts, "  ", 9)
}

/// A count that is a part of something.
fn share(what: &str, part: u64, whole: u64) -> String {
    format!("{what} {} ({})", count(part), percent(part, whole))
}

/// A line that belongs to the one above it.
fn beneath(text: &mut String, line: &str) {
    put(text, &format!("         {line}"), 9);
}

fn chat(text: &mut String, chat: &Chat, detail: Detail) {
    if chat.sent + chat.counts.foreign + chat.broken.len() as u64 == 0 {
        return;
    }
    let Chat { counts: came, .. } = chat;
    let always = [
        said("sent", chat.sent),
        said("acked", chat.acked),
        said("owed", chat.owed),
        share("ok", came.ok, chat.owed),
        said("lost", chat.lost),
    ];
    let wrong = [
        ("doubled", came.doubled),
        ("out of order", came.out_of_order),
        ("corrupt", came.corrupt),
        ("misrouted", came.misrouted),
        ("foreign", came.foreign),
        ("late", came.late),
    ];
    let odd = [
        ("refused", chat.refused),
        ("unsent", chat.unsent),
        ("excused", chat.excused),
        ("owed after a goodbye", chat.forgone),
    ];
    text.push_str(&figures("ledger", &always, &wrong, &odd, detail));
    for (code, times) in &chat.errors {
        beneath(text, &format!("the server said {code} {}", counted(*times, "time")));
    }
    for (why, times) in &chat.broken {
        beneath(text, &format!("{} broke: {why}", counted(*times, "connection")));
    }
}

fn info(text: &mut String, info: &Info, detail: Detail) {
    if info.sent == 0 {
        return;
    }
    let replies = &info.replies;
    let always = [
        said("sent", info.sent),
        share("answered", replies.ok, info.sent),
        said("unanswered", replies.unanswered),
    ];
    let wrong = [("late", replies.late), ("doubled", replies.doubled), ("foreign", replies.foreign)];
    text.push_str(&figures("queries", &always, &wrong, &[], detail));
}

fn file(text: &mut String, files: &Files, detail: Detail) {
    if files.sent == 0 {
        return;
    }
    let always = [
        said("sent", files.sent),
        share("ok", files.ok, files.sent),
        said("lost", files.lost),
        said("resumed", files.resumed),
        said("MB", files.bytes / 1_000_000),
    ];
    let odd = [("refused", files.refused.values().sum()), ("not ended", files.unended())];
    text.push_str(&figures("files", &always, &[("corrupt", files.corrupt)], &odd, detail));
    for (why, times) in files.refused.iter().chain(&files.failed) {
        beneath(text, &format!("{}: {why}", counted(*times, "time")));
    }
}

fn registry(text: &mut String, entries: &Entries, detail: Detail) {
    if entries.sent == 0 {
        return;
    }
    let always = [
        said("sent", entries.sent),
        said("granted", entries.granted),
        said("owed", entries.owed),
        share("seen", entries.ok, entries.owed),
        said("lost", entries.lost),
    ];
    let wrong = [("doubled", entries.doubled), ("out of order", entries.out_of_order)];
    let odd = [("refused", entries.refused), ("not answered", entries.unanswered())];
    text.push_str(&figures("entries", &always, &wrong, &odd, detail));
}
