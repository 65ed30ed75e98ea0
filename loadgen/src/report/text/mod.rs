//! The report as a summary that fits a screen of 80 columns and 24 lines, unless there is more to say.

mod books;
mod ledger;
mod table;

use std::collections::BTreeSet;
use std::fmt::Write;

use super::numbers::count;
use super::wrap::wrap;
use super::{Report, Verdict};

/// How much is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Detail {
    /// What fits a screen: what is as it should be in few words.
    Screen,
    /// Every series and every figure that was compared.
    Full,
}

/// Writes the summary that fits a screen.
pub fn summary(report: &Report) -> String {
    written(report, Detail::Screen)
}

/// Writes every series and every figure.
pub fn full(report: &Report) -> String {
    written(report, Detail::Full)
}

fn written(report: &Report, detail: Detail) -> String {
    let mut text = String::new();
    head(&mut text, report);
    match detail {
        Detail::Screen => table::short(&mut text, report),
        Detail::Full => table::full(&mut text, report),
    }
    ledger::write(&mut text, &report.seen, detail);
    books::write(&mut text, &report.reconciliation, detail);
    for judgement in &report.assertions {
        let word = if judgement.held { "held" } else { "FAILED" };
        put(&mut text, &format!("assert   {word}: {} (found {})", judgement.assertion, judgement.found), 9);
    }
    ledger::verdict(&mut text, report);
    text
}

/// Appends a line; writing to a string never fails.
macro_rules! line {
    ($text:expr, $($words:tt)*) => { let _ = writeln!($text, $($words)*); };
}
use line;

/// Appends a line that may be too long for a screen.
fn put(text: &mut String, line: &str, indent: usize) {
    text.push_str(&wrap(line, indent));
}

fn said(what: &str, number: u64) -> String {
    format!("{what} {}", count(number))
}

fn head(text: &mut String, report: &Report) {
    let Report { environment, verdict, plan, .. } = report;
    let word = if verdict.valid { "VALID" } else { "INVALID" };
    put(text, &format!("{word}: {}", effort(report)), 2);
    let Verdict { reasons, warnings, .. } = verdict;
    for (mark, said) in reasons.iter().map(|r| ("why", r)).chain(warnings.iter().map(|w| ("note", w))) {
        put(text, &format!("  {mark}: {said}"), 4);
    }
    put(text, &format!("loadgen {}, run {}{}", environment.loadgen, environment.run, targets(report)), 2);
    put(text, &format!("{}, drained in {:.1} s", plan.line(), report.drained_seconds), 2);
}

/// Where the services are; a host that they share is named once.
fn targets(report: &Report) -> String {
    let targets = &report.environment.targets;
    let ends = || targets.iter().filter_map(|(service, at)| Some((service, at.rsplit_once(':')?)));
    let hosts: BTreeSet<&str> = ends().map(|(_, (host, _))| host).collect();
    let named: Vec<String> = match hosts.len() {
        1 => ends().map(|(service, (_, port))| format!("{service} {port}")).collect(),
        _ => targets.iter().map(|(service, at)| format!("{service} {at}")).collect(),
    };
    let host = hosts.first().filter(|_| hosts.len() == 1).map_or(String::new(), |host| format!(" on {host}"));
    format!("{host}: {}", named.join(" + "))
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

#[cfg(test)]
mod tests;
