//! What the events add up to: who is here and which services there are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use imbl::OrdMap;

use super::{Change, Event, Label};
use crate::Timestamp;
use crate::names::{RoomName, UserName};

/// Of more services than this the longest gone are forgotten.
pub const SERVICES_KEPT: usize = 1_000;

/// Everybody by name, in order. A copy shares what has not changed since, so that it costs next to nothing
/// however large the crowd is: snapshots and views are copies.
pub type Users = OrdMap<UserName, User>;

/// Everybody and every service at one revision. The registry changes its own by applying events and in
/// no other way, which is why a watcher that applies them too has the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roster {
    /// The revision of the last event applied.
    pub rev: u64,
    /// Who is here.
    pub users: Users,
    /// Every instance that is up, and those that were.
    pub services: BTreeMap<Label, Service>,
}

/// Somebody who is here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The instance the user is connected to.
    pub instance: Label,
    /// When the user came; a rename does not change it.
    pub since: Timestamp,
    /// The revision at which the name was granted: of two grants of one name the later has the higher.
    pub generation: u64,
    /// Whether the name is held also without a room.
    pub held: bool,
    /// The rooms the user is in.
    pub rooms: BTreeSet<RoomName>,
}

/// One instance of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// What it serves.
    pub service: Label,
    /// Where it is reached.
    pub addr: Label,
    /// What else it says of itself: the text of a JSON object.
    pub meta: Arc<str>,
    /// Whether a lease holds it.
    pub up: bool,
    /// The revision at which it last came or went.
    pub rev: u64,
}

/// An event that is not the next one: something was missed, or came twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap;

impl Roster {
    /// Applies the next event.
    ///
    /// # Errors
    /// [`Gap`] when the event's revision is not the next one; then nothing has changed.
    pub fn apply(&mut self, event: &Event) -> Result<(), Gap> {
        if event.rev != self.rev + 1 {
            return Err(Gap);
        }
        self.rev = event.rev;
        match &event.change {
            Change::Joined { user, room, instance, since, held } => {
                let entry = self.users.entry(user.clone()).or_insert_with(|| User {
                    instance: instance.clone(),
                    since: *since,
                    generation: event.rev,
                    held: false,
                    rooms: BTreeSet::new(),
                });
                entry.held = *held;
                entry.rooms.extend(room.clone());
            }
            Change::Left { user, room, held, .. } => self.leave(user, room.as_ref(), *held),
            Change::Renamed { user, to, .. } => {
                if let Some(entry) = self.users.remove(user) {
                    self.users.insert(to.clone(), User { generation: event.rev, ..entry });
                }
            }
            Change::Up { instance, service, addr, meta } => {
                let (service, addr, meta) = (service.clone(), addr.clone(), meta.clone());
                let service = Service { service, addr, meta, up: true, rev: event.rev };
                self.services.insert(instance.clone(), service);
                self.forget_the_longest_gone();
            }
            Change::Down { instance, .. } => {
                if let Some(service) = self.services.get_mut(instance) {
                    (service.up, service.rev) = (false, event.rev);
                }
                self.forget_the_longest_gone();
            }
        }
        Ok(())
    }

    fn leave(&mut self, user: &UserName, room: Option<&RoomName>, held: bool) {
        let Some(entry) = self.users.get_mut(user) else { return };
        entry.held = held;
        if let Some(room) = room {
            entry.rooms.remove(room);
        }
        if entry.rooms.is_empty() && !held {
            self.users.remove(user);
        }
    }

    fn forget_the_longest_gone(&mut self) {
        if self.services.len() <= SERVICES_KEPT {
            return;
        }
        let gone = self.services.iter().filter(|(_, service)| !service.up);
        if let Some(oldest) =
            gone.min_by_key(|(_, service)| service.rev).map(|(instance, _)| instance.clone())
        {
            self.services.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(written: &str) -> Label {
        Label::parse(written).unwrap()
    }

    fn up(rev: u64, instance: &Label) -> Event {
        let (service, addr) = (label("chat"), label("chat:9001"));
        Event { rev, change: Change::Up { instance: instance.clone(), service, addr, meta: "{}".into() } }
    }

    fn down(rev: u64, instance: &Label) -> Event {
        let (service, addr) = (label("chat"), label("chat:9001"));
        Event { rev, change: Change::Down { instance: instance.clone(), service, addr } }
    }

    #[test]
    fn an_event_that_is_not_the_next_one_changes_nothing() {
        let mut roster = Roster::default();
        assert_eq!(roster.apply(&up(2, &label("a"))), Err(Gap));
        assert_eq!(roster, Roster::default());
        assert_eq!(roster.apply(&up(1, &label("a"))), Ok(()));
        assert_eq!(roster.apply(&up(1, &label("a"))), Err(Gap));
    }

    #[test]
    fn the_longest_gone_is_forgotten_and_nobody_who_is_up() {
        let mut roster = Roster::default();
        let mut rev = 0;
        let mut next = || {
            rev += 1;
            rev
        };
        for n in 0..SERVICES_KEPT {
            roster.apply(&up(next(), &label(&format!("chat-{n}")))).unwrap();
        }
        roster.apply(&down(next(), &label("chat-7"))).unwrap();
        roster.apply(&down(next(), &label("chat-3"))).unwrap();
        roster.apply(&up(next(), &label("new"))).unwrap();
        assert!(!roster.services.contains_key(&label("chat-7")));
        assert!(roster.services.contains_key(&label("chat-3")));
        assert_eq!(roster.services.len(), SERVICES_KEPT);
    }
}
