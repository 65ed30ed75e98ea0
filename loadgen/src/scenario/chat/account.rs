//! The sum of all shards' tallies, and what is missing from it.

use std::collections::{BTreeMap, BTreeSet};

use super::tally::{Ended, Tally};
use crate::ledger::Counts;
use crate::scenario::Scene;

/// What became of every delivery and every acknowledgement.
#[derive(Debug, Clone, Default)]
pub struct Account {
    /// What came.
    pub counts: Counts,
    /// How many messages were acknowledged.
    pub acked: u64,
    /// How many messages the server refused.
    pub refused: u64,
    /// How many deliveries are not owed because the server refused the message.
    pub unowed: u64,
    /// How many deliveries never came. Counted when settled.
    pub lost: u64,
    /// How many never came to somebody to whom the server had said goodbye. Counted when settled.
    pub excused: u64,
    /// What the server refused or complained about, by code.
    pub errors: BTreeMap<&'static str, u64>,
    /// How many connections broke, by reason.
    pub broken: BTreeMap<String, u64>,
    /// How many users the server said goodbye to.
    pub dismissed: u64,
    refusals: BTreeSet<(u32, u32)>,
}

impl Account {
    /// Adds a shard's tally.
    pub fn add(&mut self, tally: &Tally, scene: &Scene) {
        self.counts.add(tally.ledger.counts());
        self.acked += tally.acked;
        self.refused += tally.refused.len() as u64;
        self.unowed +=
            tally.refused.iter().map(|&(user, _)| u64::from(scene.roster.audience(user))).sum::<u64>();
        self.refusals.extend(&tally.refused);
        for (code, count) in &tally.errors {
            *self.errors.entry(code).or_default() += count;
        }
        for ended in tally.ended.values() {
            match ended {
                Ended::Dismissed => self.dismissed += 1,
                Ended::Lost(why) => *self.broken.entry(why.clone()).or_default() += 1,
            }
        }
    }

    /// Counts what has not reached the receivers of a shard whose tally, like all others', was added.
    pub fn settle(&mut self, receivers: impl Iterator<Item = u32>, tally: &Tally, scene: &Scene) {
        for receiver in receivers {
            let missing = self.missing(receiver, tally, scene);
            match tally.ended.get(&receiver) {
                Some(Ended::Dismissed) => self.excused += missing,
                _ => self.lost += missing,
            }
        }
    }

    fn missing(&self, receiver: u32, tally: &Tally, scene: &Scene) -> u64 {
        let others = scene.roster.members(scene.roster.room_of(receiver)).filter(|&user| user != receiver);
        let missing = others.map(|sender| {
            let refused = |sequence| self.refusals.contains(&(sender, sequence));
            tally.ledger.missing(receiver, sender, scene.sent.messages_of(sender), refused)
        });
        missing.sum()
    }
}
