//! What an operator is promised: what stands in the documents, the rules and the dashboards is what there is.
#![allow(clippy::unwrap_used, reason = "a test that can't go on says so")]

mod dashboards;
mod document;
mod exported;
mod images;
mod rules;

use std::fs;
use std::path::{Path, PathBuf};

/// A place in the repository.
fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(path)
}

fn read(path: &str) -> String {
    let path = root(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
