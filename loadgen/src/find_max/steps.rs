//! What the steps of a search have shown, and what follows.

use std::fmt::Write as _;

use super::Bracket;
use crate::assertion::{Assertion, Judgement};
use crate::cli::Search;
use crate::report::Report;
use crate::report::numbers::count;

/// What a search found.
#[derive(Debug)]
pub struct Found {
    /// What each step did, and the knee.
    pub text: String,
    /// The run at the highest rate that held, or the last one when none did.
    pub report: Option<Report>,
    /// What the process exits with: 0, 3 when no rate held, 5 when the generator was the limit, 130.
    pub exit_code: u8,
}

pub(super) fn head(search: &Search) -> String {
    let slo: Vec<String> = search.slo.iter().map(ToString::to_string).collect();
    format!("the highest rate with {}\n{:>12}  held\n", slo.join(", "), "a second")
}

pub(super) struct Steps {
    pub(super) bracket: Bracket,
    pub(super) text: String,
    pub(super) best: Option<(f64, Report)>,
    /// The lowest rate that broke, why, and whether it was the generator.
    pub(super) broke: Option<(f64, String, bool, Report)>,
}

impl Steps {
    /// Notes a step; in a line, what it did.
    pub(super) fn step(&mut self, rate: f64, report: Report, slo: &[Assertion]) -> String {
        let ran = report.plan.services();
        let judgements: Vec<Judgement> =
            slo.iter().map(|assertion| assertion.judge(&ran, &report.rows, &report.seen)).collect();
        let why = what_gave_out(&report, &judgements);
        self.bracket.note(rate, why.is_none());
        let said: Vec<String> =
            judgements.iter().map(|judged| format!("{} ({})", judged.assertion, judged.found)).collect();
        let line = match &why {
            None => format!("{rate:>12.1}  yes: {}", said.join(", ")),
            Some((why, _)) => format!("{rate:>12.1}  no: {why}"),
        };
        let _ = writeln!(self.text, "{line}");
        match why {
            None if self.best.as_ref().is_none_or(|(best, _)| *best < rate) => {
                self.best = Some((rate, report))
            }
            Some((why, ours)) if self.broke.as_ref().is_none_or(|(lowest, ..)| rate < *lowest) => {
                self.broke = Some((rate, why, ours, report));
            }
            _ => {}
        }
        line
    }

    pub(super) fn end(mut self) -> Found {
        let (mut exit_code, mut report) = (0, None);
        match self.best {
            Some((rate, best)) => {
                let lasted = best.plan.warmup_seconds + best.plan.steady_seconds;
                let owed = best.seen.chat.owed as f64 / lasted.max(1e-9);
                let _ = writeln!(
                    self.text,
                    "the knee: {rate:.1} a second held{}",
                    if owed > 0.0 {
                        format!(", {} deliveries a second", count(owed.round() as u64))
                    } else {
                        String::new()
                    }
                );
                report = Some(best);
            }
            None => {
                self.text += "no rate held\n";
                exit_code = 3;
            }
        }
        if let Some((rate, why, ours, broken)) = self.broke {
            let _ = writeln!(self.text, "what gave out first, at {rate:.1} a second: {why}");
            if ours {
                self.text += "that is the load tester's limit, not the server's\n";
                exit_code = 5;
            }
            report = report.or(Some(broken));
        }
        Found { text: self.text, report, exit_code }
    }
}

/// What did not hold in a run, and whether that was the generator itself.
fn what_gave_out(report: &Report, judgements: &[Judgement]) -> Option<(String, bool)> {
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
    use crate::report::tests::example;

    #[test]
    fn what_gave_out_is_named() {
        let mut steps = Steps { bracket: Bracket::new(0.05), text: String::new(), best: None, broke: None };
        let slo = ["chat.delivery.p99<1s".parse().unwrap()];
        steps.step(100.0, example(), &slo);
        let mut slow = example();
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
        let mut steps = Steps { bracket: Bracket::new(0.05), text: String::new(), best: None, broke: None };
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
}
