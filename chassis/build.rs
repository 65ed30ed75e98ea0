//! Tells the compiler which revision this is, for `--version` and `<service>_build_info`.
//!
//! A build argument wins (`PARLANCE_REVISION`, for builds without a repository); a release build asks git;
//! a debug build says `dev`, so that a commit does not rebuild everything.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-env-changed=PARLANCE_REVISION");
    let given = std::env::var("PARLANCE_REVISION").ok().filter(|revision| !revision.is_empty());
    let revision = given.or_else(from_git).unwrap_or_else(|| "dev".into());
    println!("cargo:rustc-env=PARLANCE_REVISION={revision}");
    println!("cargo:rustc-env=PARLANCE_RUSTC={}", rustc_version());
}

fn from_git() -> Option<String> {
    if std::env::var("PROFILE").as_deref() != Ok("release") {
        return None;
    }
    let head_log = "../.git/logs/HEAD";
    if Path::new(head_log).exists() {
        println!("cargo:rerun-if-changed={head_log}");
    }
    let said = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output().ok()?;
    said.status.success().then(|| String::from_utf8_lossy(&said.stdout).trim().to_owned())
}

fn rustc_version() -> String {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let said = Command::new(rustc).arg("--version").output();
    let said = said.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    said.split_whitespace().nth(1).unwrap_or("unknown").to_owned()
}
