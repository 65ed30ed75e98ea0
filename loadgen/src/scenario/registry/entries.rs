//! What became of those who entered the registry.

use serde::{Deserialize, Serialize};

/// What became of those who entered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entries {
    /// Asked for.
    pub sent: u64,
    /// Granted.
    pub granted: u64,
    /// Refused.
    pub refused: u64,
    /// Sightings owed: one for each watcher and whoever was granted.
    pub owed: u64,
    /// Seen by a watcher for the first time.
    pub ok: u64,
    /// Owed, and not seen.
    pub lost: u64,
    /// Seen once more.
    pub doubled: u64,
    /// Seen under a revision that does not rise.
    pub out_of_order: u64,
    /// Snapshots sent to watchers behind their first.
    pub resyncs: u64,
    /// Connections that ended.
    pub broken: u64,
}

impl Entries {
    /// Asked for, and neither granted nor refused.
    pub fn unanswered(&self) -> u64 {
        self.sent.saturating_sub(self.granted + self.refused)
    }

    /// How many sightings must not have come so.
    pub fn wrong(&self) -> u64 {
        self.doubled + self.out_of_order
    }

    /// Adds what another load tester has seen.
    pub(crate) fn add(&mut self, other: &Entries) {
        self.sent += other.sent;
        self.granted += other.granted;
        self.refused += other.refused;
        self.owed += other.owed;
        self.ok += other.ok;
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.out_of_order += other.out_of_order;
        self.resyncs += other.resyncs;
        self.broken += other.broken;
    }
}
