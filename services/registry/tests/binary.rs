//! The registry's binary as an operator meets it.
#![allow(clippy::unwrap_used, reason = "a test's helpers fail the test")]

use std::io::{BufRead, BufReader, PipeWriter, Read, Write, pipe};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

fn registry(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_registry"));
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn output(args: &[&str]) -> (Output, String, String) {
    let output = registry(args).output().unwrap();
    let (out, err) = (output.stdout.clone(), output.stderr.clone());
    (output, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

/// A running registry, killed when the test ends before it does.
struct Process {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts one on free ports and says where it serves and where its admin HTTP is.
fn serve(flags: &[&str]) -> (Process, String, String) {
    let places = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
    let mut child = registry(&[&places, flags].concat()).spawn().unwrap();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let mut process = Process { child, stdout };
    let mut line = String::new();
    process.stdout.read_line(&mut line).unwrap();
    let word = |name: &str| {
        let found = line.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        found.unwrap_or_else(|| panic!("no {name} in {line:?}")).to_owned()
    };
    assert_eq!(word("service"), "registry");
    let (addr, admin) = (word("addr"), word("admin"));
    (process, addr, admin)
}

/// A pipe that nobody reads any more.
fn nobody() -> PipeWriter {
    pipe().unwrap().1
}

/// It was 101.
#[test]
fn the_exit_code_tells_it_to_whoever_reads_nothing() {
    let code = |args: &[&str]| registry(args).stdout(nobody()).stderr(nobody()).status().unwrap().code();
    assert_eq!(code(&["--ttl-max", "soon"]), Some(2));
    assert_eq!(code(&["healthcheck", "--admin", "127.0.0.1:1"]), Some(1));
}

#[test]
fn help_and_version_are_told() {
    let (help, text, _) = output(&["--help"]);
    assert!(help.status.success());
    for flag in ["--listen", "--admin", "--ttl-default", "--ttl-max", "--drain-secs"] {
        assert!(text.contains(flag), "{flag}");
    }
    let (version, text, _) = output(&["--version"]);
    assert!(version.status.success());
    assert!(text.starts_with("registry 0."), "{text}");
}

#[test]
fn a_bad_flag_is_named_and_exits_2() {
    for (args, flag) in [
        (&["--ttl-default", "soon"][..], "--ttl-default"),
        (&["--ttl-default", "2m"], "--ttl-default"),
        (&["--ttl-max", "0s"], "--ttl-max"),
        (&["--listen", "192.0.2.1:1"], "--listen"),
    ] {
        let (output, _, err) = output(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {err}");
        assert!(err.lines().any(|line| line.contains(flag)), "{args:?}: {err}");
    }
}

#[test]
fn it_serves_and_ends_on_sigterm() {
    let (mut process, addr, admin) = serve(&[]);
    let mut stream = TcpStream::connect(&addr).unwrap();
    let asked =
        "{\"op\":\"register\",\"service\":\"chat\",\"instance\":\"chat-1\",\"addr\":\"a:1\",\"ttl_ms\":1}\n";
    stream.write_all(asked.as_bytes()).unwrap();
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line).unwrap();
    assert!(line.starts_with("{\"ok\":true,\"lease\":") && line.contains("\"ttl_ms\":1000"), "{line}");
    let check = |path: &[&str]| {
        let asked = [&["healthcheck", "--admin", &admin], path].concat();
        registry(&asked).output().unwrap().status.code()
    };
    assert_eq!(check(&[]), Some(0));
    assert_eq!(check(&["--path", "/metrics"]), Some(0));
    assert_eq!(check(&["--path", "/nowhere"]), Some(1));
    assert_eq!(check(&["--path", "no path"]), Some(2));
    let signal = Command::new("kill").args(["-TERM", &process.child.id().to_string()]).status().unwrap();
    assert!(signal.success());
    let mut rest = String::new();
    stream.read_to_string(&mut rest).unwrap();
    assert!(rest.starts_with("{\"event\":\"bye\",\"reason\":\"shutdown\",\"retry_after_ms\":"), "{rest}");
    assert_eq!(rest.lines().count(), 1, "{rest}");
    assert_eq!(process.child.wait().unwrap().code(), Some(0));
}

/// A connection and what it is answered: the users, or why there is no room.
fn ask(addr: &str) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(addr).unwrap();
    // A connection that is refused may be closed before this arrives.
    let _ = stream.write_all(b"{\"op\":\"list\",\"what\":\"users\"}\n");
    let mut line = String::new();
    // The close may overtake the words for the same reason; then there are none.
    let _ = BufReader::new(&stream).read_line(&mut line);
    (stream, line)
}

#[test]
fn a_thousand_sessions_from_one_address_are_served_and_one_more_is_told() {
    let most = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most }).unwrap();
    let (_process, addr, admin) = serve(&["--connections", "1000"]);
    let mut sessions: Vec<_> = (0..1_000).map(|_| ask(&addr)).collect();
    assert!(sessions.iter().all(|(_, line)| line.starts_with("{\"ok\":true,")));
    let mut line = String::new();
    BufReader::new(TcpStream::connect(&addr).unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("{\"ok\":false,\"code\":\"too_many_connections\","), "{line}");
    let mut metrics = String::new();
    let mut stream = TcpStream::connect(&admin).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    stream.read_to_string(&mut metrics).unwrap();
    for sample in ["registry_connections 1000", "registry_connections_total{result=\"refused\"} 1"] {
        assert!(metrics.lines().any(|line| line == sample), "no {sample} in {metrics}");
    }
    sessions.truncate(999);
    // The place is free as soon as the registry has seen the end.
    while !ask(&addr).1.starts_with("{\"ok\":true,") {}
}
