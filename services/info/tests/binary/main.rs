//! The real binary: flags, one answer, a signal, and what floods do to it.
#![allow(clippy::unwrap_used, reason = "a test that can't go on says so")]

mod floods;
mod process;

use std::net::UdpSocket;
use std::time::Duration;

use rustix::process::Signal;

use process::{Process, output};

#[test]
fn help_and_version() {
    let help = output(&["--help"]);
    let text = String::from_utf8(help.stdout).unwrap();
    assert!(help.status.success());
    let flags = ["--listen", "--admin", "--trusted", "--users", "--workers", "--registry", "PARLANCE_USERS"];
    for flag in flags.into_iter().chain(["--connections", "--per-address", "--idle", "--slow"]) {
        assert!(text.contains(flag), "{flag} is not in {text}");
    }
    let version = output(&["--version"]);
    assert!(version.status.success() && version.stdout.starts_with(b"info "));
}

#[test]
fn it_serves_until_it_is_told_to_end() {
    let process = Process::start(&[]);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    socket.connect(&process.addr).unwrap();
    socket.send(b"PING hello").unwrap();
    let mut reply = [0; 64];
    let len = socket.recv(&mut reply).unwrap();
    assert_eq!(&reply[..len], b"PONG hello");
    assert!(output(&["--admin", &process.admin, "healthcheck"]).status.success());
    process.signal(Signal::TERM);
    assert_eq!(process.ended(), Some(0));
}

#[test]
fn a_bad_flag_is_named() {
    let bad = [
        ("--trusted", "lan"),
        ("--users", "some"),
        ("--workers", "0"),
        ("--source-rate", "-1"),
        ("--listen", "nowhere"),
        ("--listen", "192.0.2.1:9002"),
    ];
    for (flag, value) in bad {
        let refused = output(&["--admin", "127.0.0.1:0", "--registry", "none", flag, value]);
        let said = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(2), "{flag} {value}: {said}");
        let error = said.lines().find(|line| line.starts_with("error: ")).unwrap_or_default();
        assert!(error.contains(flag), "{flag} is not named by: {said}");
    }
}
