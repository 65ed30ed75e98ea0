//! Two reports: is the second better, worse or the same?

use std::fmt::Write;
use std::path::Path;

use crate::failure::Failure;
use crate::plan::Plan;
use crate::recorder::Row;
use crate::report::numbers::{count, milliseconds};
use crate::report::{Report, SCHEMA_VERSION};

/// What a comparison found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// As a table.
    pub text: String,
    /// Whether anything became worse.
    pub worse: bool,
}

/// Reads a report that `--json` has written.
///
/// # Errors
/// [`Failure::File`].
pub fn read(path: &Path) -> Result<Report, Failure> {
    let fail = |why: String| Failure::File { path: path.to_owned(), why };
    let text = std::fs::read_to_string(path).map_err(|error| fail(error.to_string()))?;
    let report: Report =
        serde_json::from_str(&text).map_err(|error| fail(format!("no report of this version: {error}")))?;
    if report.schema_version != SCHEMA_VERSION {
        return Err(fail(format!(
            "its schema version is {}, and this is for {SCHEMA_VERSION}",
            report.schema_version
        )));
    }
    Ok(report)
}

/// Compares two reports of one plan; figures that differ by no more than `noise` are the same.
///
/// # Errors
/// [`Failure::Unlike`] for runs that do not compare: of another plan, or one that says itself that it did
/// not measure the server.
pub fn compare(before: &Report, after: &Report, noise: f64) -> Result<Comparison, Failure> {
    check(before, after)?;
    let mut found = Comparison { text: String::new(), worse: false };
    let _ = writeln!(found.text, "{:<18}{:<7}{:>12}{:>12}{:>10}", "", "", "before", "after", "");
    for row in &before.rows {
        let Some(other) = after.rows.iter().find(|other| other.name == row.name) else { continue };
        if row.name.ends_with(".wake") {
            continue;
        }
        found.series(row, other, noise);
    }
    found.ledger(before, after);
    let word = if found.worse { "WORSE" } else { "not worse" };
    let _ = writeln!(found.text, "{word}, with {:.0}% for noise", noise * 100.0);
    Ok(found)
}

fn check(before: &Report, after: &Report) -> Result<(), Failure> {
    let same = Plan { seed: after.plan.seed, ..before.plan.clone() };
    if same != after.plan {
        let words = format!("these runs do not compare:\n  {}\n  {}", before.plan.line(), after.plan.line());
        return Err(Failure::Unlike(words));
    }
    for (which, report) in [("first", before), ("second", after)] {
        if !report.verdict.valid {
            let why = report.verdict.reasons.join("; ");
            return Err(Failure::Unlike(format!("the {which} run is INVALID and proves nothing: {why}")));
        }
        if report.interrupted {
            return Err(Failure::Unlike(format!("the {which} run was interrupted")));
        }
    }
    Ok(())
}

impl Comparison {
    fn series(&mut self, before: &Row, after: &Row, noise: f64) {
        let figures = [
            ("p50", before.p50_ns, after.p50_ns),
            ("p90", before.p90_ns, after.p90_ns),
            ("p99", before.p99_ns, after.p99_ns),
            ("p99.9", before.p999_ns, after.p999_ns),
        ];
        for (stat, before_ns, after_ns) in figures {
            let Some((old, new)) = before_ns.zip(after_ns) else { continue };
            let change = new as f64 / (old as f64).max(1.0) - 1.0;
            let word = match change {
                change if change > noise => "worse",
                change if change < -noise => "better",
                _ => "same",
            };
            self.worse |= word == "worse";
            let (old, new) = (milliseconds(Some(old)), milliseconds(Some(new)));
            let _ = writeln!(
                self.text,
                "{:<18}{stat:<7}{old:>12}{new:>12}{:>+9.1}%  {word}",
                before.name,
                change * 100.0
            );
        }
    }

    /// What a server must never do is worse however little of it there is.
    fn ledger(&mut self, before: &Report, after: &Report) {
        let breaches = |report: &Report| report.seen.breaches();
        for (what, times) in breaches(after) {
            let old =
                breaches(before).into_iter().find(|(name, _)| *name == what).map_or(0, |(_, times)| times);
            let word = if times > old { "worse" } else { "same" };
            self.worse |= times > old;
            let _ = writeln!(self.text, "{what:<25}{:>12}{:>12}            {word}", count(old), count(times));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::example;

    fn slower(by: f64) -> Report {
        let mut report = example();
        for row in &mut report.rows {
            row.p99_ns = row.p99_ns.map(|nanos| (nanos as f64 * by) as u64);
        }
        report
    }

    #[test]
    fn only_what_is_beyond_the_noise_is_worse() {
        assert!(!compare(&example(), &slower(1.04), 0.05).unwrap().worse);
        assert!(compare(&example(), &slower(1.2), 0.05).unwrap().worse);
        assert!(!compare(&example(), &slower(1.2), 0.25).unwrap().worse);
        let better = compare(&slower(1.2), &example(), 0.05).unwrap();
        assert!(!better.worse && better.text.contains("better"), "{}", better.text);
    }

    #[test]
    fn a_loss_is_worse_whatever_the_noise() {
        let mut lossy = example();
        lossy.seen.chat.lost = 1;
        assert!(compare(&example(), &lossy, 1.0).unwrap().worse);
        assert!(!compare(&lossy, &lossy, 1.0).unwrap().worse);
    }

    #[test]
    fn runs_that_do_not_compare_are_refused() {
        let mut other = example();
        other.plan.clients += 1;
        assert!(compare(&example(), &other, 0.05).unwrap_err().to_string().contains("do not compare"));
        let mut seed = example();
        seed.plan.seed += 1;
        assert!(compare(&example(), &seed, 0.05).is_ok(), "another seed is another sample of the same");
        let mut invalid = example();
        invalid.verdict.valid = false;
        assert!(compare(&invalid, &example(), 0.05).is_err());
        assert!(compare(&example(), &Report { interrupted: true, ..example() }, 0.05).is_err());
    }
}
