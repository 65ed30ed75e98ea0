//! A running binary, and what it tells of itself.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};

fn info(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_info"));
    command.args(args).env_clear();
    command
}

pub(crate) fn output(args: &[&str]) -> Output {
    info(args).output().unwrap()
}

/// A running binary; it does not outlive its test.
pub(crate) struct Process {
    child: Child,
    pub(crate) addr: String,
    pub(crate) admin: String,
}

impl Process {
    /// Starts it on free ports without a registry, and waits until it listens.
    pub(crate) fn start(more: &[&str]) -> Self {
        let free = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--registry", "none"];
        let mut child = info(&[&free, more].concat()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with("listening service=info addr="), "{line}");
        let field =
            |name| line.split_whitespace().find_map(|word| word.strip_prefix(name)).unwrap().to_owned();
        Process { addr: field("addr="), admin: field("admin="), child }
    }

    pub(crate) fn port(&self) -> u16 {
        self.addr.rsplit_once(':').unwrap().1.parse().unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end.
    pub(crate) fn ended(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    /// A sample of its metrics, with its labels.
    pub(crate) fn metric(&self, sample: &str) -> u64 {
        let mut stream = TcpStream::connect(&self.admin).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
        let mut heard = String::new();
        stream.read_to_string(&mut heard).unwrap();
        let value = heard.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("no {sample} in {heard}")).parse().unwrap()
    }

    /// Bytes of memory that are its own.
    pub(crate) fn memory(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let used = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
        used.trim().strip_suffix(" kB").unwrap().parse::<usize>().unwrap() * 1024
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
