//! docs/OPERATIONS.md.

use std::collections::BTreeSet;

use tests::process::run;

use super::{exported, read, rules};

/// A section of the document: from its heading to the next of that kind.
fn section(heading: &str) -> String {
    let text = read("docs/OPERATIONS.md");
    let begin = text.find(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("no section {heading}"));
    let rest = &text[begin + 1..];
    rest[..rest[2..].find("\n## ").map_or(rest.len(), |end| end + 2)].to_owned()
}

/// What stands in backquotes in the first cell of each row of its tables, without labels.
fn rows(heading: &str) -> BTreeSet<String> {
    let section = section(heading);
    let cells = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    cells.map(|(name, _)| name.split('{').next().unwrap().to_owned()).collect()
}

fn assert_same(what: &str, document: &BTreeSet<String>, there: &BTreeSet<String>) {
    let missing: Vec<_> = there.difference(document).collect();
    let gone: Vec<_> = document.difference(there).collect();
    assert!(missing.is_empty() && gone.is_empty(), "{what}: not in the document {missing:?}, gone {gone:?}");
}

#[tokio::test]
async fn every_metric_stands_in_the_document() {
    assert_same("metrics", &rows("Metrics"), &exported::metrics().await);
}

#[test]
fn every_alert_and_every_recorded_series_stands_in_the_document() {
    assert_same("alerts", &rows("Alerts"), &rules::alerts());
    assert_same("recorded series", &rows("Recorded series"), &rules::recorded());
}

/// The long flags of a binary, as its help has them.
async fn flags(binary: &str) -> BTreeSet<String> {
    let (code, help) = run(binary, &["--help"]).await;
    assert_eq!(code, Some(0), "{binary}: {help}");
    let words = help.lines().filter_map(|line| {
        let line = line.trim_start();
        line.strip_prefix("-h, ").or(line.strip_prefix("-V, ")).unwrap_or(line).strip_prefix("--")
    });
    words.filter_map(|line| Some(format!("--{}", line.split_whitespace().next()?))).collect()
}

#[tokio::test]
async fn every_flag_of_every_daemon_stands_in_the_document() {
    let mut there = BTreeSet::new();
    for binary in ["registry", "chat", "info", "file", "parlance"] {
        there.extend(flags(binary).await);
    }
    assert_same("flags", &rows("Flags"), &there);
}
