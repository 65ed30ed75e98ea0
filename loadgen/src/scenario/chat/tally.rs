//! What the readers of one shard have seen.

use std::collections::{BTreeMap, BTreeSet};

use super::absence::Absences;
use crate::ledger::Ledger;
use crate::recorder::Recorder;

/// How a user's connection ended before the run did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The server said goodbye first.
    Dismissed,
    /// It did not; in words, why the connection is gone.
    Lost(String),
    /// It read slowly on purpose, and the server had enough of it.
    TooSlow,
}

/// Everything that a shard's readers note.
#[derive(Debug)]
pub struct Tally {
    /// Who got what.
    pub ledger: Ledger,
    /// How long it took, since somebody last took these figures away.
    pub recorder: Recorder,
    /// How many messages were acknowledged.
    pub acked: u64,
    /// Which messages the server refused, by sender and sequence: they are owed to nobody.
    pub refused: BTreeSet<(u32, u32)>,
    /// What the server refused or complained about, by code.
    pub errors: BTreeMap<&'static str, u64>,
    /// When listeners were away because the plan wanted it.
    pub(super) absences: Absences,
    /// How many connections broke that are to be made again.
    pub breaks: u64,
    /// How many of them were.
    pub reconnects: u64,
    /// How many slow readers the server has closed.
    pub slow_closed: u64,
    /// Whose connection ended, and how.
    pub ended: BTreeMap<u32, Ended>,
}

impl Tally {
    /// A tally of nothing.
    pub fn new(ledger: Ledger) -> Self {
        Tally {
            ledger,
            recorder: Recorder::default(),
            acked: 0,
            refused: BTreeSet::new(),
            errors: BTreeMap::new(),
            absences: Absences::default(),
            breaks: 0,
            reconnects: 0,
            slow_closed: 0,
            ended: BTreeMap::new(),
        }
    }
}
