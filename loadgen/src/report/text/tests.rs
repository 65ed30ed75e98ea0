use super::*;
use crate::ledger::Counts;
use crate::reconcile::Check;
use crate::recorder::{Recorder, Series};
use crate::report::tests::of;
use crate::scenario::info::Replies;

/// The report of the run that `loadgen` makes without any flags.
fn usual() -> Report {
    let mut recorder = Recorder::default();
    let series = Series::ALL.iter().copied();
    let used = series.filter(|series| ["chat.", "info."].iter().any(|kind| series.name().starts_with(kind)));
    for series in used.filter(|series| *series != Series::ChatReconnect) {
        (1..=10_000).for_each(|n| recorder.note(series, n * 5_000_000));
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
