use super::*;
use crate::ledger::Counts;
use crate::reconcile::Check;
use crate::recorder::{Recorder, Series};
use crate::report::numbers::milliseconds;
use crate::report::tests::of;
use crate::report::{Chat, Info};
use crate::scenario::file::Files;
use crate::scenario::info::Replies;
use crate::scenario::registry::Entries;

/// The report of the run that `loadgen` makes without any flags.
fn usual() -> Report {
    let mut recorder = Recorder::default();
    let series = Series::ALL.iter().copied();
    let used = series.filter(|series| ["chat.", "info."].iter().any(|kind| series.name().starts_with(kind)));
    for series in used.filter(|series| *series != Series::ChatReconnect) {
        // Readers are late, but not so late that it would be worth a word.
        let each = if series.name().ends_with(".read") { 1_000 } else { 5_000_000 };
        (1..=10_000).for_each(|n| recorder.note(series, n * each));
    }
    let mut report = of(&recorder);
    report.environment.targets = [("chat", "172.30.0.3:9001"), ("info", "172.30.0.4:9002")]
        .map(|(what, at)| (what.to_owned(), at.to_owned()))
        .into();
    report.plan.steady_seconds = 30.0;
    let counts = Counts { ok: 161_700, ..Counts::default() };
    report.seen.chat = Chat { sent: 3_300, acked: 3_300, owed: 161_700, counts, ..Chat::default() };
    report.seen.info = Info { sent: 3_300, replies: Replies { ok: 3_300, ..Replies::default() } };
    let check = |what: &str| Check { what: what.into(), ours: 1, theirs: 1, finding: None };
    report.reconciliation.checks = ["chat messages", "chat deliveries", "info queries"].map(check).into();
    report.reconciliation.cpu = vec![("chat".into(), 0.12), ("info".into(), 0.03)];
    report
}

#[test]
fn readers_have_a_row_when_their_lateness_is_worth_a_word() {
    assert!(!summary(&usual()).contains("chat.read"));
    let mut late = usual();
    for row in late.rows.iter_mut().filter(|row| row.name == "chat.read") {
        row.p99_ns = Some(30_000_000_000);
    }
    let words = summary(&late);
    assert!(words.contains("\nchat.read ") && words.contains("read: we saw it late"), "{words}");
    assert!(!words.contains("info.read"), "{words}");
}

#[test]
fn a_summary_fits_a_screen_and_begins_with_its_verdict() {
    let words = summary(&usual());
    assert!(words.starts_with("VALID: "), "{words}");
    assert!(words.lines().count() < 24, "and a line for the prompt:\n{words}");
    assert!(words.lines().all(|line| line.chars().count() <= 80), "{words}");
    let mut report = usual();
    report.verdict.valid = false;
    report.verdict.reasons = vec!["the generator used 99% of its 2 cores; ".repeat(4)];
    let words = summary(&report);
    assert!(
        words.starts_with("INVALID: ") && words.lines().all(|line| line.chars().count() <= 80),
        "{words}"
    );
}

/// The report of a run of all four services.
fn mixed() -> Report {
    let mut recorder = Recorder::default();
    for &series in Series::ALL.iter().filter(|series| **series != Series::ChatReconnect) {
        // Our readers were hardly late.
        let step = if series.name().ends_with(".read") { 5_000 } else { 5_000_000 };
        (1..=10_000).for_each(|n| recorder.note(series, n * step));
    }
    let mut report = Report { rows: recorder.rows(), ..usual() };
    let ports = [("chat", 9001), ("file", 9003), ("info", 9002), ("registry", 9000)];
    report.environment.targets = ports.map(|(what, port)| (what.into(), format!("127.0.0.1:{port}"))).into();
    report.plan.queries.per_second = 100.0;
    (report.plan.transfers.per_second, report.plan.file_bytes) = (5.0, 65_536);
    report.plan.entries.per_second = 20.0;
    let files = Files { sent: 165, ok: 165, resumed: 16, bytes: 10_813_440, ..Files::default() };
    let entries = Entries { sent: 660, granted: 660, owed: 2_640, ok: 2_640, ..Entries::default() };
    (report.seen.file, report.seen.registry) = (files, entries);
    let check = |what: &str| Check { what: what.into(), ours: 1, theirs: 1, finding: None };
    let (uploads, entered) = (check("file uploads"), check("registry entries"));
    report.reconciliation.checks.extend([uploads, entered]);
    report
}

#[test]
fn all_four_services_fit_thirty_lines() {
    let words = summary(&mixed());
    assert!(words.lines().count() <= 30 && words.lines().all(|line| line.chars().count() <= 80), "{words}");
    for told in [
        "on 127.0.0.1: chat 9001 + file 9003 + info 9002 + registry 9000",
        "the same on both sides: messages, deliveries, queries, uploads, entries",
        "the ledger held: none lost, doubled, out of order, corrupt or misrouted; exit 0",
    ] {
        assert!(words.contains(told), "{told}:\n{words}");
    }
}

#[test]
fn each_part_of_a_response_has_its_maximum_and_its_samples() {
    let report = mixed();
    let words = summary(&report);
    let parts = words.lines().skip_while(|line| !line.starts_with("in parts ")).skip(1).take(4);
    for (line, service) in parts.zip(["chat", "info", "file", "registry"]) {
        let row = report.rows.iter().find(|row| row.name == format!("{service}.wake")).unwrap();
        let [p99, max] = [row.p99_ns, row.max_ns].map(milliseconds);
        let [p99, max] = [p99.as_str(), max.as_str()];
        assert_eq!(
            line.split_whitespace().collect::<Vec<_>>(),
            [service, p99, max, "10,000", p99, max, "10,000", p99, max],
            "{words}"
        );
    }
}

#[test]
fn in_full_every_series_has_a_row_and_what_is_nothing_is_told() {
    let (report, words) = (mixed(), full(&mixed()));
    for row in &report.rows {
        assert!(words.contains(&format!("\n{} ", row.name)), "{}:\n{words}", row.name);
    }
    for told in ["misrouted 0", "corrupt 0", "chat messages: we count 1, the service 1: the same"] {
        assert!(words.contains(told) && !summary(&report).contains(told), "{told}:\n{words}");
    }
}

#[test]
fn what_breaks_the_ledger_is_told_as_soon_as_there_is_any() {
    let mut report = mixed();
    report.seen.chat.counts.misrouted = 2;
    report.seen.chat.broken.insert("reset".into(), 1);
    let words = summary(&report);
    for told in ["misrouted 2", "1 connection broke: reset", "BROKEN: misrouted 2, connections broken 1;"] {
        assert!(words.contains(told), "{told}:\n{words}");
    }
}

#[test]
fn a_closed_loop_does_not_say_that_its_times_are_from_the_due_time() {
    let mut report = usual();
    report.plan.closed = true;
    assert!(summary(&report).contains("\nms, sent to seen "), "{}", summary(&report));
    report.plan.queries.per_second = 100.0;
    let words = summary(&report);
    assert!(words.contains("\nms ") && words.contains("chat: from sent, the others: from due"), "{words}");
}

#[test]
fn queries_alone_have_no_ledger() {
    let mut report = usual();
    report.seen.chat = Chat::default();
    assert!(
        summary(&report).ends_with("no ledger: a datagram owes no answer; exit 0\n"),
        "{}",
        summary(&report)
    );
}
