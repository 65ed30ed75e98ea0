//! The report as a summary that fits a screen.

use std::fmt::Write;

use super::numbers::{count, milliseconds, percent};
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

fn head(text: &mut String, report: &Report) {
    let Report { strain, descriptors, environment, verdict, plan, .. } = report;
    let word = match verdict.valid {
        true if report.seen.is_nothing() => "NOTHING SENT",
        true => "VALID",
        false => "INVALID",
    };
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
    line!(text, "{word}: {figures}, open files {} of {}", count(descriptors.need), count(descriptors.have));
    let Verdict { reasons, warnings, .. } = verdict;
    for (mark, said) in reasons.iter().map(|r| ("why", r)).chain(warnings.iter().map(|w| ("note", w))) {
        line!(text, "  {mark}: {said}");
    }
    let targets: Vec<String> =
        environment.targets.iter().map(|(service, at)| format!("{service} {at}")).collect();
    line!(text, "loadgen {}, run {}: {}", environment.loadgen, environment.run, targets.join(" + "));
    line!(text, "{}, drained in {:.1} s", plan.line(), report.drained_seconds);
}

fn table(text: &mut String, rows: &[Row]) {
    line!(
        text,
        "\n{:<17}{:>12}{:>10}{:>10}{:>10}{:>10}{:>10}   ms from the due time",
        "",
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
        let gloss = gloss(&row.name);
        let shown =
            format!("{:<17}{n:>12}{p50:>10}{p90:>10}{p99:>10}{p999:>10}{max:>10}   {gloss}", row.name);
        line!(text, "{}", shown.trim_end());
    }
}

/// What is not plain from a row's name.
fn gloss(name: &str) -> &'static str {
    match name {
        "chat.service" | "info.service" => "from the send: hides our own waiting",
        "chat.fanout" => "until the last recipient",
        "chat.join" | "chat.reconnect" => "from connecting",
        "chat.wake" | "info.wake" | "file.wake" | "registry.wake" => "we woke late",
        "chat.socket" => "the socket was full",
        "file.upload" => "until it is stored for good",
        "registry.seen" => "by each watcher",
        _ => "",
    }
}

fn chat(text: &mut String, chat: &Chat) {
    if chat.sent + chat.counts.foreign + chat.broken.len() as u64 == 0 {
        return;
    }
    let counts = &chat.counts;
    line!(
        text,
        "\nledger   sent {}  owed {}  ok {} ({})  lost {}  doubled {}  out of order {}",
        count(chat.sent),
        count(chat.owed),
        count(counts.ok),
        percent(counts.ok, chat.owed),
        count(chat.lost),
        count(counts.doubled),
        count(counts.out_of_order)
    );
    line!(
        text,
        "         corrupt {}  misrouted {}  foreign {}  late {}  excused {}",
        count(counts.corrupt),
        count(counts.misrouted),
        count(counts.foreign),
        count(counts.late),
        count(chat.excused)
    );
    if chat.forgone > 0 {
        line!(text, "         {} were owed to users to whom the server said goodbye", count(chat.forgone));
    }
    line!(
        text,
        "acks     {} of {}  refused {}  unsent {}",
        count(chat.acked),
        count(chat.sent),
        count(chat.refused),
        count(chat.unsent)
    );
    for (code, times) in &chat.errors {
        line!(text, "         the server said {code} {} times", count(*times));
    }
    for (why, times) in &chat.broken {
        line!(text, "         {} connections broke: {why}", count(*times));
    }
}

fn info(text: &mut String, info: &Info) {
    if info.sent == 0 {
        return;
    }
    let replies = &info.replies;
    line!(
        text,
        "queries  sent {}  answered {} ({})  unanswered {}  late {}  doubled {}  foreign {}",
        count(info.sent),
        count(replies.ok),
        percent(replies.ok, info.sent),
        count(replies.unanswered),
        count(replies.late),
        count(replies.doubled),
        count(replies.foreign)
    );
}

fn file(text: &mut String, files: &Files) {
    if files.sent == 0 {
        return;
    }
    line!(
        text,
        "files    sent {}  ok {} ({})  corrupt {}  resumed {}  refused {}  failed {}  {} MB",
        count(files.sent),
        count(files.ok),
        percent(files.ok, files.sent),
        count(files.corrupt),
        count(files.resumed),
        count(files.refused.values().sum()),
        count(files.failed.values().sum()),
        count(files.bytes / 1_000_000)
    );
    for (why, times) in files.refused.iter().chain(&files.failed) {
        line!(text, "         {} times: {why}", count(*times));
    }
}

fn registry(text: &mut String, entries: &Entries) {
    if entries.sent == 0 {
        return;
    }
    line!(
        text,
        "entries  sent {}  granted {}  owed {}  seen {} ({})  lost {}  doubled {}  out of order {}",
        count(entries.sent),
        count(entries.granted),
        count(entries.owed),
        count(entries.ok),
        percent(entries.ok, entries.owed),
        count(entries.lost),
        count(entries.doubled),
        count(entries.out_of_order)
    );
}

/// What the services have counted of it.
fn servers(text: &mut String, found: &Reconciliation) {
    for check in &found.checks {
        let finding = check.finding.as_deref().unwrap_or("the same");
        line!(
            text,
            "{:<17}we count {}, the service {}: {finding}",
            check.what,
            count(check.ours),
            count(check.theirs)
        );
    }
    if let Some(places) = found.unanswered.filter(|places| places.all() > 0) {
        let Unanswered { before_info, their_kernel, rate_limited, refused, our_kernel, behind_info } = places;
        let theirs =
            their_kernel.map_or(String::new(), |drops| format!(" (its kernel dropped {})", count(drops)));
        line!(
            text,
            "unanswered       before info {}{theirs}  rate limited {}  refused {}  our kernel {}  behind info {}",
            count(before_info),
            count(rate_limited),
            count(refused),
            count(our_kernel),
            count(behind_info)
        );
    }
    let cpu: Vec<String> =
        found.cpu.iter().map(|(service, share)| format!("{service} {:.0}%", share * 100.0)).collect();
    if !cpu.is_empty() {
        line!(text, "their cpu        {} of one core", cpu.join("  "));
    }
    for why in &found.unasked {
        line!(text, "not asked        {why}");
    }
}

fn tail(text: &mut String, report: &Report) {
    for judgement in &report.assertions {
        let word = if judgement.held { "held" } else { "FAILED" };
        line!(text, "assert   {word}: {} (found {})", judgement.assertion, judgement.found);
    }
    let breaches: Vec<_> =
        report.seen.breaches().iter().map(|(what, times)| format!("{what} {}", count(*times))).collect();
    let seen = &report.seen;
    let said = match breaches.as_slice() {
        [] if seen.chat.sent + seen.file.sent + seen.registry.sent == 0 => "is empty".to_owned(),
        [] => "held".to_owned(),
        breaches => format!("BROKEN: {}", breaches.join(", ")),
    };
    let cut = if report.interrupted { ", interrupted" } else { "" };
    line!(text, "the ledger {said}{cut}; exit {}", report.exit_code);
}
