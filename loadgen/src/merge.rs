//! Reports of load testers that ran at once, added up: histograms and ledgers, never percentiles.

use std::collections::BTreeSet;

use crate::assertion::{Assertion, Judgement};
use crate::environment::Environment;
use crate::failure::Failure;
use crate::hdr;
use crate::plan::Plan;
use crate::reconcile::Reconciliation;
use crate::recorder::{Recorder, Series};
use crate::report::{Evidence, Outcome, Report, Seen, Verdict, exit_code};
use crate::span::Span;
use crate::strain::Strain;

/// What stands between the runs of a sum.
const AND: &str = "+";
/// What a report of an older version leaves open.
const UNDATED: &str = "the report does not say when it was measured";
/// What stands before the name of a run.
const RUN: &str = "run ";

/// Adds up reports, of which there is at least one, that were measured at once, or whenever when `not_at_once`.
///
/// # Errors
/// [`Failure::Unlike`] for reports whose histograms can't be read, for one that is there twice, for those that
/// were not measured at once, and for none.
pub fn merge(reports: &[Report], not_at_once: bool) -> Result<Report, Failure> {
    each_once(reports)?;
    let apart = apart(reports);
    if let Some(apart) = apart.as_ref().filter(|_| !not_at_once) {
        return Err(Failure::Unlike(format!("{apart}; --not-at-once adds them up all the same")));
    }
    let Some(first) = reports.first() else {
        return Err(Failure::Unlike("there is no report to merge".into()));
    };
    let mut sum = added(first, reports, &recorded(reports)?);
    judge(&mut sum, reports);
    sum.verdict.warnings.extend(apart);
    sum.verdict.warnings.extend(undated(reports));
    Ok(sum)
}

/// All that they recorded, in one.
fn recorded(reports: &[Report]) -> Result<Recorder, Failure> {
    let mut total = Recorder::default();
    for (name, encoded) in reports.iter().flat_map(|report| &report.histograms) {
        add(&mut total, name, encoded)?;
    }
    Ok(total)
}

/// The sum, before it is judged.
fn added(first: &Report, reports: &[Report], total: &Recorder) -> Report {
    let mut seen = Seen::default();
    reports.iter().for_each(|report| seen.add(&report.seen));
    let runs: Vec<&str> = reports.iter().map(|report| report.environment.run.as_str()).collect();
    let spans = reports.iter().filter_map(|report| report.measured);
    Report {
        environment: Environment { run: runs.join(AND), ..first.environment.clone() },
        plan: plan(first, reports),
        measured: spans.reduce(|all, span| all.around(&span)),
        interrupted: reports.iter().any(|report| report.interrupted),
        drained_seconds: reports.iter().map(|report| report.drained_seconds).fold(0.0, f64::max),
        rows: total.rows(),
        clipped: reports.iter().map(|report| report.clipped).sum(),
        seen,
        // Each has asked the same services, which have counted the load of all.
        reconciliation: Reconciliation::default(),
        strain: strain(reports),
        timeline: Vec::new(),
        histograms: hdr::encode_all(total),
        ..first.clone()
    }
}

/// The first one's plan, with the people and the rates of all.
fn plan(first: &Report, reports: &[Report]) -> Plan {
    let mut sum = first.plan.clone();
    for Report { plan, .. } in &reports[1..] {
        sum.clients += plan.clients;
        sum.rooms += plan.rooms;
        sum.speakers += plan.speakers;
        sum.messages.per_second += plan.messages.per_second;
        sum.queries.per_second += plan.queries.per_second;
        sum.transfers.per_second += plan.transfers.per_second;
        sum.entries.per_second += plan.entries.per_second;
    }
    sum
}

/// Two of the runs that share no more than half of the time for which either was measured: what they did is no
/// load that a service has had.
fn apart(reports: &[Report]) -> Option<String> {
    let dated: Vec<(&Report, Span)> =
        reports.iter().filter_map(|report| Some((report, report.measured?))).collect();
    let mut pairs =
        dated.iter().enumerate().flat_map(|(place, a)| dated[..place].iter().map(move |b| (b, a)));
    let ((a, of_a), (b, of_b)) =
        pairs.find(|((_, a), (_, b))| a.shared(b) * 2 <= a.lasts().max(b.lasts()))?;
    let (a, b, shared) = (&a.environment.run, &b.environment.run, of_a.shared(of_b).as_secs_f64());
    Some(format!(
        "these were not measured at once: run {a} from {of_a}, run {b} from {of_b}, which is {shared:.1} s together"
    ))
}

/// That nobody can say whether runs of an older version were measured together with the others.
fn undated(reports: &[Report]) -> Vec<String> {
    let undated = reports.iter().filter(|report| report.measured.is_none());
    let said = undated.map(|report| (report.environment.run.as_str(), UNDATED));
    each_said_once(said, reports.len())
}

/// A run counts once: a sum that lies beside its parts, or a name that is typed twice, would count it again.
fn each_once(reports: &[Report]) -> Result<(), Failure> {
    let mut runs = BTreeSet::new();
    let mut all = reports.iter().flat_map(|report| report.environment.run.split(AND));
    let twice = all.find(|run| !runs.insert(*run));
    twice.map_or(Ok(()), |run| Err(Failure::Unlike(format!("run {run} is there twice"))))
}

fn add(total: &mut Recorder, name: &str, encoded: &str) -> Result<(), Failure> {
    let unreadable = || Failure::Unlike(format!("the histogram of {name} can't be read"));
    let series = Series::named(name).ok_or_else(unreadable)?;
    let histogram = hdr::decode(encoded).ok_or_else(unreadable)?;
    total.add(series, &histogram).map_err(|_| unreadable())
}

/// The effort of the most strained, and the CPU time of all: it is told for each delivery.
fn strain(reports: &[Report]) -> Strain {
    let most = reports.iter().max_by(|a, b| a.strain.cpu_share.total_cmp(&b.strain.cpu_share));
    let cpu_seconds = reports.iter().map(|report| report.strain.cpu_seconds).sum();
    Strain { cpu_seconds, ..most.map(|report| report.strain.clone()).unwrap_or_default() }
}

/// What any of them asserted, judged anew by what all of them have seen.
fn judged_anew(sum: &Report, reports: &[Report]) -> Vec<Judgement> {
    let written: BTreeSet<&str> = reports
        .iter()
        .flat_map(|report| &report.assertions)
        .map(|judgement| judgement.assertion.as_str())
        .collect();
    let assertions = written.into_iter().filter_map(|written| written.parse::<Assertion>().ok());
    let ran = reports.iter().flat_map(|report| report.plan.services()).collect();
    assertions.map(|assertion| assertion.judge(&ran, &sum.rows, &sum.seen)).collect()
}

/// A sum is valid when each of its parts is, and it is, too.
fn judge(sum: &mut Report, reports: &[Report]) {
    sum.verdict = verdict(sum, reports);
    sum.assertions = judged_anew(sum, reports);
    sum.exit_code = exit_code(&Outcome {
        interrupted: sum.interrupted,
        seen: &sum.seen,
        verdict: &sum.verdict,
        allow_client_limited: false,
        assertions: &sum.assertions,
    });
}

/// What was counted is told of all together. What else makes a run invalid is its own, and only without any such
/// is it asked whether all of them are.
fn verdict(sum: &Report, reports: &[Report]) -> Verdict {
    let (strain, rows, seen, clipped) = (&sum.strain, &sum.rows, &sum.seen, sum.clipped);
    let together = Verdict::of(&Evidence { strain, rows, seen, clipped });
    let own = reasons_of_their_own(reports);
    let reasons = if own.is_empty() { together.reasons } else { [own, of_counts(sum).reasons].concat() };
    let valid = reasons.is_empty() && reports.iter().all(|report| report.verdict.valid);
    let is_limited = |report: &Report| report.verdict.valid || report.verdict.client_limited_only;
    let client_limited_only = !valid && reports.iter().all(is_limited);
    Verdict { valid, client_limited_only, reasons, warnings: together.warnings }
}

/// What a report's counts alone say.
fn of_counts(report: &Report) -> Verdict {
    let (strain, seen, clipped) = (&Strain::default(), &report.seen, report.clipped);
    Verdict::of(&Evidence { strain, rows: &[], seen, clipped })
}

/// Why each of the invalid runs is, but for what was counted.
fn reasons_of_their_own(reports: &[Report]) -> Vec<String> {
    let said = reports.iter().filter(|report| !report.verdict.valid).flat_map(|report| {
        let counted = of_counts(report).reasons;
        let own = report.verdict.reasons.iter().filter(move |reason| !counted.contains(reason));
        own.map(|reason| (report.environment.run.as_str(), reason.as_str()))
    });
    each_said_once(said, reports.len())
}

/// What some of so many runs say, each once; by whom, where it is not all of them.
fn each_said_once<'a>(said: impl Iterator<Item = (&'a str, &'a str)>, runs: usize) -> Vec<String> {
    let mut once: Vec<(&str, Vec<&str>)> = Vec::new();
    for (run, words) in said {
        match once.iter_mut().find(|(known, _)| *known == words) {
            Some((_, by)) => by.push(run),
            None => once.push((words, vec![run])),
        }
    }
    let told = once.into_iter().map(|(words, by)| match by.as_slice() {
        by if by.len() == runs => words.to_owned(),
        // A sum that is a part of this one has named it.
        _ if words.starts_with(RUN) => words.to_owned(),
        by => format!("{RUN}{}: {words}", by.join(", ")),
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::{example, of};
    use crate::span::tests::span;

    /// The same as a run of another load tester.
    fn other(report: Report) -> Report {
        let run = format!("{}-other", report.environment.run);
        Report { environment: crate::environment::Environment { run, ..report.environment }, ..report }
    }

    #[test]
    fn percentiles_are_those_of_all_samples_together() {
        let mut slow = Recorder::default();
        (0..10).for_each(|_| slow.note(Series::ChatDelivery, 1_000_000_000));
        let mut fast = Recorder::default();
        (0..990).for_each(|_| fast.note(Series::ChatDelivery, 1_000_000));
        let sum = merge(&[of(&slow), other(of(&fast))], false).unwrap();
        let row = &sum.rows[0];
        assert_eq!(row.n, 1000);
        assert!(row.p99_ns < Some(2_000_000), "an average of both p99s would be half a second: {row:?}");
        assert!(row.max_ns >= Some(1_000_000_000));
    }

    #[test]
    fn ledgers_are_added_and_one_invalid_part_spoils_the_sum() {
        let mut lossy = example();
        lossy.seen.chat.lost = 2;
        let sum = merge(&[example(), other(lossy)], false).unwrap();
        assert_eq!(
            (sum.seen.chat.sent, sum.seen.chat.lost, sum.exit_code),
            (2 * example().seen.chat.sent, 2, 4)
        );
        assert_eq!(sum.plan.clients, 2 * example().plan.clients);
        let mut invalid = example();
        invalid.verdict = Verdict { reasons: vec!["out of breath".into()], ..Verdict::default() };
        let sum = merge(&[example(), other(invalid)], false).unwrap();
        assert!(!sum.verdict.valid && sum.verdict.reasons[0].ends_with("out of breath"));
        assert_eq!(sum.exit_code, 5);
    }

    /// A run that is invalid for these reasons, and left so many operations unsent.
    fn invalid(run: &str, reasons: &[&str], unsent: u64) -> Report {
        let mut report = example();
        report.environment.run = run.to_owned();
        report.seen.chat.unsent = unsent;
        let words = of_counts(&report).reasons;
        let reasons = [reasons.iter().map(|&reason| reason.to_owned()).collect(), words].concat();
        report.verdict = Verdict { client_limited_only: unsent == 0, reasons, ..Verdict::default() };
        report
    }

    #[test]
    fn each_reason_is_told_once_and_by_whom_when_not_all_say_it() {
        let runs = [invalid("a", &["hungry", "tired"], 0), invalid("b", &["tired"], 0)];
        let sum = merge(&runs, false).unwrap();
        assert_eq!(sum.verdict.reasons, ["run a: hungry", "tired"]);
        assert!(sum.verdict.client_limited_only);
        let runs = [sum, invalid("c", &["hungry"], 0)];
        let sum = merge(&runs, false).unwrap();
        assert_eq!(sum.verdict.reasons, ["run a: hungry", "run a+b: tired", "run c: hungry"]);
    }

    #[test]
    fn what_limited_the_most_strained_run_is_told_once() {
        let strained = |run: &str, share| {
            let mut report = example();
            report.environment.run = run.to_owned();
            report.strain = Strain { cpu_share: share, cores: 2, ..Strain::default() };
            let Report { strain, rows, seen, .. } = &report;
            report.verdict = Verdict::of(&Evidence { strain, rows, seen, clipped: 0 });
            report
        };
        let sum = merge(&[strained("a", 0.97), strained("b", 0.5)], false).unwrap();
        assert_eq!(sum.verdict.reasons.len(), 1, "{:?}", sum.verdict.reasons);
        assert!(
            sum.verdict.reasons[0].starts_with("run a: the generator used 97%"),
            "{:?}",
            sum.verdict.reasons
        );
    }

    #[test]
    fn what_was_counted_is_told_of_all_together() {
        let sum = merge(&[invalid("a", &[], 3), invalid("b", &["tired"], 4)], false).unwrap();
        let [own, counted] = sum.verdict.reasons.as_slice() else { panic!("{:?}", sum.verdict.reasons) };
        assert_eq!(own, "run b: tired");
        assert!(counted.starts_with("7 fell due and could not be sent"), "{counted}");
        assert!(!sum.verdict.valid && !sum.verdict.client_limited_only);
    }

    #[test]
    fn a_sum_is_added_to_none_of_its_parts() {
        let sum = merge(&[example(), other(example())], false).unwrap();
        for part in [example(), other(example())] {
            let refused = merge(&[sum.clone(), part], false).unwrap_err();
            assert!(refused.to_string().ends_with("is there twice"), "{refused}");
        }
    }

    #[test]
    fn a_run_counts_once() {
        let refused = merge(&[example(), other(example()), example()], false).unwrap_err();
        assert!(refused.to_string().ends_with("is there twice"), "{refused}");
    }

    /// A report that was measured from so many seconds to so many.
    fn measured(from: u64, to: u64) -> Report {
        Report { measured: Some(span(from, to)), ..example() }
    }

    #[test]
    fn runs_that_share_most_of_their_time_were_made_at_once() {
        let sum = merge(&[measured(0, 30), other(measured(10, 42))], false).unwrap();
        assert_eq!((sum.measured, sum.verdict.warnings.len()), (Some(span(0, 42)), 0));
        assert_eq!(sum.exit_code, 0);
    }

    #[test]
    fn runs_that_were_not_made_at_once_are_refused_unless_that_is_wanted() {
        for (from, to) in [(31, 60), (15, 45), (0, 15), (0, 60)] {
            let reports = [measured(0, 30), other(measured(from, to))];
            let refused = merge(&reports, false).unwrap_err();
            assert_eq!(refused.exit_code(), 2);
            let words = refused.to_string();
            assert!(words.starts_with("these were not measured at once: run "), "{words}");
            assert!(words.contains("from 2026-01-01T00:00:00.000Z to 2026-01-01T00:00:30.000Z"), "{words}");
            let sum = merge(&reports, true).unwrap();
            assert_eq!(sum.seen.chat.sent, 2 * example().seen.chat.sent);
            assert!(sum.verdict.warnings[0].starts_with("these were not measured at once"), "and it is told");
        }
    }

    #[test]
    fn a_run_that_does_not_say_when_it_was_is_added_with_a_word_of_it() {
        let sum = merge(&[measured(0, 30), other(example())], false).unwrap();
        assert_eq!(sum.verdict.warnings, ["run -other: the report does not say when it was measured"]);
    }

    #[test]
    fn the_effort_for_a_delivery_is_that_of_all() {
        let mut tired = example();
        tired.strain.cpu_seconds = 0.0006;
        let each = tired.cpu_of_a_delivery();
        let sum = merge(&[tired.clone(), other(tired)], false).unwrap();
        assert_eq!((sum.cpu_of_a_delivery(), each), (Some(10.0), Some(10.0)));
    }

    #[test]
    fn what_was_asserted_is_judged_by_what_all_have_seen() {
        let asserting = |assertion: &str, lost| {
            let mut report = example();
            report.plan.queries.per_second = 1.0;
            let (ran, judged) = (report.plan.services(), assertion.parse::<Assertion>().unwrap());
            report.assertions = vec![judged.judge(&ran, &report.rows, &report.seen)];
            report.seen.info.replies.unanswered = lost;
            report
        };
        let assertion = "info.unanswered<=2";
        let sum = merge(&[asserting(assertion, 2), other(asserting(assertion, 0))], false).unwrap();
        assert_eq!((sum.assertions.len(), sum.assertions[0].held, sum.exit_code), (1, true, 0));
        let sum = merge(&[asserting(assertion, 2), other(asserting(assertion, 1))], false).unwrap();
        assert_eq!((sum.assertions[0].held, sum.exit_code), (false, 3));
    }

    #[test]
    fn what_can_t_be_read_is_refused() {
        let mut garbled = example();
        garbled.histograms.insert("chat.delivery".into(), "nonsense".into());
        assert!(merge(&[example(), other(garbled)], false).is_err());
        assert!(merge(&[], false).is_err());
    }
}
