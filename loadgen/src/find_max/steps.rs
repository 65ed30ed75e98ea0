//! What the steps of a search have shown, and what follows.

use super::Bracket;
use crate::assertion::{Assertion, Judgement};
use crate::cli::Search;
use crate::failure::Failure;
use crate::report::Report;
use crate::report::numbers::count;

/// What a search found.
#[derive(Debug)]
pub struct Found {
    /// What each step did, and the knee.
    pub text: String,
    /// The run at the highest rate that held; else the one at the lowest that did not, or one that shows nothing.
    pub report: Option<Report>,
    /// What the process exits with: 0, 3 when no rate held, 5 when the generator was the limit, 130 when it was
    /// interrupted, or what says why a later step could not run.
    pub exit_code: u8,
}

fn head(search: &Search) -> String {
    let slo: Vec<String> = search.slo.iter().map(ToString::to_string).collect();
    format!("the highest rate with {}\n{:>12}  held\n", slo.join(", "), "a second")
}

pub(super) struct Steps {
    bracket: Bracket,
    text: String,
    best: Option<(f64, Report)>,
    /// That of the lowest rate that broke.
    broken: Option<Broken>,
    /// A step that was too short to say anything. No lower rate would say more.
    unknown: Option<Unknown>,
}

/// What a step has shown.
enum Shown {
    Held,
    /// Why it did not, and whether that was the generator itself.
    Broke(String, bool),
    /// Why nobody knows.
    Unknown(String),
}

/// A step that did not hold.
struct Broken {
    rate: f64,
    why: String,
    /// Whether that was the generator itself.
    is_ours: bool,
    report: Report,
}

/// A step of which nobody knows whether it held.
struct Unknown {
    rate: f64,
    why: String,
    report: Report,
}

impl Steps {
    pub(super) fn new(search: &Search) -> Self {
        let bracket = Bracket::new(search.within);
        Steps { bracket, text: head(search), best: None, broken: None, unknown: None }
    }

    pub(super) fn are_none(&self) -> bool {
        self.best.is_none() && self.broken.is_none()
    }

    /// The rate of the step behind that of `rate`; `None` when there is no more to know.
    pub(super) fn next(&self, rate: f64) -> Option<f64> {
        if self.unknown.is_some() { None } else { self.bracket.next(rate) }
    }

    /// Notes a step; in a line, what it did.
    pub(super) fn step(&mut self, rate: f64, report: Report, slo: &[Assertion]) -> String {
        let ran = report.plan.services();
        let judgements: Vec<Judgement> =
            slo.iter().map(|assertion| assertion.judge(&ran, &report.rows, &report.seen)).collect();
        let is_known = |assertion: &Assertion| assertion.too_few(&ran, &report.rows).is_none();
        let known: Vec<bool> = slo.iter().map(is_known).collect();
        let shown = shown(&report, &judgements, &known);
        let line = match &shown {
            Shown::Held => format!("{rate:>12.1}  yes: {}", said(&judgements)),
            Shown::Broke(why, _) => format!("{rate:>12.1}  no: {why}"),
            Shown::Unknown(why) => format!("{rate:>12.1}  not known: {why}"),
        };
        self.line(&line);
        self.keep(rate, report, shown);
        line
    }

    fn keep(&mut self, rate: f64, report: Report, shown: Shown) {
        match shown {
            Shown::Held => {
                self.bracket.note(rate, true);
                if self.best.as_ref().is_none_or(|(best, _)| *best < rate) {
                    self.best = Some((rate, report));
                }
            }
            Shown::Broke(why, is_ours) => {
                self.bracket.note(rate, false);
                if self.broken.as_ref().is_none_or(|lowest| rate < lowest.rate) {
                    self.broken = Some(Broken { rate, why, is_ours, report });
                }
            }
            Shown::Unknown(why) => self.unknown = Some(Unknown { rate, why, report }),
        }
    }

    /// Ends with what is known, because somebody interrupted a step; with what that one has seen when it was
    /// the first.
    pub(super) fn cut_off(mut self, rate: f64, report: Report) -> Found {
        self.line(&format!("{rate:>12.1}  interrupted"));
        let found = self.end();
        Found { report: found.report.or(Some(report)), exit_code: 130, ..found }
    }

    /// Ends with what is known, because a step did not come about.
    pub(super) fn failed(mut self, rate: f64, failure: &Failure) -> Found {
        self.line(&format!("{rate:>12.1}  {failure}"));
        Found { exit_code: failure.exit_code(), ..self.end() }
    }

    pub(super) fn end(mut self) -> Found {
        let exit_code = match (&self.best, &self.broken) {
            (_, Some(broken)) if broken.is_ours => 5,
            (Some(_), _) => 0,
            (None, _) => 3,
        };
        self.line(&self.what_held());
        let broken = self.broken.as_ref().map(Broken::words);
        broken.into_iter().flatten().for_each(|line| self.line(&line));
        self.advice().into_iter().for_each(|advice| self.line(advice));
        let best = self.best.map(|(_, report)| report);
        let broken = self.broken.map(|broken| broken.report);
        let unknown = self.unknown.map(|unknown| unknown.report);
        Found { report: best.or(broken).or(unknown), text: self.text, exit_code }
    }

    /// The knee, or the lowest rate that was tried in vain.
    fn what_held(&self) -> String {
        match (&self.best, &self.unknown, &self.broken) {
            (Some((rate, best)), ..) => format!("the knee: {rate:.1} a second held{}", deliveries(best)),
            (None, Some(Unknown { rate, why, .. }), _) => format!(
                "no rate is known to hold; the lowest that was tried, {rate:.1} a second, is not known: {why}"
            ),
            (None, None, Some(broken)) => {
                format!("no rate held; the lowest that was tried was {:.1} a second", broken.rate)
            }
            (None, None, None) => "no rate was tried to the end of its step".to_owned(),
        }
    }

    /// What to try when no rate held; what is not known says so itself.
    fn advice(&self) -> Option<&'static str> {
        let broken = self.broken.as_ref().filter(|_| self.best.is_none() && self.unknown.is_none())?;
        Some(if broken.is_ours {
            "try other cores for the load tester, fewer --clients or a longer --step"
        } else {
            "try fewer --clients, more --rooms or an --slo that can be kept; a run at that rate with --full says more"
        })
    }

    fn line(&mut self, line: &str) {
        self.text += line;
        self.text.push('\n');
    }
}

impl Broken {
    /// In a line or two.
    fn words(&self) -> Vec<String> {
        let mut lines = vec![format!("what gave out first, at {:.1} a second: {}", self.rate, self.why)];
        if self.is_ours {
            lines.push("that is the load tester's limit, not the server's".to_owned());
        }
        lines
    }
}

/// How many deliveries a second were owed in a run, where there were any.
fn deliveries(report: &Report) -> String {
    let lasted = report.plan.warmup_seconds + report.plan.steady_seconds;
    match (report.seen.chat.owed as f64 / lasted.max(1e-9)).round() as u64 {
        0 => String::new(),
        owed => format!(", {} deliveries a second", count(owed)),
    }
}

/// What was promised, and what was found.
fn said(judgements: &[Judgement]) -> String {
    let each = judgements.iter().map(|judged| format!("{} ({})", judged.assertion, judged.found));
    each.collect::<Vec<_>>().join(", ")
}

/// Whether a promise held. What breaks is known before what is not measured well enough.
fn shown(report: &Report, judgements: &[Judgement], known: &[bool]) -> Shown {
    let of = |wanted| -> Vec<&Judgement> {
        let each = judgements.iter().zip(known).filter(|(_, known)| **known == wanted);
        each.map(|(judgement, _)| judgement).collect()
    };
    match (what_gave_out(report, &of(true)), of(false)) {
        (Some((why, ours)), _) => Shown::Broke(why, ours),
        (None, unknown) if unknown.is_empty() => Shown::Held,
        (None, unknown) => Shown::Unknown(unmeasured(&unknown)),
    }
}

/// What was not measured often enough, and what would help.
fn unmeasured(promises: &[&Judgement]) -> String {
    let each = promises.iter().map(|judged| format!("{} has {}", judged.assertion, judged.found));
    let each = each.collect::<Vec<_>>().join(", ");
    format!("{each}; make --step longer, or begin with a higher rate")
}

/// What did not hold in a run, and whether that was the generator itself.
fn what_gave_out(report: &Report, judgements: &[&Judgement]) -> Option<(String, bool)> {
    if !report.verdict.valid {
        return Some((report.verdict.reasons.join("; "), report.verdict.client_limited_only));
    }
    let broken: Vec<String> =
        report.seen.breaches().iter().map(|(what, times)| format!("{what} {}", count(*times))).collect();
    if !broken.is_empty() {
        return Some((broken.join(", "), false));
    }
    let failed: Vec<String> = judgements
        .iter()
        .filter(|judgement| !judgement.held)
        .map(|judgement| format!("{} was {}", judgement.assertion, judgement.found))
        .collect();
    (!failed.is_empty()).then(|| (failed.join(", ") + &busiest(report), false))
}

/// The service that used most of a core, where that is known.
fn busiest(report: &Report) -> String {
    let most = report.reconciliation.cpu.iter().max_by(|a, b| a.1.total_cmp(&b.1));
    most.map_or(String::new(), |(service, cpu)| format!("; {service} used {:.0}% of a core", cpu * 100.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorder::{Recorder, Series};
    use crate::report::tests::{example, of};

    fn steps() -> Steps {
        let bracket = Bracket::new(0.05);
        Steps { bracket, text: String::new(), best: None, broken: None, unknown: None }
    }

    /// The report of a run with enough samples for its p99.
    fn measured() -> Report {
        let mut recorder = Recorder::default();
        (1..=1_000).for_each(|number| recorder.note(Series::ChatDelivery, number * 10_000));
        of(&recorder)
    }

    #[test]
    fn what_gave_out_is_named() {
        let (mut steps, slo) = (steps(), ["chat.delivery.p99<1s".parse().unwrap()]);
        steps.step(100.0, measured(), &slo);
        let mut slow = measured();
        slow.rows[0].p99_ns = Some(2_000_000_000);
        slow.reconciliation.cpu = vec![("chat".into(), 0.97)];
        steps.step(200.0, slow, &slo);
        let found = steps.end();
        assert_eq!(found.exit_code, 0);
        assert!(found.text.contains("the knee: 100.0 a second held"), "{}", found.text);
        let why = "at 200.0 a second: chat.delivery.p99<1s was 2,000 ms; chat used 97% of a core";
        assert!(found.text.contains(why), "{}", found.text);
    }

    #[test]
    fn a_search_that_the_generator_ends_says_so() {
        let mut steps = steps();
        let mut limited = example();
        limited.verdict.valid = false;
        limited.verdict.client_limited_only = true;
        limited.verdict.reasons = vec!["the generator used 99% of its 2 cores".into()];
        steps.step(100.0, limited, &[]);
        let found = steps.end();
        assert_eq!(found.exit_code, 5);
        assert!(
            found.text.contains("no rate held") && found.text.contains("99% of its 2 cores"),
            "{}",
            found.text
        );
    }

    #[test]
    fn what_has_too_few_samples_does_not_hold_and_ends_the_search() {
        let (mut steps, slo) =
            (steps(), ["chat.delivery.p99<1s".parse().unwrap(), "lost==0".parse().unwrap()]);
        let line = steps.step(100.0, example(), &slo);
        let why =
            "not known: chat.delivery.p99<1s has too few samples to know: 60 of 1,000; make --step longer";
        assert!(line.contains(why), "{line}");
        assert_eq!(steps.next(100.0), None, "a lower rate would have fewer");
        let found = steps.end();
        assert_eq!(found.exit_code, 3);
        let known =
            "no rate is known to hold; the lowest that was tried, 100.0 a second, is not known: chat.deliv";
        assert!(found.text.contains(known) && found.report.is_some(), "{}", found.text);
    }

    #[test]
    fn when_no_rate_held_it_says_how_low_it_went_and_what_to_try() {
        let (mut steps, slo) = (steps(), ["chat.sent<5".parse().unwrap()]);
        steps.step(100.0, example(), &slo);
        steps.step(50.0, example(), &slo);
        let found = steps.end();
        let told: Vec<&str> = found.text.lines().skip(2).collect();
        assert_eq!(told[0], "no rate held; the lowest that was tried was 50.0 a second");
        assert!(told[1].starts_with("what gave out first, at 50.0 a second: chat.sent<5 was 20"), "{told:?}");
        assert!(told[2].starts_with("try fewer --clients") && told.len() == 3, "{told:?}");
        assert_eq!(found.exit_code, 3);
    }

    #[test]
    fn a_search_that_was_cut_off_at_once_says_that_nothing_was_tried() {
        let found = steps().cut_off(100.0, example());
        assert!(found.text.ends_with("no rate was tried to the end of its step\n"), "{}", found.text);
    }

    #[test]
    fn what_is_known_to_break_breaks_whatever_else_is_not_known() {
        let (mut steps, slo) =
            (steps(), ["chat.delivery.p99<1s".parse().unwrap(), "chat.sent<5".parse().unwrap()]);
        let line = steps.step(100.0, example(), &slo);
        assert!(line.contains("no: chat.sent<5 was 20"), "{line}");
        assert_eq!(steps.next(100.0), Some(50.0));
    }

    #[test]
    fn what_was_known_before_an_end_is_told() {
        let slo = ["chat.delivery.p99<1s".parse().unwrap()];
        let known = || {
            let mut steps = steps();
            steps.step(100.0, measured(), &slo);
            steps
        };
        let cut_off = known().cut_off(200.0, example());
        assert_eq!(cut_off.exit_code, 130);
        let told = "       200.0  interrupted\nthe knee: 100.0 a second held";
        assert!(cut_off.text.contains(told), "{}", cut_off.text);
        assert_eq!(cut_off.report.unwrap().rows[0].n, 1_000, "the best run, not the one that was cut off");
        let failed = known().failed(200.0, &Failure::Interrupted);
        assert_eq!(failed.exit_code, 130);
        assert!(failed.text.contains("the knee: 100.0 a second held"), "{}", failed.text);
        let first = steps().cut_off(100.0, example());
        assert!(first.report.is_some() && first.exit_code == 130);
    }
}
