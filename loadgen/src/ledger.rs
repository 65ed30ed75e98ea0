//! Every delivery accounted for: what came, to whom, how often, in which order; and what did not come.
//!
//! One number for each pair of sender and receiver says which of the sender's messages is wanted next,
//! and one for each receiver the newest id of its room. Nearly every delivery is the wanted one and costs
//! a comparison; only what is skipped is written down one by one. The numbers of a sender lie side by side,
//! for a message reaches its receivers one after the other: ordered by receiver, each of them would be
//! fetched from memory alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::roster::Roster;

/// A message that reached somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sighting {
    /// Whom it reached.
    pub receiver: u32,
    /// The room it was said in.
    pub room: u32,
    /// Who said it.
    pub sender: u32,
    /// Which of the sender's messages it is.
    pub sequence: u32,
    /// Its id in the room.
    pub id: u64,
    /// Whether it came longer after its due time than anybody waits.
    pub late: bool,
}

/// What a sighting is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Owed, and seen for the first time.
    First,
    /// Owed, and seen before.
    Doubled,
    /// Not owed to this receiver.
    Misrouted,
}

/// How many deliveries were what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Owed, and came in time.
    pub ok: u64,
    /// Owed, and came, but too late.
    pub late: u64,
    /// Came once more.
    pub doubled: u64,
    /// Came behind a later message of its room or sender; they are among `ok` and `late` too.
    pub out_of_order: u64,
    /// Came, but not as it was sent; what it was meant to be is among the lost.
    pub corrupt: u64,
    /// Came to somebody to whom it was not owed.
    pub misrouted: u64,
    /// Came from somebody who is not of this run.
    pub foreign: u64,
}

impl Counts {
    /// Adds another part's counts.
    pub fn add(&mut self, other: &Counts) {
        self.ok += other.ok;
        self.late += other.late;
        self.doubled += other.doubled;
        self.out_of_order += other.out_of_order;
        self.corrupt += other.corrupt;
        self.misrouted += other.misrouted;
        self.foreign += other.foreign;
    }

    /// How many came that must not have come so: they break the ledger whatever else comes.
    pub fn wrong(&self) -> u64 {
        self.doubled + self.out_of_order + self.corrupt + self.misrouted
    }

    /// How many of the owed deliveries came.
    pub fn arrived(&self) -> u64 {
        self.ok + self.late
    }
}

/// The account of some receivers of a run.
#[derive(Debug)]
pub struct Ledger {
    roster: Arc<Roster>,
    /// The newest id that each receiver has seen.
    newest_id: Vec<u64>,
    /// By sender, the sequence that is wanted next by each member of its room; made at its first delivery.
    wanted: Vec<Option<Box<[u32]>>>,
    /// What was skipped and has not come since, by receiver and sender.
    holes: BTreeMap<(u32, u32), BTreeSet<u32>>,
    counts: Counts,
}

impl Ledger {
    /// An empty account.
    pub fn new(roster: Arc<Roster>) -> Self {
        let users = roster.users() as usize;
        let (newest_id, wanted) = (vec![0; users], vec![None; users]);
        Ledger { roster, newest_id, wanted, holes: BTreeMap::new(), counts: Counts::default() }
    }

    /// Enters a message that reached somebody.
    pub fn enter(&mut self, seen: &Sighting) -> Verdict {
        let Sighting { receiver, room, sender, .. } = *seen;
        let owed = sender < self.roster.users()
            && sender != receiver
            && self.roster.room_of(receiver) == room
            && self.roster.room_of(sender) == room;
        if !owed {
            self.counts.misrouted += 1;
            return Verdict::Misrouted;
        }
        let (newest_id, wanted) = self.places(receiver, sender);
        let behind = seen.sequence < *wanted;
        let out_of_order = behind || seen.id <= *newest_id;
        *newest_id = seen.id.max(*newest_id);
        let skipped = *wanted..seen.sequence;
        *wanted = (seen.sequence + 1).max(*wanted);
        if behind && !self.fill(seen) {
            self.counts.doubled += 1;
            return Verdict::Doubled;
        }
        self.skip(receiver, sender, skipped);
        self.counts.out_of_order += u64::from(out_of_order);
        let came = if seen.late { &mut self.counts.late } else { &mut self.counts.ok };
        *came += 1;
        Verdict::First
    }

    /// Enters a message that came damaged.
    pub fn corrupt(&mut self) {
        self.counts.corrupt += 1;
    }

    /// Enters somebody else's message.
    pub fn foreign(&mut self) {
        self.counts.foreign += 1;
    }

    /// What was entered so far.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Which of the sender's first `sent` messages have not reached the receiver, in order.
    pub fn missing(&self, receiver: u32, sender: u32, sent: u32) -> impl Iterator<Item = u32> {
        let place = self.roster.place_of(receiver) as usize;
        let wanted = self.wanted[sender as usize].as_ref().map_or(0, |wanted| wanted[place]);
        let holes = self.holes.get(&(receiver, sender)).into_iter().flatten().copied();
        holes.filter(move |&sequence| sequence < sent).chain(wanted..sent)
    }

    /// The receiver's newest id, and which of the sender's messages it wants next.
    fn places(&mut self, receiver: u32, sender: u32) -> (&mut u64, &mut u32) {
        let roster = &self.roster;
        let wanted = self.wanted[sender as usize].get_or_insert_with(|| {
            let members = roster.members(roster.room_of(sender)).count();
            vec![0; members].into()
        });
        (&mut self.newest_id[receiver as usize], &mut wanted[roster.place_of(receiver) as usize])
    }

    /// Takes a message off what was skipped; false when it was not skipped, so it has come before.
    fn fill(&mut self, seen: &Sighting) -> bool {
        let pair = (seen.receiver, seen.sender);
        let Some(holes) = self.holes.get_mut(&pair) else { return false };
        let filled = holes.remove(&seen.sequence);
        if holes.is_empty() {
            self.holes.remove(&pair);
        }
        filled
    }

    fn skip(&mut self, receiver: u32, sender: u32, skipped: std::ops::Range<u32>) {
        if !skipped.is_empty() {
            self.holes.entry((receiver, sender)).or_default().extend(skipped);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::roster::tests::roster;

    /// Users 0, 2 and 4 are in room 0, the others in room 1.
    fn ledger() -> Ledger {
        Ledger::new(Arc::new(roster(6, 2)))
    }

    fn sighting(sender: u32, sequence: u32, id: u64) -> Sighting {
        Sighting { receiver: 0, room: 0, sender, sequence, id, late: false }
    }

    fn entered(sightings: &[(u32, u64)]) -> Ledger {
        let mut ledger = ledger();
        for &(sequence, id) in sightings {
            ledger.enter(&sighting(2, sequence, id));
        }
        ledger
    }

    #[test]
    fn what_comes_once_in_order_is_ok() {
        let ledger = entered(&[(0, 1), (1, 2), (2, 5)]);
        assert_eq!(ledger.counts(), &Counts { ok: 3, ..Counts::default() });
        assert_eq!(ledger.missing(0, 2, 3).count(), 0);
        assert!(ledger.missing(0, 2, 5).eq([3, 4]), "and what was sent since is missing");
        assert_eq!(ledger.missing(4, 2, 5).count(), 5, "somebody who heard nothing misses all");
    }

    #[test]
    fn a_dropped_a_doubled_and_two_swapped() {
        let ledger = entered(&[(0, 1), (2, 3), (1, 2), (3, 4), (3, 4), (5, 6)]);
        let wanted = Counts { ok: 5, doubled: 1, out_of_order: 1, ..Counts::default() };
        assert_eq!(ledger.counts(), &wanted);
        assert!(ledger.missing(0, 2, 6).eq([4]));
    }

    #[test]
    fn two_senders_swapped_are_seen_by_their_ids() {
        let mut ledger = ledger();
        ledger.enter(&sighting(2, 0, 2));
        assert_eq!(ledger.enter(&sighting(4, 0, 1)), Verdict::First);
        assert_eq!(ledger.counts(), &Counts { ok: 2, out_of_order: 1, ..Counts::default() });
    }

    #[test]
    fn what_is_not_owed_is_misrouted() {
        let mut ledger = ledger();
        let strangers = [
            sighting(0, 0, 1),
            sighting(1, 0, 1),
            sighting(99, 0, 1),
            Sighting { room: 1, ..sighting(2, 0, 1) },
            Sighting { room: 1, ..sighting(1, 0, 1) },
        ];
        for stranger in strangers {
            assert_eq!(ledger.enter(&stranger), Verdict::Misrouted, "{stranger:?}");
        }
        assert_eq!(ledger.counts(), &Counts { misrouted: 5, ..Counts::default() });
    }

    #[test]
    fn what_comes_late_is_not_lost() {
        let mut ledger = ledger();
        ledger.enter(&Sighting { late: true, ..sighting(2, 0, 1) });
        assert_eq!(ledger.counts(), &Counts { late: 1, ..Counts::default() });
        assert_eq!(ledger.missing(0, 2, 1).count(), 0);
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_list_of_all_that_came(
            came in proptest::collection::vec((0u32..3, 0u32..12, 1u64..40, any::<bool>()), 0..80),
            sent in 0u32..14,
        ) {
            let mut ledger = ledger();
            let (mut list, mut model, mut newest_id) = (Vec::new(), Counts::default(), 0);
            for &(sender, sequence, id, late) in &came {
                let sender = sender * 2;
                ledger.enter(&Sighting { late, ..sighting(sender, sequence, id) });
                if sender == 0 {
                    model.misrouted += 1;
                    continue;
                }
                let behind = list.iter().any(|&(who, which)| who == sender && which > sequence);
                if list.contains(&(sender, sequence)) {
                    model.doubled += 1;
                } else {
                    model.out_of_order += u64::from(behind || id <= newest_id);
                    if late { model.late += 1 } else { model.ok += 1 }
                    list.push((sender, sequence));
                }
                newest_id = newest_id.max(id);
            }
            prop_assert_eq!(ledger.counts(), &model);
            for sender in [2, 4] {
                let absent = (0..sent).filter(|sequence| !list.contains(&(sender, *sequence)));
                prop_assert!(ledger.missing(0, sender, sent).eq(absent));
            }
        }
    }
}
