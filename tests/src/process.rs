//! Services in processes of their own, to be ended as the world ends them.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::{Place, binaries, patiently};

/// A running binary. It does not outlive its test.
pub struct Process {
    child: Child,
    /// Held open: a process that can't print any more would break where it should not.
    _said: BufReader<ChildStdout>,
    places: BTreeMap<String, Place>,
}

impl Process {
    /// Starts a service of this workspace on free ports, with flags beside those, and waits until it
    /// listens.
    ///
    /// # Panics
    /// When it does not.
    pub async fn start(name: &str, flags: &[&str]) -> Self {
        Self::start_at(name, "127.0.0.1:0", flags).await
    }

    /// The same, at an address of its own: where one of its kind has been before.
    pub async fn start_at(name: &str, listen: &str, flags: &[&str]) -> Self {
        let ports = ["--listen", listen, "--admin", "127.0.0.1:0"];
        Self::launch(name, &[&ports, flags].concat(), 1).await
    }

    /// Starts all services in one process, on free ports, and waits until all of them listen.
    ///
    /// # Panics
    /// When they do not.
    pub async fn start_whole(data: &Path) -> Self {
        let data = data.display().to_string();
        Self::launch("parlance", &["--ports", "free", "--data", &data], 4).await
    }

    async fn launch(name: &str, args: &[&str], services: usize) -> Self {
        let mut command = Command::new(binaries::path(name));
        let mut child = command.args(args).stdout(Stdio::piped()).spawn().expect("a binary that runs");
        let mut said = BufReader::new(child.stdout.take().expect("a pipe was asked for"));
        let reading = tokio::task::spawn_blocking(move || {
            let lines: Vec<String> = said.by_ref().lines().take(services).map_while(Result::ok).collect();
            (lines, said)
        });
        let (lines, said) = patiently("a process that listens", reading).await.expect("a reader that lives");
        let places: BTreeMap<_, _> = lines.iter().filter_map(|line| place(line)).collect();
        assert!(
            places.len() == services,
            "{name} said {lines:?}; is it of this build? `cargo build --workspace`"
        );
        Process { child, _said: said, places }
    }

    /// Where one of its services is.
    ///
    /// # Panics
    /// When it has none of that name.
    pub fn place(&self, service: &str) -> Place {
        self.places[service]
    }

    /// Sends a signal.
    ///
    /// # Panics
    /// When the process is gone.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("a process that runs");
    }

    /// Waits for its end and returns the exit code, if it ended by itself.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn ended(mut self) -> Option<i32> {
        let waiting = tokio::task::spawn_blocking(move || self.child.wait());
        let ended = patiently("a process's end", waiting).await.expect("a waiter that lives");
        ended.expect("a process of ours").code()
    }

    /// Asks it to end in good order and returns the exit code.
    pub async fn terminate(self) -> Option<i32> {
        self.signal(Signal::TERM);
        self.ended().await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A binary that runs beside the test until it is told to end. It does not outlive its test.
pub struct Started(Option<Child>);

impl Started {
    /// Starts it; what it prints is kept.
    ///
    /// # Panics
    /// When it can't be started.
    pub fn new(name: &str, args: &[&str]) -> Self {
        let mut command = Command::new(binaries::path(name));
        command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Started(Some(command.spawn().expect("a binary that runs")))
    }

    /// Sends a signal.
    ///
    /// # Panics
    /// When the process is gone.
    pub fn signal(&self, signal: Signal) {
        let child = self.0.as_ref().expect("it is taken only by its end");
        kill_process(Pid::from_child(child), signal).expect("a process that runs");
    }

    /// Waits for its end and returns what it printed, of which there may be no more than a pipe holds.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn output(mut self) -> String {
        let child = self.0.take().expect("it is taken only here");
        let waiting = tokio::task::spawn_blocking(move || child.wait_with_output());
        let ended = patiently("a process's end", waiting).await.expect("a waiter that lives");
        let output = ended.expect("a process of ours");
        (String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr)).into_owned()
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Runs a binary of this workspace to its end and returns the exit code and what it printed.
///
/// # Panics
/// When it does not end.
pub async fn run(name: &str, args: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(binaries::path(name));
    command.args(args).stdin(Stdio::null());
    let running = tokio::task::spawn_blocking(move || command.output());
    let ran = patiently("a command's end", running).await.expect("a runner that lives");
    let output = ran.expect("a binary that runs");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    (output.status.code(), said.into_owned())
}

/// Reads `listening service=… addr=… admin=…`.
fn place(line: &str) -> Option<(String, Place)> {
    let field = |name| line.split_whitespace().find_map(|word| word.strip_prefix(name));
    let place = Place { addr: field("addr=")?.parse().ok()?, admin: field("admin=")?.parse().ok()? };
    Some((field("service=")?.to_owned(), place))
}
