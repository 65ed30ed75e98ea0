//! The dashboards, and what their panels ask.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::{exported, root, rules};

/// The uid that deploy/grafana/provisioning gives the data source.
const DATA_SOURCE: &str = "parlance-prometheus";
/// What Prometheus makes itself.
const MADE_BY_PROMETHEUS: [&str; 2] = ["up", "ALERTS"];
/// What a histogram's samples are called beside its name.
const SUFFIXES: [&str; 3] = ["_bucket", "_sum", "_count"];
/// How names of ours begin.
const PREFIXES: [&str; 9] =
    ["chat_", "info_", "file_", "registry_", "process_", "log_", "accept_", "loadgen_", "instance"];

/// The dashboards by the names of their files.
fn dashboards() -> BTreeMap<String, Value> {
    let entries = fs::read_dir(root("deploy/grafana/dashboards")).unwrap();
    let read = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().unwrap();
        let dashboard = serde_json::from_slice(&fs::read(entry.path()).unwrap());
        (name.clone(), dashboard.unwrap_or_else(|error| panic!("{name}: {error}")))
    };
    entries.map(|entry| read(entry.unwrap())).collect()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

/// Every expression, with the panel that asks it.
fn expressions() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (file, dashboard) in dashboards() {
        for panel in list(&dashboard, "panels") {
            for target in list(panel, "targets") {
                let panel = format!("{file}: {}", panel["title"].as_str().unwrap());
                found.push((panel, target["expr"].as_str().unwrap().to_owned()));
            }
        }
    }
    assert!(found.len() > 100, "only {} expressions", found.len());
    found
}

/// The names of series in an expression.
fn series(expression: &str) -> BTreeSet<&str> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let words = expression.split(|c| !is_name(c)).filter(|word| word.contains(['_', ':']));
    words.filter(|word| PREFIXES.iter().any(|prefix| word.starts_with(prefix))).collect()
}

#[test]
fn there_is_one_for_each_service_an_overview_and_one_of_load_runs() {
    let names: Vec<_> = dashboards().into_keys().collect();
    assert_eq!(names, ["chat.json", "file.json", "info.json", "load.json", "overview.json", "registry.json"]);
}

#[test]
fn each_has_a_name_of_its_own_and_asks_the_provisioned_data_source() {
    let provisioned = fs::read_to_string(root("deploy/grafana/provisioning/datasources/prometheus.yml"));
    assert!(provisioned.unwrap().contains(&format!("uid: {DATA_SOURCE}\n")));
    for (file, dashboard) in dashboards() {
        let uid = format!("parlance-{}", file.trim_end_matches(".json"));
        assert_eq!(dashboard["uid"], uid.as_str());
        let panels = list(&dashboard, "panels");
        let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
        assert_eq!(ids.len(), panels.len(), "{file}: a panel's id is its own");
        for panel in panels {
            assert_eq!(panel["datasource"]["uid"], DATA_SOURCE, "{file}: {}", panel["title"]);
            for target in list(panel, "targets") {
                assert_eq!(target["datasource"]["uid"], DATA_SOURCE, "{file}: {}", panel["title"]);
            }
        }
    }
}

#[tokio::test]
async fn every_series_that_a_panel_asks_for_exists() {
    let mut known = exported::metrics().await;
    known.extend(rules::recorded());
    let is_known = |name: &str| {
        let bare = SUFFIXES.iter().find_map(|suffix| name.strip_suffix(suffix));
        known.contains(name) || bare.is_some_and(|bare| known.contains(bare))
    };
    for (panel, expression) in expressions() {
        let names = series(&expression);
        let is_general = MADE_BY_PROMETHEUS.iter().any(|name| expression.contains(name));
        assert!(!names.is_empty() || is_general || expression.contains("__name__"), "{panel}: {expression}");
        for name in names.into_iter().filter(|name| !name.starts_with("loadgen_")) {
            assert!(is_known(name), "{panel} asks for {name}, which nobody exports");
        }
    }
}

/// Asks the Prometheus of a stack that has just been through a load run, whose address is in
/// `PARLANCE_PROMETHEUS`: `.ci/compose` does.
#[test]
#[ignore = "asks a running stack, see .ci/compose"]
fn every_panel_has_data_after_a_load_run() {
    let prometheus = env::var("PARLANCE_PROMETHEUS").expect("PARLANCE_PROMETHEUS=HOST:PORT");
    let asked = expressions();
    let empty: Vec<_> = asked.iter().filter(|(_, expression)| !has_data(&prometheus, expression)).collect();
    assert!(empty.is_empty(), "{} of {} have no data: {empty:#?}", empty.len(), asked.len());
    println!("{} expressions, each with data", asked.len());
}

/// Whether an expression had a number at some moment of the last ten minutes.
fn has_data(prometheus: &str, expression: &str) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let query: String = expression.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let path = format!("/api/v1/query_range?query={query}&start={}&end={now}&step=5", now - 600);
    let answer = get(prometheus, &path);
    assert_eq!(answer["status"], "success", "{expression}: {answer}");
    let results = list(&answer["data"], "result").iter();
    let mut samples = results.flat_map(|series| list(series, "values"));
    samples.any(|sample| sample[1].as_str().is_some_and(|value| value != "NaN"))
}

fn get(host: &str, path: &str) -> Value {
    let mut stream = TcpStream::connect(host).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
}
