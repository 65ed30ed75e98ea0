//! Whom to part with when too much is kept for those who read slowly.
//!
//! What waits for one member alone goes with that member. A room's log is kept for whoever is furthest behind
//! in it and serves everybody who is less far: it shrinks to what the next of them needs.

use std::collections::{BTreeMap, BTreeSet};

use super::MemberId;

/// What is kept for members that are behind, and for whom.
#[derive(Debug, Default)]
pub struct Backlog {
    holders: BTreeMap<MemberId, Holding>,
    /// Each room's members by the bytes of its log that they need.
    rooms: Vec<BTreeSet<(usize, MemberId)>>,
}

/// What is kept for one member.
#[derive(Debug, Default)]
struct Holding {
    /// Bytes for it alone.
    alone: usize,
    /// Bytes in all, those that it shares with others included.
    bytes: usize,
    /// The rooms that it is behind in.
    rooms: Vec<usize>,
}

impl Backlog {
    /// So many bytes wait for one member alone.
    pub fn add_alone(&mut self, member: MemberId, bytes: usize) {
        let holding = self.holders.entry(member).or_default();
        holding.alone += bytes;
        holding.bytes += bytes;
    }

    /// So many bytes of one room's log are kept for each of these.
    pub fn add_room(&mut self, needs: impl IntoIterator<Item = (MemberId, usize)>) {
        let mut room = BTreeSet::new();
        for (member, bytes) in needs {
            room.insert((bytes, member));
            let holding = self.holders.entry(member).or_default();
            holding.bytes += bytes;
            holding.rooms.push(self.rooms.len());
        }
        self.rooms.push(room);
    }

    /// Bytes kept in all.
    pub fn total(&self) -> usize {
        let alone = self.holders.values().map(|holding| holding.alone);
        alone.chain(self.rooms.iter().map(kept)).sum()
    }

    /// Who has to go so that at most `cap` bytes are kept: the one that holds most first.
    pub fn excess(mut self, cap: usize) -> Vec<MemberId> {
        let mut total = self.total();
        let mut by_size: Vec<_> = self.holders.iter().map(|(&member, held)| (held.bytes, member)).collect();
        by_size.sort_unstable();
        let mut gone = Vec::new();
        while total > cap
            && let Some((_, largest)) = by_size.pop()
        {
            total -= self.part_with(largest);
            gone.push(largest);
        }
        gone
    }

    /// Bytes that are free once this member has gone.
    fn part_with(&mut self, member: MemberId) -> usize {
        let Some(holding) = self.holders.remove(&member) else { return 0 };
        let mut freed = holding.alone;
        for room in holding.rooms {
            let room = &mut self.rooms[room];
            let before = kept(room);
            while room.last().is_some_and(|(_, holder)| !self.holders.contains_key(holder)) {
                room.pop_last();
            }
            freed += before - kept(room);
        }
        freed
    }
}

/// What a room keeps: as much as the one furthest behind needs.
fn kept(room: &BTreeSet<(usize, MemberId)>) -> usize {
    room.last().map_or(0, |(bytes, _)| *bytes)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// What each holds alone, and what each needs of each room.
    fn backlog(alone: &[(u64, usize)], rooms: &[Vec<(u64, usize)>]) -> Backlog {
        let mut backlog = Backlog::default();
        alone.iter().for_each(|&(member, bytes)| backlog.add_alone(MemberId(member), bytes));
        rooms.iter().for_each(|room| {
            let needs: BTreeMap<_, _> =
                room.iter().map(|&(member, bytes)| (MemberId(member), bytes)).collect();
            backlog.add_room(needs);
        });
        backlog
    }

    fn excess(cap: usize, alone: &[(u64, usize)], rooms: &[Vec<(u64, usize)>]) -> Vec<u64> {
        backlog(alone, rooms).excess(cap).into_iter().map(|member| member.0).collect()
    }

    #[test]
    fn nobody_goes_where_all_of_it_fits() {
        assert_eq!(excess(0, &[], &[]), []);
        assert_eq!(excess(100, &[(1, 60), (2, 40)], &[]), []);
    }

    #[test]
    fn the_largest_goes_first_and_no_more_than_must() {
        assert_eq!(excess(99, &[(1, 20), (2, 50), (3, 30)], &[]), [2]);
        assert_eq!(excess(49, &[(1, 20), (2, 50), (3, 30)], &[]), [2, 3]);
        assert_eq!(excess(0, &[(1, 20), (2, 50), (3, 30)], &[]), [2, 3, 1]);
    }

    #[test]
    fn a_log_is_kept_once_for_all_who_are_behind_in_it() {
        let room = vec![(1, 80), (2, 70), (3, 10)];
        assert_eq!(backlog(&[], std::slice::from_ref(&room)).total(), 80);
        assert_eq!(excess(80, &[], std::slice::from_ref(&room)), []);
        assert_eq!(excess(50, &[], &[room]), [1, 2], "one alone frees the 10 that the other does not need");
    }

    #[test]
    fn what_somebody_holds_in_several_places_counts_together() {
        let rooms = [vec![(1, 30), (2, 40)], vec![(1, 30)]];
        assert_eq!(excess(70, &[(3, 45)], &rooms), [1, 3], "60, 45, 40");
        assert_eq!(excess(100, &[(1, 5), (3, 45)], &rooms), [1], "65, 45, 40");
    }

    proptest! {
        /// Against the plainest way to do it: count everything again after each one who goes.
        #[test]
        fn it_fits_then_and_each_was_the_largest(
            alone in vec((0..8u64, 0..50usize), 0..8),
            rooms in vec(vec((0..8u64, 0..50usize), 0..8), 0..4),
            cap in 0..200usize,
        ) {
            let mut left: (Vec<_>, Vec<_>) = (alone.clone(), rooms.clone());
            for member in excess(cap, &alone, &rooms) {
                let now = backlog(&left.0, &left.1);
                prop_assert!(now.total() > cap, "it would have fitted without parting with {}", member);
                let most = now.holders.values().map(|holding| holding.bytes).max();
                prop_assert_eq!(Some(now.holders[&MemberId(member)].bytes), most);
                left.0.retain(|one| one.0 != member);
                left.1.iter_mut().for_each(|room| room.retain(|one| one.0 != member));
            }
            prop_assert!(backlog(&left.0, &left.1).total() <= cap);
        }
    }
}
