//! The house: which crate may import which, and what no module is called.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Our own crates, with those of ours that each may import.
const ROWS: [(&str, &[&str]); 14] = [
    ("engine", &[]),
    ("wire", &["engine"]),
    ("chassis", &[]),
    ("presence", &["chassis", "engine", "wire"]),
    ("services/registry", &["chassis", "engine", "wire"]),
    ("services/chat", &["chassis", "engine", "presence", "wire"]),
    ("services/info", &["chassis", "engine", "presence", "wire"]),
    ("services/file", &["chassis", "engine", "presence", "wire"]),
    ("services/parlance", &["chassis", "chat", "engine", "file", "info", "presence", "registry"]),
    ("client", &["engine", "wire"]),
    ("loadgen", &["engine", "wire"]),
    ("fuzz/invariants", &["engine", "wire"]),
    ("tests/strike", &[]),
    ("tests/tmux", &[]),
];

/// What a pure crate can't have: it would reach a clock, a disk, a socket or a runtime.
const IMPURE: [&str; 12] = [
    "cap-std",
    "clap",
    "hyper",
    "hyper-util",
    "prometheus",
    "rand",
    "rusqlite",
    "rustix",
    "socket2",
    "tempfile",
    "tokio",
    "tokio-util",
];

/// Names under which everything ends up that nobody has thought about.
const NO_NAMES: [&str; 10] =
    ["common", "helper", "helpers", "misc", "shared", "stuff", "tool", "tools", "util", "utils"];

const SERVICES: [&str; 4] = ["chat", "file", "info", "registry"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate lies in the workspace").to_owned()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The keys of `[dependencies]`, without features and versions.
fn dependencies(krate: &str) -> BTreeSet<String> {
    let manifest = read(&root().join(krate).join("Cargo.toml"));
    let section = manifest.split("\n[").find_map(|section| section.strip_prefix("dependencies]\n"));
    let lines = section.into_iter().flat_map(str::lines).filter(|line| !line.starts_with('#'));
    let keys = lines.filter_map(|line| line.split(['.', ' ', '=']).next());
    keys.filter(|key| !key.is_empty()).map(str::to_owned).collect()
}

/// Every Rust file below a folder.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("a readable folder").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn sources_of(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    sources(&root().join(folder), &mut found);
    assert!(!found.is_empty(), "{folder} has sources");
    found
}

#[test]
fn every_crate_imports_what_its_row_allows() {
    let names: BTreeMap<_, _> =
        ROWS.iter().map(|(krate, _)| (krate.rsplit('/').next().unwrap_or(krate), krate)).collect();
    for (krate, allowed) in ROWS {
        let has = dependencies(krate);
        assert!(allowed.is_empty() || !has.is_empty(), "{krate} depends on something");
        for ours in has.iter().filter(|name| names.contains_key(name.as_str())) {
            assert!(allowed.contains(&ours.as_str()), "{krate} must not import {ours}");
        }
    }
}

#[test]
fn every_crate_has_a_row() {
    let manifest = read(&root().join("Cargo.toml"));
    let members = manifest.lines().find(|line| line.starts_with("members = ")).expect("a list of members");
    for member in members.split('"').skip(1).step_by(2).filter(|member| *member != "services/*") {
        assert!(member == "tests" || ROWS.iter().any(|(krate, _)| *krate == member), "{member} has no row");
    }
    for entry in fs::read_dir(root().join("services")).expect("the services") {
        let name = format!("services/{}", entry.expect("a service").file_name().to_string_lossy());
        assert!(ROWS.iter().any(|(krate, _)| *krate == name), "{name} has no row");
    }
}

#[test]
fn the_pure_crates_stay_pure() {
    for krate in ["engine", "wire"] {
        for name in dependencies(krate) {
            assert!(!IMPURE.contains(&name.as_str()), "{krate} must not import {name}");
        }
    }
    for fragile in ["serde", "serde_json"] {
        assert!(!dependencies("engine").contains(fragile), "how things are said is wire's business");
    }
}

/// The registry's words are everybody's, for presence is told in them.
#[test]
fn no_service_speaks_anothers_words() {
    for service in SERVICES {
        for other in SERVICES.iter().filter(|other| **other != service) {
            let foreign = [format!("engine::{other}"), format!("wire::{other}")];
            let foreign = foreign.iter().filter(|path| *path != "engine::registry");
            let foreign: Vec<_> = foreign.collect();
            for path in sources_of(&format!("services/{service}/src")) {
                let text = read(&path);
                for word in &foreign {
                    assert!(!text.contains(word.as_str()), "{} must not name {word}", path.display());
                }
            }
        }
    }
}

#[test]
fn no_module_is_a_drawer_for_odds_and_ends() {
    for path in sources_of(".") {
        let inside = path.strip_prefix(root()).unwrap_or(&path);
        for part in inside.components() {
            let part = part.as_os_str().to_string_lossy();
            let name = part.strip_suffix(".rs").unwrap_or(&part);
            assert!(!NO_NAMES.contains(&name), "{} is named after nothing", inside.display());
        }
    }
}
