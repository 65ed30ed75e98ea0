//! Tells the compiler which version and revision this is, for `--version` and `<service>_build_info`.
//!
//! A build argument wins (`PARLANCE_VERSION`, `PARLANCE_REVISION`: for builds of a release, and for those
//! without a repository). Otherwise the version is the manifest's; the revision is what git says in a release
//! build, and `dev` in a debug build, so that a commit does not rebuild everything.

use std::path::Path;
use std::process::Command;

fn main() {
    let version = given("PARLANCE_VERSION").unwrap_or_else(|| env!("CARGO_PKG_VERSION").into());
    let revision = given("PARLANCE_REVISION").or_else(from_git).unwrap_or_else(|| "dev".into());
    println!("cargo:rustc-env=PARLANCE_VERSION={version}");
    println!("cargo:rustc-env=PARLANCE_REVISION={revision}");
    println!("cargo:rustc-env=PARLANCE_RUSTC={}", rustc_version());
}

fn given(argument: &str) -> Option<String> {
    println!("cargo:rerun-if-env-changed={argument}");
    std::env::var(argument).ok().filter(|value| !value.is_empty())
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
