//! A running binary, and clients that wait for it without a runtime.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// Flags to serve this folder on free ports, to the last byte of the disk.
pub(crate) fn serving(data: &Path) -> [&str; 10] {
    let data = data.to_str().unwrap();
    let free = "127.0.0.1:0";
    ["--listen", free, "--admin", free, "--registry", "none", "--keep-free", "0", "--data", data]
}

pub(crate) fn file(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_file"));
    command.args(args).env_clear();
    command
}

pub(crate) fn output(args: &[&str]) -> Output {
    file(args).output().unwrap()
}

/// A running binary; it does not outlive its test.
pub(crate) struct Process {
    child: Child,
    pub(crate) addr: String,
    pub(crate) admin: String,
}

impl Process {
    pub(crate) fn start(data: &Path, more: &[&str]) -> Self {
        Self::run(file(&serving(data)).args(more))
    }

    /// Runs a command that becomes it, and waits until it listens.
    pub(crate) fn run(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with("listening service=file addr="), "{line}");
        let field =
            |name| line.split_whitespace().find_map(|word| word.strip_prefix(name)).unwrap().to_owned();
        Process { addr: field("addr="), admin: field("admin="), child }
    }

    pub(crate) fn dial(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.addr).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// Sends everything, closes that side, and reads to the end.
    pub(crate) fn talk(&self, sent: &[u8]) -> String {
        let mut stream = self.dial();
        stream.write_all(sent).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut heard = String::new();
        stream.read_to_string(&mut heard).unwrap();
        heard
    }

    pub(crate) fn metrics(&self) -> String {
        self.admin("/metrics")
    }

    pub(crate) fn admin(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.admin).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut heard = String::new();
        stream.read_to_string(&mut heard).unwrap();
        heard
    }

    /// Waits until this line is in the metrics; the test's own time limit ends the wait.
    pub(crate) fn awaits(&self, sample: &str) {
        while !self.metrics().lines().any(|line| line == sample) {
            std::thread::yield_now();
        }
    }

    /// Waits until a sample is at least so much; the test's own time limit ends the wait.
    pub(crate) fn awaits_bytes(&self, sample: &str, least: f64) {
        let value = |line: &str| line.strip_prefix(sample)?.trim().parse::<f64>().ok();
        while !self.metrics().lines().filter_map(value).any(|value| value >= least) {
            std::thread::yield_now();
        }
    }

    /// Waits until `/readyz` answers this; the test's own time limit ends the wait.
    pub(crate) fn awaits_readiness(&self, status: &str, why: &str) {
        let is = |heard: &str| heard.starts_with(&format!("HTTP/1.1 {status}")) && heard.contains(why);
        while !is(&self.admin("/readyz")) {
            std::thread::yield_now();
        }
    }

    /// Bytes of memory that are its own.
    pub(crate) fn memory(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let used = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
        used.trim().strip_suffix(" kB").unwrap().parse::<usize>().unwrap() * 1024
    }

    /// Sends the signal that nothing survives, without waiting for the end.
    pub(crate) fn kill_at_once(&self) {
        kill_process(Pid::from_child(&self.child), Signal::KILL).unwrap();
    }

    /// Ends it as a power button would end a process.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn signal(mut self, signal: Signal) -> Option<i32> {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
