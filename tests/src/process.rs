//! Services in processes of their own, to be ended as the world ends them.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::{Place, binaries, patiently};

/// A running binary. It does not outlive its test.
pub struct Process {
    child: Child,
    /// Held open: a process that can't print any more would break where it should not.
    _said: BufReader<ChildStdout>,
    /// Where it serves.
    pub place: Place,
}

impl Process {
    /// Starts a service of this workspace on free ports, with flags beside those, and waits until it
    /// listens.
    ///
    /// # Panics
    /// When it does not.
    pub async fn start(name: &str, flags: &[&str]) -> Self {
        let mut command = Command::new(binaries::path(name));
        command.args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]).args(flags);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("a binary that runs");
        let mut said = BufReader::new(child.stdout.take().expect("a pipe was asked for"));
        let reading = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            said.read_line(&mut line).map(|_| (line, said))
        });
        let read = patiently("a process that listens", reading).await.expect("a reader that lives");
        let (line, said) = read.expect("what a process says is readable");
        let place = place(&line).unwrap_or_else(|| {
            panic!("{name} said {line:?}; is it of this build? `cargo build --workspace`")
        });
        Process { child, _said: said, place }
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

/// Reads `listening service=… addr=… admin=…`.
fn place(line: &str) -> Option<Place> {
    let field = |name| line.split_whitespace().find_map(|word| word.strip_prefix(name)?.parse().ok());
    Some(Place { addr: field("addr=")?, admin: field("admin=")? })
}
