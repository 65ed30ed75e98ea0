//! What a run found, for people and for programs.

pub mod text;
mod verdict;

use std::collections::BTreeMap;

use serde::Serialize;

pub use verdict::{Evidence, Verdict};

use crate::ledger::Counts;
use crate::limits::Descriptors;
use crate::plan::Plan;
use crate::recorder::Row;
use crate::scenario::chat::Account;
use crate::scenario::info::Replies;
use crate::strain::Strain;

/// The version of the report's JSON; it rises when a field changes its meaning or goes away.
pub const SCHEMA_VERSION: u32 = 1;

/// A whole report. Durations are nanoseconds where a name ends in `_ns`.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Where and with what it ran.
    pub environment: Environment,
    /// What was planned.
    pub plan: Plan,
    /// What it says about itself.
    pub verdict: Verdict,
    /// Whether somebody ended it early.
    pub interrupted: bool,
    /// How long it waited for the last delivery.
    pub drained_seconds: f64,
    /// The latencies.
    pub rows: Vec<Row>,
    /// How many durations were too long for a histogram.
    pub clipped: u64,
    /// What became of every message.
    pub chat: Chat,
    /// What became of every query.
    pub info: Info,
    /// The generator's own effort while it measured.
    pub strain: Strain,
    /// Its limit on open files.
    pub descriptors: Descriptors,
    /// What the process exits with.
    pub exit_code: u8,
}

impl Report {
    /// Whether there was no traffic, so that nothing can be said about it.
    pub fn sent_nothing(&self) -> bool {
        self.chat.sent + self.info.sent == 0
    }
}

/// Where and with what a run was made.
#[derive(Debug, Clone, Serialize)]
pub struct Environment {
    /// The load tester's version.
    pub loadgen: &'static str,
    /// The run's number, as it stands in its users' names.
    pub run: String,
    /// The chat service.
    pub chat: String,
    /// The info service, when it was asked.
    pub info: Option<String>,
    /// Operating system and architecture.
    pub system: String,
}

/// What became of every message.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Chat {
    /// Messages that a socket took.
    pub sent: u64,
    /// Operations that fell due and could not be sent.
    pub unsent: u64,
    /// Messages that were acknowledged.
    pub acked: u64,
    /// Messages that the server refused.
    pub refused: u64,
    /// Deliveries owed: the members of the room but the sender, for each message that was not refused.
    pub owed: u64,
    /// Owed deliveries that never came.
    pub lost: u64,
    /// Owed deliveries that never came to somebody to whom the server had said goodbye.
    pub excused: u64,
    /// What came.
    #[serde(flatten)]
    pub counts: Counts,
    /// What the server refused or complained about, by code.
    pub errors: BTreeMap<&'static str, u64>,
    /// Connections that broke, by reason.
    pub broken: BTreeMap<String, u64>,
    /// Users to whom the server said goodbye.
    pub dismissed: u64,
}

impl Chat {
    /// The settled account of a run that sent so much and owed so much for it.
    pub fn new(account: Account, sent: u64, unsent: u64, owed: u64) -> Self {
        Chat {
            sent,
            unsent,
            acked: account.acked,
            refused: account.refused,
            owed: owed - account.unowed,
            lost: account.lost,
            excused: account.excused,
            counts: account.counts,
            errors: account.errors,
            broken: account.broken,
            dismissed: account.dismissed,
        }
    }

    /// Messages that were neither acknowledged nor refused.
    pub fn unanswered(&self) -> u64 {
        self.sent.saturating_sub(self.acked + self.refused)
    }

    /// What breaks the ledger: each with how often. Somebody else's words in a room and what came late
    /// do not, nor does what a server that said goodbye has not answered any more.
    pub fn breaches(&self) -> Vec<(&'static str, u64)> {
        let unanswered = if self.dismissed > 0 { 0 } else { self.unanswered() };
        let all = [
            ("lost", self.lost),
            ("doubled", self.counts.doubled),
            ("out of order", self.counts.out_of_order),
            ("corrupt", self.counts.corrupt),
            ("misrouted", self.counts.misrouted),
            ("not acknowledged", unanswered),
            ("connections broken", self.broken.values().sum()),
        ];
        all.into_iter().filter(|(_, count)| *count > 0).collect()
    }
}

/// What became of every query. Datagrams promise nothing, so no loss here breaks the ledger.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Info {
    /// Queries that a socket took.
    pub sent: u64,
    /// What came back.
    #[serde(flatten)]
    pub replies: Replies,
}

/// The process's exit code: 0 held, 4 the ledger is broken, 5 the run is invalid, 130 interrupted.
///
/// A broken ledger comes before an invalid run: no strain of the generator makes a server double or swap.
pub fn exit_code(interrupted: bool, chat: &Chat, verdict: &Verdict, allow_client_limited: bool) -> u8 {
    if interrupted {
        130
    } else if !chat.breaches().is_empty() {
        4
    } else if !(verdict.valid || allow_client_limited && verdict.client_limited_only) {
        5
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_worst_decides_the_exit_code() {
        let (valid, mut limited) = (Verdict { valid: true, ..Verdict::default() }, Verdict::default());
        let held = Chat::default();
        let broken = Chat { lost: 1, ..Chat::default() };
        assert_eq!(exit_code(false, &held, &valid, false), 0);
        assert_eq!(exit_code(false, &broken, &limited, false), 4);
        assert_eq!(exit_code(true, &broken, &limited, false), 130);
        assert_eq!(exit_code(false, &held, &limited, true), 5);
        limited.client_limited_only = true;
        assert_eq!(exit_code(false, &held, &limited, false), 5);
        assert_eq!(exit_code(false, &held, &limited, true), 0);
    }

    #[test]
    fn a_goodbye_excuses_what_was_not_acknowledged() {
        let chat = Chat { sent: 3, acked: 2, ..Chat::default() };
        assert_eq!(chat.breaches(), [("not acknowledged", 1)]);
        assert_eq!(Chat { dismissed: 1, ..chat }.breaches(), []);
    }
}
