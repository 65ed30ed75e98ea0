//! The rules that Prometheus is given.

use std::collections::BTreeSet;

use super::read;

/// The names behind a key such as `- alert:` in a file of rules.
fn named(file: &str, key: &str) -> BTreeSet<String> {
    let text = read(&format!("deploy/prometheus/{file}"));
    let names = text.lines().filter_map(|line| line.trim_start().strip_prefix(key));
    names.map(|name| name.trim().to_owned()).collect()
}

pub(crate) fn alerts() -> BTreeSet<String> {
    named("alerts.yml", "- alert:")
}

pub(crate) fn recorded() -> BTreeSet<String> {
    named("recording.yml", "- record:")
}

/// `promtool test rules` runs them; that none is forgotten is seen here.
#[test]
fn every_rule_has_a_unit_test() {
    let tests = read("deploy/prometheus/alerts.test.yml");
    for alert in alerts() {
        assert!(tests.contains(&format!("        alertname: {alert}\n")), "nothing makes {alert} fire");
        let quiet = format!("alertname: {alert}, exp_alerts: [] }}");
        assert!(tests.contains(&quiet), "nothing keeps {alert} quiet");
    }
    let tests = read("deploy/prometheus/recording.test.yml");
    for record in recorded() {
        assert!(tests.contains(&format!("- expr: {record}\n")), "nothing asks for {record}");
    }
}
