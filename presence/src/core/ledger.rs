//! Who is here by this service, beside what the registry knows of it.

use std::collections::{BTreeMap, BTreeSet};

use engine::names::{RoomName, UserName};
use engine::registry::Request;

/// One change of who is here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Deed {
    /// The user's name is held, and if there is a room, the user is in it.
    Enter {
        user: UserName,
        room: Option<RoomName>,
    },
    Leave {
        user: UserName,
        room: RoomName,
    },
    Release {
        user: UserName,
    },
    Rename {
        user: UserName,
        to: UserName,
    },
}

impl Deed {
    /// The request; `age` is for how many milliseconds the user has had the name.
    pub(crate) fn request(&self, lease: u64, age: u64) -> Request {
        match self.clone() {
            Deed::Enter { user, room: Some(room) } => Request::Join { lease, user, room, hold: true, age },
            Deed::Enter { user, room: None } => Request::Hold { lease, user, age },
            Deed::Leave { user, room } => Request::Leave { lease, user, room },
            Deed::Release { user } => Request::Release { lease, user },
            Deed::Rename { user, to } => Request::Rename { lease, user, to },
        }
    }
}

/// A user in a room; without a room, a user whose name is held.
type Place = (UserName, Option<RoomName>);

/// What shall be known, and what is. After whatever broke, the difference is what is left to be said.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    wanted: BTreeSet<Place>,
    /// What the registry knows; false when an answer was lost and it may know or not.
    known: BTreeMap<Place, bool>,
}

impl Ledger {
    /// This shall be so from now on.
    pub(crate) fn want(&mut self, deed: &Deed) {
        match deed {
            Deed::Enter { user, room } => {
                self.wanted.extend([(user.clone(), None), (user.clone(), room.clone())]);
            }
            Deed::Leave { user, room } => {
                self.wanted.remove(&(user.clone(), Some(room.clone())));
            }
            Deed::Release { user } => {
                for place in self.wanted_of(user) {
                    self.wanted.remove(&place);
                }
            }
            Deed::Rename { user, to } => {
                for place in self.wanted_of(user) {
                    self.wanted.remove(&place);
                    self.wanted.insert((to.clone(), place.1));
                }
            }
        }
    }

    /// The registry has done it, or finds nothing left of it to be done.
    pub(crate) fn done(&mut self, deed: &Deed) {
        match deed {
            Deed::Enter { user, room } => {
                self.known.extend([((user.clone(), None), true), ((user.clone(), room.clone()), true)]);
            }
            Deed::Leave { user, room } => {
                self.known.remove(&(user.clone(), Some(room.clone())));
            }
            Deed::Release { user } => {
                for place in self.known_of(user) {
                    self.known.remove(&place);
                }
            }
            Deed::Rename { user, to } => {
                for place in self.known_of(user) {
                    let sure = self.known.remove(&place).unwrap_or(false);
                    self.known.insert((to.clone(), place.1), sure);
                }
            }
        }
    }

    /// The connection was lost before the answer: the registry may have done it or not.
    pub(crate) fn doubt(&mut self, deed: &Deed) {
        match deed {
            Deed::Enter { user, room } => {
                for place in [(user.clone(), None), (user.clone(), room.clone())] {
                    self.known.entry(place).or_insert(false);
                }
            }
            Deed::Leave { user, room } => {
                self.known.entry((user.clone(), Some(room.clone()))).and_modify(|sure| *sure = false);
            }
            Deed::Release { user } => {
                for place in self.known_of(user) {
                    self.known.insert(place, false);
                }
            }
            Deed::Rename { user, to } => {
                for place in self.known_of(user) {
                    self.known.insert((to.clone(), place.1.clone()), false);
                    self.known.insert(place, false);
                }
            }
        }
    }

    /// The registry may have given names of ours to others and its word was lost.
    pub(crate) fn doubt_all(&mut self) {
        self.known.values_mut().for_each(|sure| *sure = false);
    }

    /// The registry knows nothing: the lease is a new one.
    pub(crate) fn forget(&mut self) {
        self.known.clear();
    }

    /// What is left to be said, departures first, since a name may have gone from one user to another.
    pub(crate) fn missing(&self) -> Vec<Deed> {
        let mut deeds: Vec<Deed> = self.surplus().collect();
        for place in &self.wanted {
            self.enter(place, &mut deeds);
        }
        deeds
    }

    /// Whether the user is here.
    pub(crate) fn wants(&self, user: &UserName) -> bool {
        self.wanted.contains(&(user.clone(), None))
    }

    /// What is left to be said of one user who is here.
    pub(crate) fn missing_of(&self, user: &UserName) -> Vec<Deed> {
        let mut deeds = Vec::new();
        for place in self.wanted_of(user) {
            self.enter(&place, &mut deeds);
        }
        deeds
    }

    fn surplus(&self) -> impl Iterator<Item = Deed> {
        self.known.keys().filter(|place| !self.wanted.contains(place)).filter_map(|(user, room)| match room {
            None => Some(Deed::Release { user: user.clone() }),
            // Whoever is gone wholly is released above: the hold sorts before the rooms.
            Some(_) if !self.wanted.contains(&(user.clone(), None)) => None,
            Some(room) => Some(Deed::Leave { user: user.clone(), room: room.clone() }),
        })
    }

    /// Adds the entering of a place that is not surely known. A hold that is followed by a room of the
    /// same user is said with it.
    fn enter(&self, place: &Place, deeds: &mut Vec<Deed>) {
        if self.known.get(place) == Some(&true) {
            return;
        }
        let (user, room) = place.clone();
        if room.is_some() && deeds.last() == Some(&Deed::Enter { user: user.clone(), room: None }) {
            deeds.pop();
        }
        deeds.push(Deed::Enter { user, room });
    }

    fn wanted_of(&self, user: &UserName) -> Vec<Place> {
        let first = (user.clone(), None);
        self.wanted.range(first..).take_while(|(name, _)| name == user).cloned().collect()
    }

    fn known_of(&self, user: &UserName) -> Vec<Place> {
        let first = (user.clone(), None);
        self.known
            .range(first..)
            .map(|(place, _)| place)
            .take_while(|(name, _)| name == user)
            .cloned()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str) -> UserName {
        UserName::parse(name).unwrap()
    }

    fn room(name: &str) -> RoomName {
        RoomName::parse(name).unwrap()
    }

    fn enter(name: &str, into: Option<&str>) -> Deed {
        Deed::Enter { user: user(name), room: into.map(room) }
    }

    fn leave(name: &str, from: &str) -> Deed {
        Deed::Leave { user: user(name), room: room(from) }
    }

    fn wanted(deeds: &[Deed]) -> Ledger {
        let mut ledger = Ledger::default();
        deeds.iter().for_each(|deed| ledger.want(deed));
        ledger
    }

    /// Says everything that is left, and the registry does it.
    fn settle(ledger: &mut Ledger) -> Vec<Deed> {
        let deeds = ledger.missing();
        deeds.iter().for_each(|deed| ledger.done(deed));
        assert_eq!(ledger.missing(), []);
        deeds
    }

    #[test]
    fn a_new_lease_is_told_everything_in_few_words() {
        let all = [enter("alice", Some("lobby")), enter("alice", Some("tea")), enter("bob", None)];
        let mut ledger = wanted(&all);
        assert_eq!(settle(&mut ledger), all);
        ledger.forget();
        assert_eq!(settle(&mut ledger), all);
    }

    #[test]
    fn an_old_lease_is_told_what_happened_meanwhile() {
        let mut ledger = wanted(&[enter("alice", Some("lobby")), enter("bob", Some("lobby"))]);
        settle(&mut ledger);
        ledger.want(&Deed::Release { user: user("bob") });
        ledger.want(&leave("alice", "lobby"));
        ledger.want(&enter("alice", Some("tea")));
        let said =
            [leave("alice", "lobby"), Deed::Release { user: user("bob") }, enter("alice", Some("tea"))];
        assert_eq!(settle(&mut ledger), said);
    }

    #[test]
    fn what_was_in_doubt_is_said_again() {
        let mut ledger = wanted(&[enter("alice", Some("lobby"))]);
        settle(&mut ledger);
        for deed in [leave("alice", "lobby"), enter("alice", Some("lobby")), enter("bob", Some("tea"))] {
            ledger.want(&deed);
            ledger.doubt(&deed);
        }
        ledger.want(&Deed::Release { user: user("bob") });
        let said = [Deed::Release { user: user("bob") }, enter("alice", Some("lobby"))];
        assert_eq!(settle(&mut ledger), said);
    }

    #[test]
    fn a_rename_in_doubt_frees_the_old_name_first() {
        let mut ledger = wanted(&[enter("alice", Some("lobby"))]);
        settle(&mut ledger);
        let rename = Deed::Rename { user: user("alice"), to: user("Alice") };
        ledger.want(&rename);
        ledger.doubt(&rename);
        let said = [Deed::Release { user: user("alice") }, enter("Alice", Some("lobby"))];
        assert_eq!(settle(&mut ledger), said);
    }
}
