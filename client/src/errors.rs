//! What can go wrong, in words that say what to do next, and the exit code of each.

use std::fmt;
use std::io;
use std::time::Duration;

use engine::names::UserName;
use engine::{Code, Refusal};

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// A service said no.
    #[error("{words} ({code})")]
    Refused { code: String, words: String },
    /// Somebody else has the name in chat that one wants.
    #[error("somebody is called {0} already; choose another with --user NAME ({code})", code = Code::NameTaken)]
    NameTaken(UserName),
    /// Several lines of a pipe were refused, each told when it was.
    #[error("{} refused", counted(*.0, "line was", "lines were"))]
    SomeRefused(usize),
    /// What was asked makes no sense, or a local file can't be read or written.
    #[error("{0}")]
    Usage(String),
    /// Nobody is there.
    #[error(
        "nothing listens on {addr}; start it with `docker compose up` or `cargo run --release`, \
         or name another place with --host or {flag}"
    )]
    NothingListens { addr: String, flag: &'static str },
    /// The name of the host leads nowhere, or the way there is closed.
    #[error("can't reach {addr}: {problem}; check --host and {flag}")]
    Unreachable { addr: String, problem: String, flag: &'static str },
    /// Somebody is there and says nothing.
    #[error(
        "no answer from {addr} within {}; is that {expected}? a longer wait is --timeout 30s",
        humantime::format_duration(*.waited)
    )]
    NoAnswer { addr: String, expected: &'static str, waited: Duration },
    /// What answers is something else.
    #[error("{addr} does not speak as {expected} does: {problem}")]
    Garbled { addr: String, expected: &'static str, problem: String },
    /// The connection ended before all was done.
    #[error("the connection to {addr} was lost {doing}")]
    Lost { addr: String, doing: String },
    /// The bytes that arrived are not the ones that were sent.
    #[error("{name} arrived damaged: its hash is {got}, it should be {wanted}; try again")]
    Mismatch { name: String, wanted: String, got: String },
    /// Several of several files failed, each told when it did.
    #[error("{failed} of {count} files failed")]
    SomeFiles { failed: usize, count: usize, exit: u8 },
    /// All of a folder was sent but files whose names the service does not take, each named before.
    #[error("{} left out", counted(*.0, "file was", "files were"))]
    LeftOut(usize),
    /// What has its name there is to be kept.
    #[error("{0} is there already, and --no-clobber keeps it; --as sends this one under another name")]
    Taken(String),
    /// A step of the demo failed, and said so.
    #[error("{failed} of {steps} steps failed")]
    Demo { failed: usize, steps: usize, exit: u8 },
    /// The person pressed Ctrl-C.
    #[error("interrupted")]
    Interrupted,
    /// The person's terminal was closed, and no signal said so.
    #[error("the terminal is gone")]
    TerminalGone,
    /// Whoever reads our output has left, as `head` does; nobody is there to be told.
    #[error("nobody reads the output")]
    NobodyReads,
}

impl Failure {
    /// The exit code, as `--help` documents them.
    pub(crate) fn exit(&self) -> u8 {
        match self {
            Failure::NobodyReads => 0,
            Failure::Refused { code, .. } if code == Code::HashMismatch.as_str() => 5,
            Failure::Refused { .. } | Failure::NameTaken(_) | Failure::SomeRefused(_) => 1,
            Failure::Usage(_) => 2,
            Failure::NothingListens { .. }
            | Failure::Unreachable { .. }
            | Failure::NoAnswer { .. }
            | Failure::Garbled { .. } => 3,
            Failure::Lost { .. } => 4,
            Failure::Mismatch { .. } => 5,
            Failure::LeftOut(_) => 6,
            Failure::Taken(_) => 7,
            Failure::Demo { exit, .. } | Failure::SomeFiles { exit, .. } => *exit,
            Failure::Interrupted | Failure::TerminalGone => 130,
        }
    }

    /// A stable word for programs.
    pub(crate) fn code(&self) -> &str {
        match self {
            Failure::Refused { code, .. } => code,
            Failure::NameTaken(_) => Code::NameTaken.as_str(),
            Failure::SomeRefused(_) => "refused",
            Failure::Usage(_) => "usage",
            Failure::NothingListens { .. } => "nothing_listens",
            Failure::Unreachable { .. } => "unreachable",
            Failure::NoAnswer { .. } => "no_answer",
            Failure::Garbled { .. } => "garbled",
            Failure::Lost { .. } => "lost",
            Failure::Mismatch { .. } => "hash_mismatch",
            Failure::SomeFiles { .. } => "some_failed",
            Failure::LeftOut(_) => "left_out",
            Failure::Taken(_) => "taken",
            Failure::Demo { .. } => "demo",
            Failure::Interrupted => "interrupted",
            Failure::TerminalGone => "terminal_gone",
            Failure::NobodyReads => "nobody_reads",
        }
    }

    /// The same, with the name of the file that is not there.
    pub(crate) fn naming(self, name: impl fmt::Display) -> Self {
        match self {
            Failure::Refused { code, words } if code == Code::NotFound.as_str() => {
                Failure::Refused { code, words: format!("{words}: {name}") }
            }
            other => other,
        }
    }

    /// A local file that can't be read or written.
    pub(crate) fn local(what: impl fmt::Display, error: &io::Error) -> Self {
        Failure::Usage(format!("{what}: {error}"))
    }
}

/// How many of several things failed.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) failed: usize,
    /// The exit code of the first that did; 0 when none has.
    pub(crate) exit: u8,
}

impl Tally {
    /// One more failed.
    pub(crate) fn add(&mut self, failure: &Failure) {
        self.failed += 1;
        if self.exit == 0 {
            self.exit = failure.exit();
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Failure::Refused { code: refusal.code.as_str().to_owned(), words: refusal.words.into_owned() }
    }
}

/// A number with the words for one, or for any other.
pub(crate) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// How every command ends.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_stack_says_how_to_start_it() {
        let failure = Failure::NothingListens { addr: "127.0.0.1:9001".into(), flag: "--chat" };
        assert!(failure.to_string().starts_with(
            "nothing listens on 127.0.0.1:9001; start it with `docker compose up` or `cargo run --release`"
        ));
        assert_eq!((failure.exit(), failure.code()), (3, "nothing_listens"));
    }

    #[test]
    fn a_wait_is_told_in_seconds() {
        let failure = Failure::NoAnswer {
            addr: "h:1".into(),
            expected: "the info service",
            waited: Duration::from_secs(5),
        };
        assert!(failure.to_string().starts_with("no answer from h:1 within 5s; is that the info service?"));
    }
}
