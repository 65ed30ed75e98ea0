//! The real binary: flags, one answer, a signal.
#![allow(clippy::unwrap_used, reason = "a test that can't go on says so")]

use std::io::{BufRead, BufReader};
use std::net::UdpSocket;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

fn info(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_info"));
    command.args(args).env_clear();
    command
}

fn output(args: &[&str]) -> Output {
    info(args).output().unwrap()
}

/// A running binary; it does not outlive its test.
struct Process(Child);

impl Process {
    fn start(args: &[&str]) -> (Self, String) {
        let mut child = info(args).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        (Process(child), line)
    }

    fn terminate(mut self) -> Option<i32> {
        kill_process(Pid::from_child(&self.0), Signal::TERM).unwrap();
        self.0.wait().unwrap().code()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn field<'a>(line: &'a str, name: &str) -> &'a str {
    line.split_whitespace().find_map(|word| word.strip_prefix(name)).unwrap()
}

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
    let (process, line) =
        Process::start(&["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--registry", "none"]);
    assert!(line.starts_with("listening service=info addr="), "{line}");
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    socket.connect(field(&line, "addr=")).unwrap();
    socket.send(b"PING hello").unwrap();
    let mut reply = [0; 64];
    let len = socket.recv(&mut reply).unwrap();
    assert_eq!(&reply[..len], b"PONG hello");
    assert!(output(&["--admin", field(&line, "admin="), "healthcheck"]).status.success());
    assert_eq!(process.terminate(), Some(0));
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
