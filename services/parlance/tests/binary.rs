//! The real binary: what it says of itself, and what it says of flags that can't be followed.
#![allow(clippy::unwrap_used, reason = "a test that can't go on says so")]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};

fn parlance(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_parlance")).args(args).env_remove("PARLANCE_SYNC").output().unwrap()
}

/// The one line of a refusal.
fn refusal(output: &Output) -> String {
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    let errors: Vec<&str> = said.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!((output.status.code(), errors.len()), (Some(2), 1), "{said}");
    errors[0].to_owned()
}

#[test]
fn it_says_what_it_is() {
    let help = String::from_utf8(parlance(&["--help"]).stdout).unwrap();
    for flag in ["--data", "--bind", "--ports", "--drain-secs", "--log"] {
        assert!(help.contains(flag), "{flag} is missing in {help}");
    }
    assert!(String::from_utf8(parlance(&["--version"]).stdout).unwrap().starts_with("parlance "));
}

#[test]
fn a_flag_that_makes_no_sense_is_named() {
    assert!(refusal(&parlance(&["--ports", "some"])).starts_with("error: --ports some: want one of"));
    assert!(refusal(&parlance(&["--bind", "here"])).starts_with("error: --bind here: "));
    let far = parlance(&["--bind", "192.0.2.1", "--ports", "free", "--log", "off"]);
    assert!(refusal(&far).starts_with("error: --bind 192.0.2.1: chat can't have 192.0.2.1:0: "), "{far:?}");
}

#[test]
fn a_variable_that_makes_no_sense_is_named() {
    for (variable, value) in [
        ("PARLANCE_SYNC", "maybe"),
        ("PARLANCE_UNTERMINATED_AFTER", "0"),
        ("PARLANCE_ROOMS_PER_CONNECTION", "0"),
        ("PARLANCE_TRUSTED", "lan"),
        ("PARLANCE_TTL_MAX", "5m"),
    ] {
        let data = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_parlance"));
        command
            .args(["--ports", "free", "--log", "off", "--data", &data.path().display().to_string()])
            .env(variable, value);
        let said = refusal(&command.output().unwrap());
        assert!(said.starts_with(&format!("error: {variable} {value}: ")) && !said.contains("--"), "{said}");
    }
}

#[test]
fn a_port_in_use_is_told_with_the_way_out() {
    // Whoever has the first of the usual ports stands in the way; one may be there already.
    let _held = TcpListener::bind("127.0.0.1:9000");
    let line = refusal(&parlance(&["--log", "off"]));
    assert!(
        line.contains("127.0.0.1:9000") && line.contains("in use") && line.contains("--ports free"),
        "{line}"
    );
}

#[test]
fn a_name_from_the_environment_makes_no_two_services_one() {
    let data = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_parlance"));
    command.args(["--ports", "free", "--data", &data.path().display().to_string()]);
    command.env("PARLANCE_INSTANCE", "foo").env_remove("NO_COLOR");
    let mut running = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let log = BufReader::new(running.stderr.take().unwrap()).lines().map(Result::unwrap);
    let known = log.filter_map(|line| {
        let (_, known) = line.split_once("known to the registry ")?;
        Some(known.split_once("instance=")?.1.split(' ').next()?.to_owned())
    });
    let known: BTreeSet<String> = known.take(3).collect();
    running.kill().unwrap();
    running.wait().unwrap();
    assert_eq!(known, ["chat-1", "file-1", "info-1"].map(String::from).into());
}
