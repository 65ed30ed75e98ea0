//! Two reports: is the second better, worse or the same?

use std::fmt::Write;
use std::path::Path;

use hdrhistogram::Histogram;

use crate::environment::Environment;
use crate::failure::Failure;
use crate::hdr;
use crate::plan::Plan;
use crate::recorder::{Row, by_chance};
use crate::report::numbers::{count, milliseconds};
use crate::report::{Report, SCHEMA_VERSION};

/// Counts that break no ledger and that nobody wants more of.
const SETBACKS: [&str; 9] = [
    "chat.refused",
    "chat.late",
    "chat.reconnects",
    "chat.unreturned",
    "info.unanswered",
    "info.late",
    "file.refused",
    "file.failed",
    "registry.refused",
];

/// A percentile's name, the share below it, and its figure in a row.
type Percentile = (&'static str, f64, fn(&Row) -> Option<u64>);

const PERCENTILES: [Percentile; 4] = [
    ("p50", 0.5, |row| row.p50_ns),
    ("p90", 0.9, |row| row.p90_ns),
    ("p99", 0.99, |row| row.p99_ns),
    ("p99.9", 0.999, |row| row.p999_ns),
];

/// Said of a percentile that has too few samples to be compared.
const TOO_FEW: &str = "too few to say";

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

/// Differences that are smaller say nothing, whatever share they are: a thread that has to wait for its core
/// once makes more of one.
const FLOOR_NS: u64 = 20_000;

/// Compares two reports of one plan; figures that differ by no more than `noise` are the same.
///
/// # Errors
/// [`Failure::Unlike`] for runs that do not compare: of another plan, or one that says itself that it did
/// not measure the server.
pub fn compare(before: &Report, after: &Report, noise: f64) -> Result<Comparison, Failure> {
    check(before, after)?;
    let mut found = Comparison { text: head(before, after), worse: false };
    for row in before.rows.iter().filter(|row| !is_our_own(row)) {
        match after.rows.iter().find(|other| other.name == row.name) {
            Some(other) => found.series(&Measured::new(before, row), &Measured::new(after, other), noise),
            None => found.times(&format!("{} n", row.name), row.n, 0, "worse"),
        }
    }
    found.ledger(before, after);
    found.rest(before, after, noise);
    let word = if found.worse { "WORSE" } else { "not worse" };
    let _ = writeln!(found.text, "{word}, with {:.0}% for noise", noise * 100.0);
    Ok(found)
}

/// Which runs, and the head of the table.
fn head(before: &Report, after: &Report) -> String {
    let mut text = String::new();
    for (which, report) in [("before", before), ("after", after)] {
        let place = &report.environment;
        let _ = writeln!(text, "{which:<8}run {}, loadgen {}, {}", place.run, place.loadgen, machine(place));
    }
    if machine(&before.environment) != machine(&after.environment) {
        text += "note    these were not measured on machines of one kind\n";
    }
    let _ = writeln!(text, "{:<25}{:>12}{:>12}", "ms", "before", "after");
    text
}

/// What a figure depends on beside the services.
fn machine(place: &Environment) -> String {
    let cpu = place.cpu.as_deref().unwrap_or("an unknown processor");
    let kernel = place.kernel.as_deref().unwrap_or("unknown");
    format!("{} cores of {cpu}, kernel {kernel}", place.cores)
}

/// Whether a series tells how late the load tester was, which is nobody's merit or fault.
fn is_our_own(row: &Row) -> bool {
    [".wake", ".read"].iter().any(|end| row.name.ends_with(end))
}

fn check(before: &Report, after: &Report) -> Result<(), Failure> {
    let same = Plan { seed: after.plan.seed, ..before.plan.clone() };
    if same != after.plan {
        let differences = same.differences(&after.plan).join(", ");
        return Err(Failure::Unlike(format!("these runs do not compare: {differences}")));
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

/// A series of one of the runs.
struct Measured<'a> {
    row: &'a Row,
    /// `None` where the report has none that can be read; then the figures must do.
    histogram: Option<Histogram<u64>>,
}

impl<'a> Measured<'a> {
    fn new(report: &Report, row: &'a Row) -> Self {
        let encoded = report.histograms.get(&row.name);
        Measured { row, histogram: encoded.and_then(|encoded| hdr::decode(encoded)) }
    }

    /// Whether two runs of one server, with so few samples each, may be so far apart.
    fn may_differ_by_chance(&self, other: &Measured<'_>, quantile: f64) -> bool {
        let both = self.histogram.as_ref().zip(other.histogram.as_ref());
        both.is_some_and(|(mine, theirs)| {
            let (mine, theirs) = (by_chance(mine, quantile), by_chance(theirs, quantile));
            mine.start() <= theirs.end() && theirs.start() <= mine.end()
        })
    }
}

impl Comparison {
    fn series(&mut self, before: &Measured<'_>, after: &Measured<'_>, noise: f64) {
        for (stat, quantile, figure) in PERCENTILES {
            let Some((old, new)) = figure(before.row).zip(figure(after.row)) else { continue };
            let change = new as f64 / (old as f64).max(1.0) - 1.0;
            let is_same = old.abs_diff(new) < FLOOR_NS || change.abs() <= noise;
            let word = match change {
                _ if !before.row.knows(quantile) || !after.row.knows(quantile) => TOO_FEW,
                _ if is_same => "same",
                _ if before.may_differ_by_chance(after, quantile) => TOO_FEW,
                change if change > 0.0 => "worse",
                _ => "better",
            };
            self.worse |= word == "worse";
            let (old, new) = (milliseconds(Some(old)), milliseconds(Some(new)));
            let (name, change) = (&before.row.name, change * 100.0);
            let _ = writeln!(self.text, "{name:<18}{stat:<7}{old:>12}{new:>12}{change:>+9.1}%  {word}");
        }
    }

    /// What a server must never do is worse however little of it there is.
    fn ledger(&mut self, before: &Report, after: &Report) {
        let breaches = |report: &Report| report.seen.breaches();
        for (what, times) in breaches(after) {
            let old =
                breaches(before).into_iter().find(|(name, _)| *name == what).map_or(0, |(_, times)| times);
            self.times(what, old, times, if times > old { "worse" } else { "same" });
        }
    }

    /// What breaks no promise and is still worse when there is more of it.
    fn rest(&mut self, before: &Report, after: &Report, noise: f64) {
        for name in SETBACKS {
            let of = |report: &Report| report.seen.count(name).unwrap_or(0);
            let (old, new) = (of(before), of(after));
            let word = match (old as f64, new as f64) {
                (old, new) if new > old * (1.0 + noise) => "worse",
                (old, new) if new < old * (1.0 - noise) => "better",
                _ => "same",
            };
            if old + new > 0 {
                self.times(name, old, new, word);
            }
        }
    }

    fn times(&mut self, what: &str, before: u64, after: u64, word: &str) {
        self.worse |= word == "worse";
        let (before, after) = (count(before), count(after));
        let _ = writeln!(self.text, "{what:<25}{before:>12}{after:>12}{:>10}  {word}", "");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorder::{Recorder, Series};
    use crate::report::tests::{example, of};

    fn recorded(nanos: impl IntoIterator<Item = u64>) -> Report {
        let mut recorder = Recorder::default();
        nanos.into_iter().for_each(|nanos| recorder.note(Series::ChatDelivery, nanos));
        of(&recorder)
    }

    /// A run with enough samples for its p99, which is so much higher than usual.
    fn slower(by: f64) -> Report {
        let is_slow = |number: u64| number > 950;
        let nanos = |number| number as f64 * 10_000.0 * if is_slow(number) { by } else { 1.0 };
        recorded((1..=1_000).map(|number| nanos(number) as u64))
    }

    fn compared(before: &Report, after: &Report, noise: f64) -> Comparison {
        compare(before, after, noise).unwrap()
    }

    #[test]
    fn only_what_is_beyond_the_noise_is_worse() {
        assert!(!compared(&slower(1.0), &slower(1.04), 0.05).worse);
        assert!(compared(&slower(1.0), &slower(1.2), 0.05).worse);
        assert!(!compared(&slower(1.0), &slower(1.2), 0.25).worse);
        let better = compared(&slower(1.2), &slower(1.0), 0.05);
        assert!(!better.worse && better.text.contains("better"), "{}", better.text);
    }

    #[test]
    fn too_few_samples_and_a_few_microseconds_prove_nothing() {
        let mut slow = example();
        slow.rows[0].p99_ns = Some(1_000_000_000);
        let found = compared(&example(), &slow, 0.05);
        assert!(!found.worse && found.text.contains("too few to say"), "{}", found.text);
        let [quick, slow, slower] = [19_000, 27_000, 40_000].map(|nanos| recorded([nanos; 1_000]));
        assert!(!compared(&quick, &slow, 0.05).worse);
        assert!(compared(&quick, &slower, 0.05).worse);
    }

    #[test]
    fn a_difference_that_so_few_samples_make_by_chance_proves_nothing() {
        let spread = |n: u64, longest: u64| recorded((1..=n).map(|number| number * longest / n));
        let [few, slower, slowest] = [100, 150, 500].map(|ms| spread(25, ms * 1_000_000));
        let found = compared(&few, &slower, 0.05);
        assert!(!found.worse && found.text.matches(TOO_FEW).count() == 3, "{}", found.text);
        let found = compared(&few, &slowest, 0.05);
        assert!(found.worse, "further apart than chance would have it: {}", found.text);
        let [many, slower] = [100, 150].map(|ms| spread(2_500, ms * 1_000_000));
        assert!(compared(&many, &slower, 0.05).worse);
    }

    #[test]
    fn a_loss_is_worse_whatever_the_noise() {
        let mut lossy = example();
        lossy.seen.chat.lost = 1;
        assert!(compared(&example(), &lossy, 1.0).worse);
        assert!(!compared(&lossy, &lossy, 1.0).worse);
    }

    #[test]
    fn a_series_that_is_gone_and_answers_that_do_not_come_are_worse() {
        let mut silent = example();
        silent.rows.clear();
        let found = compared(&example(), &silent, 1.0);
        assert!(found.worse && found.text.contains("chat.delivery n"), "{}", found.text);
        let unanswered = |number| {
            let mut report = example();
            report.seen.info.replies.unanswered = number;
            report
        };
        let found = compared(&unanswered(0), &unanswered(1), 1.0);
        assert!(found.worse && found.text.contains("info.unanswered"), "{}", found.text);
        assert!(!compared(&unanswered(100), &unanswered(104), 0.05).worse);
        assert!(compared(&unanswered(100), &unanswered(106), 0.05).worse);
    }

    #[test]
    fn runs_on_other_machines_are_compared_with_a_word_of_it() {
        let mut elsewhere = example();
        elsewhere.environment.cores = 64;
        assert!(compared(&example(), &elsewhere, 0.05).text.contains("not measured on machines of one kind"));
        assert!(!compared(&example(), &example(), 0.05).text.contains("one kind"));
    }

    #[test]
    fn runs_that_do_not_compare_are_refused() {
        let mut other = example();
        other.plan.clients += 1;
        assert!(compare(&example(), &other, 0.05).unwrap_err().to_string().contains("do not compare"));
        other.plan.drain_seconds = 2.5;
        let words = compare(&example(), &other, 0.05).unwrap_err().to_string();
        assert!(words.ends_with(": clients 4 and 5, drain_seconds 0.0 and 2.5"), "{words}");
        let mut seed = example();
        seed.plan.seed += 1;
        assert!(compare(&example(), &seed, 0.05).is_ok(), "another seed is another sample of the same");
        let mut invalid = example();
        invalid.verdict.valid = false;
        assert!(compare(&invalid, &example(), 0.05).is_err());
        assert!(compare(&example(), &Report { interrupted: true, ..example() }, 0.05).is_err());
    }
}
