//! What a run found, for people and for programs.

pub mod html;
mod lateness;
pub mod numbers;
mod outcome;
pub mod seen;
pub mod text;
mod verdict;
mod wrap;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use outcome::{Outcome, exit_code};
pub use seen::Seen;
pub use verdict::{CPU_LIMIT, Evidence, Verdict};

use crate::assertion::Judgement;
use crate::environment::Environment;
use crate::ledger::Counts;
use crate::limits::Descriptors;
use crate::plan::Plan;
use crate::reconcile::Reconciliation;
use crate::recorder::{Row, Series};
use crate::scenario::chat::Account;
use crate::scenario::info::Replies;
use crate::sent::Sent;
use crate::span::Span;
use crate::strain::Strain;
use crate::timeline::Second;

/// The version of the report's JSON; it rises when a field changes its meaning or goes away.
pub const SCHEMA_VERSION: u32 = 2;

/// A whole report. Durations are nanoseconds where a name ends in `_ns`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Where and with what it ran.
    pub environment: Environment,
    /// What was planned.
    pub plan: Plan,
    /// When it was measured; `None` when it ended before, and in reports of older versions.
    #[serde(default)]
    pub measured: Option<Span>,
    /// What it says about itself.
    pub verdict: Verdict,
    /// Whether somebody ended it early.
    pub interrupted: bool,
    /// How long it waited for the last delivery.
    pub drained_seconds: f64,
    /// The latencies of every series that has any.
    pub rows: Vec<Row>,
    /// How many durations were too long for a histogram.
    pub clipped: u64,
    /// What became of everything that was sent.
    #[serde(flatten)]
    pub seen: Seen,
    /// What the services have counted of it.
    pub reconciliation: Reconciliation,
    /// What was asserted.
    pub assertions: Vec<Judgement>,
    /// The generator's own effort while it measured.
    pub strain: Strain,
    /// Its limit on open files.
    pub descriptors: Descriptors,
    /// Second by second.
    pub timeline: Vec<Second>,
    /// The histogram of each series: HdrHistogram's V2 form, deflated, in base64.
    pub histograms: BTreeMap<String, String>,
    /// What the process exits with.
    pub exit_code: u8,
}

impl Report {
    /// The generator's whole CPU time for each delivery that was measured, in microseconds; `None` without
    /// any. What else it did meanwhile is in it.
    pub fn cpu_of_a_delivery(&self) -> Option<f64> {
        let deliveries = self.rows.iter().find(|row| row.name == Series::ChatDelivery.name())?.n;
        Some(self.strain.cpu_seconds * 1e6 / deliveries as f64)
    }
}

/// What became of every message.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Chat {
    /// Messages that a socket took.
    pub sent: u64,
    /// Operations that fell due and could not be sent.
    pub unsent: u64,
    /// The messages among them.
    #[serde(default)]
    pub unsaid: u64,
    /// Messages that were acknowledged.
    pub acked: u64,
    /// Messages that the server refused.
    pub refused: u64,
    /// Deliveries owed: the members of the room but the sender, for each message that was not refused.
    pub owed: u64,
    /// Owed deliveries that never came.
    pub lost: u64,
    /// Owed deliveries that never came to somebody to whom the server had said goodbye.
    pub forgone: u64,
    /// Owed deliveries that never came to somebody who was leaving or joining while they were in flight.
    pub excused: u64,
    /// What came.
    #[serde(flatten)]
    pub counts: Counts,
    /// What the server refused or complained about, by code.
    pub errors: BTreeMap<String, u64>,
    /// Connections that broke, by reason.
    pub broken: BTreeMap<String, u64>,
    /// Users to whom the server said goodbye.
    pub dismissed: u64,
    /// Connections that broke and were made again.
    pub reconnects: u64,
    /// Connections that broke, were to be made again, and were not by the end.
    #[serde(default)]
    pub unreturned: u64,
    /// Slow readers that the server closed.
    pub slow_closed: u64,
}

impl Chat {
    /// The settled account of a run, with what it sent and did not send.
    pub fn new(account: Account, sent: &Sent) -> Self {
        Chat {
            sent: sent.messages(),
            unsent: sent.unsent(),
            unsaid: sent.messages_unsaid(),
            acked: account.acked,
            refused: account.refused,
            owed: sent.owed() - account.unowed,
            lost: account.lost,
            forgone: account.forgone,
            excused: account.excused,
            counts: account.counts,
            errors: account.errors.into_iter().map(|(code, times)| (code.to_owned(), times)).collect(),
            broken: account.broken,
            dismissed: account.dismissed,
            reconnects: account.reconnects,
            unreturned: account.unreturned,
            slow_closed: account.slow_closed,
        }
    }

    /// Adds what another load tester has seen.
    fn add(&mut self, other: &Chat) {
        self.sent += other.sent;
        self.unsent += other.unsent;
        self.unsaid += other.unsaid;
        self.acked += other.acked;
        self.refused += other.refused;
        self.owed += other.owed;
        self.lost += other.lost;
        self.forgone += other.forgone;
        self.excused += other.excused;
        self.counts.add(&other.counts);
        add_counts(&mut self.errors, &other.errors);
        add_counts(&mut self.broken, &other.broken);
        self.dismissed += other.dismissed;
        self.reconnects += other.reconnects;
        self.unreturned += other.unreturned;
        self.slow_closed += other.slow_closed;
    }

    /// Messages that were neither acknowledged nor refused.
    pub fn unanswered(&self) -> u64 {
        self.sent.saturating_sub(self.acked + self.refused)
    }

    /// What breaks the ledger: each with how often. Somebody else's words in a room and what came late
    /// do not, nor does what a server that said goodbye has not answered, or could not be told, any more.
    pub fn breaches(&self) -> Vec<(&'static str, u64)> {
        let (unanswered, unsaid) = if self.dismissed > 0 { (0, 0) } else { (self.unanswered(), self.unsaid) };
        let all = [
            ("lost", self.lost),
            ("doubled", self.counts.doubled),
            ("out of order", self.counts.out_of_order),
            ("corrupt", self.counts.corrupt),
            ("misrouted", self.counts.misrouted),
            ("not acknowledged", unanswered),
            ("never sent", unsaid),
            ("connections broken", self.broken.values().sum()),
        ];
        all.into_iter().filter(|(_, count)| *count > 0).collect()
    }
}

/// What became of every query. Datagrams promise nothing, so no loss here breaks the ledger.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Info {
    /// Queries that a socket took.
    pub sent: u64,
    /// What came back.
    #[serde(flatten)]
    pub replies: Replies,
}

impl Info {
    fn add(&mut self, other: &Info) {
        self.sent += other.sent;
        let (mine, theirs) = (&mut self.replies, &other.replies);
        mine.ok += theirs.ok;
        mine.late += theirs.late;
        mine.doubled += theirs.doubled;
        mine.foreign += theirs.foreign;
        mine.unanswered += theirs.unanswered;
    }
}

/// Adds counts by name.
pub(crate) fn add_counts(mine: &mut BTreeMap<String, u64>, theirs: &BTreeMap<String, u64>) {
    for (name, count) in theirs {
        *mine.entry(name.clone()).or_default() += count;
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::hdr;
    use crate::recorder::Recorder;

    /// The report of a valid run that recorded this.
    pub(crate) fn of(recorder: &Recorder) -> Report {
        let chat = Chat { sent: 20, acked: 20, owed: 60, ..Chat::default() };
        let second = |at| Second { at, phase: "steady".into(), rows: recorder.rows(), ..Second::default() };
        Report {
            schema_version: SCHEMA_VERSION,
            environment: Environment::default(),
            plan: Plan { run: "chat".into(), clients: 4, rooms: 1, speakers: 4, ..Plan::default() },
            measured: None,
            verdict: Verdict { valid: true, ..Verdict::default() },
            interrupted: false,
            drained_seconds: 0.1,
            rows: recorder.rows(),
            clipped: 0,
            seen: Seen { chat, ..Seen::default() },
            reconciliation: Reconciliation::default(),
            assertions: Vec::new(),
            strain: Strain::default(),
            descriptors: Descriptors::default(),
            timeline: vec![second(1), second(2)],
            histograms: hdr::encode_all(recorder),
            exit_code: 0,
        }
    }

    /// The report of a small valid run.
    pub(crate) fn example() -> Report {
        let mut recorder = Recorder::default();
        (1..=60).for_each(|number| recorder.note(Series::ChatDelivery, number * 100_000));
        of(&recorder)
    }

    #[test]
    fn a_report_survives_being_written_and_read() {
        let text = serde_json::to_string(&example()).unwrap();
        let read: Report = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
    }

    #[test]
    fn a_goodbye_excuses_what_was_not_acknowledged_or_sent() {
        let chat = Chat { sent: 3, acked: 2, unsaid: 4, ..Chat::default() };
        assert_eq!(chat.breaches(), [("not acknowledged", 1), ("never sent", 4)]);
        assert_eq!(Chat { dismissed: 1, ..chat }.breaches(), []);
    }
}
