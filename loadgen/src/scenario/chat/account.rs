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
    pub forgone: u64,
    /// How many never came to somebody who left or joined while they were in flight. Counted when settled.
    pub excused: u64,
    /// What the server refused or complained about, by code.
    pub errors: BTreeMap<&'static str, u64>,
    /// How many connections broke, by reason.
    pub broken: BTreeMap<String, u64>,
    /// How many users the server said goodbye to.
    pub dismissed: u64,
    /// How many connections broke and were made again.
    pub reconnects: u64,
    /// How many broke and have not been made again.
    pub unreturned: u64,
    /// How many slow readers the server closed.
    pub slow_closed: u64,
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
        self.reconnects += tally.reconnects;
        self.unreturned += tally.breaks - tally.reconnects;
        self.slow_closed += tally.slow_closed;
        for (code, count) in &tally.errors {
            *self.errors.entry(code).or_default() += count;
        }
        for ended in tally.ended.values() {
            match ended {
                Ended::Dismissed => self.dismissed += 1,
                Ended::TooSlow => {}
                Ended::Lost(why) => *self.broken.entry(why.clone()).or_default() += 1,
            }
        }
    }

    /// Counts what has not reached the receivers of a shard whose tally, like all others', was added.
    pub fn settle(&mut self, receivers: impl Iterator<Item = u32>, tally: &Tally, scene: &Scene) {
        for receiver in receivers.filter(|&user| !scene.roster.is_slow(user)) {
            let (missing, excused) = self.missing(receiver, tally, scene);
            self.excused += excused;
            match tally.ended.get(&receiver) {
                Some(Ended::Dismissed) => self.forgone += missing,
                _ => self.lost += missing,
            }
        }
    }

    /// What a receiver misses, and what it misses because it was on its way in or out.
    fn missing(&self, receiver: u32, tally: &Tally, scene: &Scene) -> (u64, u64) {
        let (mut missing, mut excused) = (0, 0);
        let others = scene.roster.members(scene.roster.room_of(receiver)).filter(|&user| user != receiver);
        for sender in others {
            let sent = scene.sent.messages_of(sender);
            for sequence in tally.ledger.missing(receiver, sender, sent) {
                if self.refusals.contains(&(sender, sequence)) {
                    continue;
                }
                let away = was_away(receiver, (sender, sequence), tally, scene);
                *(if away { &mut excused } else { &mut missing }) += 1;
            }
        }
        (missing, excused)
    }
}

/// Whether a receiver came or went while a message was in flight.
fn was_away(receiver: u32, message: (u32, u32), tally: &Tally, scene: &Scene) -> bool {
    let Some(number) = scene.schedule.message(message.0, message.1) else { return false };
    let sent = scene.sent.at(number).unwrap_or(0);
    let until = scene.sent.in_flight_until(number).unwrap_or(u64::MAX);
    tally.absences.excuse(receiver, sent, until)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::ledger::Ledger;
    use crate::plan::tests::planned;

    #[test]
    fn whoever_leaves_behind_an_ack_and_before_the_delivery_is_excused() {
        let (options, plan) =
            planned("chat --clients 4 --rooms 1 --idle 50% --churn 60%/min --rate 4 --warmup 0s");
        let scene = plan.unwrap().scene(&options, 1);
        let mut tally = Tally::new(Ledger::new(Arc::clone(&scene.roster)));
        let number = scene.schedule.message(0, 0).unwrap();
        scene.sent.attempt(number, 10);
        tally.absences.leave(3, 25);
        assert!(was_away(3, (0, 0), &tally, &scene), "it has no answer yet");
        scene.sent.answered(number, 20);
        assert!(!was_away(3, (0, 0), &tally, &scene), "as far as is known it was over");
        scene.sent.seen(number, 30);
        scene.sent.seen(number, 15);
        assert!(was_away(3, (0, 0), &tally, &scene), "others saw it later than its sender's ack");
    }
}
