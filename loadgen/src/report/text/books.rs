//! What the services have counted of a run, beside our own figures.

use super::{Detail, put, said};
use crate::reconcile::{Check, Reconciliation, Unanswered};
use crate::report::numbers::count;
use crate::report::wrap::flow;

/// What both sides count, and the services' CPU.
pub(super) fn write(text: &mut String, found: &Reconciliation, detail: Detail) {
    let (same, other): (Vec<&Check>, Vec<&Check>) =
        found.checks.iter().partition(|check| check.finding.is_none());
    match detail {
        Detail::Full => same.into_iter().for_each(|check| compared(text, check)),
        Detail::Screen => agreeing(text, &same),
    }
    other.into_iter().for_each(|check| compared(text, check));
    if let Some(places) = found.unanswered.filter(|places| places.all() > 0) {
        unanswered(text, &places);
    }
    let cpu: Vec<String> =
        found.cpu.iter().map(|(service, share)| format!("{service} {:.0}%", share * 100.0)).collect();
    if !cpu.is_empty() {
        put(text, &format!("servers  cpu {} of one core", cpu.join(", ")), 9);
    }
    for why in &found.unasked {
        put(text, &format!("books    not compared: {why}"), 9);
    }
}

/// What both sides count alike, by the last words of their names: those say enough.
fn agreeing(text: &mut String, same: &[&Check]) {
    let names = same.iter().filter_map(|check| check.what.rsplit(' ').next());
    let names: Vec<&str> = names.collect();
    if !names.is_empty() {
        put(text, &format!("books    the same on both sides: {}", names.join(", ")), 9);
    }
}

fn compared(text: &mut String, check: &Check) {
    let (what, ours, theirs) = (&check.what, count(check.ours), count(check.theirs));
    let finding = check.finding.as_deref().unwrap_or("the same");
    put(text, &format!("books    {what}: we count {ours}, the service {theirs}: {finding}"), 9);
}

/// Where the queries stayed that nobody answered.
fn unanswered(text: &mut String, places: &Unanswered) {
    let kernel = match places.their_kernel {
        Some(drops) => format!("before info (its kernel dropped {})", count(drops)),
        None => "before info".to_owned(),
    };
    let stayed = [
        said(&kernel, places.before_info),
        said("rate limited", places.rate_limited),
        said("refused", places.refused),
        said("our kernel", places.our_kernel),
        said("behind info", places.behind_info),
    ];
    text.push_str(&flow("lost at  ", &stayed, "  ", 9));
}
