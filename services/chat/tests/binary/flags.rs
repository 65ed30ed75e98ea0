//! What it can be told, and what it says of a flag that it can't follow.

use std::net::TcpListener;

use super::process::{output, refused};

#[test]
fn help_and_version() {
    let help = output(&["--help"]);
    let text = String::from_utf8(help.stdout).unwrap();
    assert!(help.status.success());
    for flag in [
        "--listen",
        "--admin",
        "--log-format",
        "--log",
        "--drain-secs",
        "--registry",
        "--instance",
        "--advertise",
        "--data",
        "--replicas",
        "--sync",
        "--history",
        "--announce-up-to",
        "--flood",
        "--trusted",
        "--rooms-per-connection",
        "--rooms",
        "--unterminated-after",
        "PARLANCE_SYNC",
        "healthcheck",
        "backup",
    ] {
        assert!(text.contains(flag), "{flag} is not in {text}");
    }
    let version = output(&["--version"]);
    assert!(version.status.success() && version.stdout.starts_with(b"chat "));
}

#[test]
fn a_bad_flag_is_named() {
    let bad = [
        ("--replicas", "0"),
        ("--sync", "sometimes"),
        ("--flood", "5"),
        ("--flood", "0:10"),
        ("--flood", "-1:10"),
        ("--trusted", "lan"),
        ("--history", "-1"),
        ("--announce-up-to", "many"),
        ("--unterminated-after", "-5"),
        ("--unterminated-after", "0"),
        ("--rooms-per-connection", "0"),
        ("--rooms", "-1"),
        ("--drain-secs", "soon"),
        ("--listen", "nowhere"),
        ("--listen", "192.0.2.1:9001"),
        ("--registry", "nowhere"),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (flag, value) in bad {
        let data = folder.path().join("data");
        refused(flag, &["--data", data.to_str().unwrap(), &format!("{flag}={value}")]);
        assert!(!data.exists(), "{flag} {value} left something behind");
    }
}

#[test]
fn a_port_in_use_is_named_and_the_folder_left_alone() {
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = holder.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let said = refused("--listen", &["--listen", &port, "--data", data.to_str().unwrap()]);
    assert!(said.contains(&port), "{said}");
    assert!(!data.exists());
}
