//! Who is here and in which room.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Event, LeaveReason};
use crate::names::{NameIndex, RoomName, UserName};
use crate::{Code, Refusal, Timestamp};

/// One connection that has said its name; never given twice in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberId(pub u64);

/// How many rooms somebody is in at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Entering a room leaves the one before: text mode.
    OneRoom,
    /// As many as one likes: JSON mode.
    ManyRooms,
}

/// Who of a room does not get a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Skip {
    /// Everybody gets it.
    Nobody,
    /// Everybody but the one whom it is about, or who said it.
    One(MemberId),
    /// Everybody but these, sorted: they get it elsewhere.
    Many(Arc<[MemberId]>),
}

impl Skip {
    /// Whether this member does not get the line.
    pub fn covers(&self, member: MemberId) -> bool {
        match self {
            Skip::Nobody => false,
            Skip::One(one) => *one == member,
            Skip::Many(many) => many.binary_search(&member).is_ok(),
        }
    }
}

/// Something a room is told, in the order in which the hub says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Which room.
    pub room: RoomName,
    /// What.
    pub event: Event,
    /// Who does not get it.
    pub skip: Skip,
}

/// What entering a room brings about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// False when one was in the room already; then nothing else has happened.
    pub is_new: bool,
    /// The room that was left for it.
    pub left: Option<RoomName>,
    /// What the rooms are told.
    pub notices: Vec<Notice>,
}

/// Who is here and in which room. A room is there while somebody is in it.
#[derive(Debug)]
pub struct Hub {
    people: BTreeMap<MemberId, Person>,
    names: NameIndex<MemberId>,
    rooms: BTreeMap<RoomName, Room>,
    limits: Limits,
}

/// What the hub bounds.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Rooms of more members are told joins and leaves in sums.
    pub announce_up_to: usize,
    /// Rooms at a time that somebody may be in.
    pub rooms_each: usize,
    /// Rooms at a time in all.
    pub rooms: usize,
}

#[derive(Debug)]
struct Person {
    name: UserName,
    style: Style,
    /// Sorted. Most are in one, for which a tree would take ten times the place.
    rooms: Vec<RoomName>,
}

#[derive(Debug, Default)]
struct Room {
    members: BTreeSet<MemberId>,
    /// Comings and goings that are still to be summed up.
    unsaid: Crowd,
}

#[derive(Debug, Default, Clone, Copy)]
struct Crowd {
    joined: u32,
    left: u32,
}

impl Person {
    fn place(&self, room: &RoomName) -> Result<usize, usize> {
        self.rooms.binary_search(room)
    }

    /// False when the room was there already.
    fn add(&mut self, room: &RoomName) -> bool {
        let place = self.place(room);
        if let Err(place) = place {
            self.rooms.reserve_exact(1);
            self.rooms.insert(place, room.clone());
        }
        place.is_err()
    }

    fn remove(&mut self, room: &RoomName) {
        if let Ok(place) = self.place(room) {
            self.rooms.remove(place);
        }
    }
}

impl Hub {
    /// An empty hub.
    pub fn new(limits: Limits) -> Self {
        Hub { people: BTreeMap::new(), names: NameIndex::default(), rooms: BTreeMap::new(), limits }
    }

    /// Gives somebody their name.
    ///
    /// # Errors
    /// [`Code::NameTaken`].
    pub fn login(&mut self, id: MemberId, name: UserName, style: Style) -> Result<(), Refusal> {
        self.names.claim(&name, id).map_err(|_| name_taken(&name))?;
        self.people.insert(id, Person { name, style, rooms: Vec::new() });
        Ok(())
    }

    /// Lets somebody go, out of every room.
    pub fn logout(&mut self, id: MemberId, reason: LeaveReason, at: Timestamp) -> Vec<Notice> {
        let Some(person) = self.people.remove(&id) else { return Vec::new() };
        self.names.release(&person.name);
        let mut notices = Vec::new();
        for room in &person.rooms {
            notices.extend(self.take_out(id, &person.name, room, reason, at));
        }
        notices
    }

    /// Brings somebody into a room; whoever is in one room at a time leaves theirs.
    ///
    /// # Errors
    /// [`Code::Unavailable`] where one room more is too many; nothing has changed then.
    ///
    /// # Panics
    /// When nobody has logged in under this id.
    pub fn enter(&mut self, id: MemberId, room: &RoomName, at: Timestamp) -> Result<Arrival, Refusal> {
        self.check_space(id, room)?;
        let person = self.people.get_mut(&id).expect("only a member enters a room");
        let (name, style) = (person.name.clone(), person.style);
        let is_new = person.add(room);
        let left = match style {
            Style::OneRoom => person.rooms.iter().find(|other| *other != room).cloned(),
            Style::ManyRooms => None,
        };
        let mut notices = Vec::new();
        if let Some(left) = &left {
            person.remove(left);
            notices.extend(self.take_out(id, &name, left, LeaveReason::Left, at));
        }
        if is_new {
            notices.extend(self.bring_in(id, name, room, at));
        }
        Ok(Arrival { is_new, left, notices })
    }

    /// Takes somebody out of a room.
    ///
    /// # Errors
    /// [`Code::NotInRoom`].
    pub fn leave(&mut self, id: MemberId, room: &RoomName, at: Timestamp) -> Result<Vec<Notice>, Refusal> {
        self.check_in(id, room)?;
        let person = self.people.get_mut(&id).expect("whoever is in a room is a member");
        person.remove(room);
        let name = person.name.clone();
        Ok(self.take_out(id, &name, room, LeaveReason::Left, at))
    }

    /// Gives somebody another name. Each of the others who share a room is told once, however many they
    /// share; the answer also has the name until now.
    ///
    /// # Errors
    /// [`Code::NameTaken`].
    pub fn rename(
        &mut self,
        id: MemberId,
        to: &UserName,
        at: Timestamp,
    ) -> Result<(UserName, Vec<Notice>), Refusal> {
        let person = self.people.get_mut(&id).expect("only a member has a name");
        self.names.rename(&person.name, to, id).map_err(|_| name_taken(to))?;
        let user = std::mem::replace(&mut person.name, to.clone());
        if user == *to {
            return Ok((user, Vec::new()));
        }
        let event = Event::Renamed { user: user.clone(), to: to.clone(), at };
        let mut told = BTreeSet::from([id]);
        let mut notices = Vec::new();
        for room in &person.rooms {
            let skip = Skip::Many(told.iter().copied().collect());
            notices.push(Notice { room: room.clone(), event: event.clone(), skip });
            told.extend(&self.rooms[room].members);
        }
        Ok((user, notices))
    }

    /// Checks that somebody is in a room.
    ///
    /// # Errors
    /// [`Code::NotInRoom`].
    pub fn check_in(&self, id: MemberId, room: &RoomName) -> Result<(), Refusal> {
        if self.people.get(&id).is_some_and(|person| person.place(room).is_ok()) {
            return Ok(());
        }
        Err(Refusal::new(Code::NotInRoom, format!("join #{room} first")))
    }

    /// The name somebody has now.
    pub fn name(&self, id: MemberId) -> Option<&UserName> {
        self.people.get(&id).map(|person| &person.name)
    }

    /// The rooms somebody is in, sorted.
    pub fn rooms_of(&self, id: MemberId) -> Vec<RoomName> {
        self.people.get(&id).map(|person| person.rooms.clone()).unwrap_or_default()
    }

    /// Whoever has this name, or one that is the same.
    ///
    /// # Errors
    /// [`Code::NoSuchUser`].
    pub fn find(&self, name: &UserName) -> Result<MemberId, Refusal> {
        self.names.holder(name).ok_or_else(|| no_such_user(name))
    }

    /// Who is in a room, or everybody, in no order: whoever asks sorts it, when nobody waits for the hub.
    ///
    /// # Errors
    /// [`Code::NoSuchRoom`].
    pub fn who(&self, room: Option<&RoomName>) -> Result<Vec<UserName>, Refusal> {
        let Some(room) = room else {
            return Ok(self.people.values().map(|person| person.name.clone()).collect());
        };
        let found = self.rooms.get(room);
        let found = found.ok_or_else(|| Refusal::new(Code::NoSuchRoom, format!("nobody is in #{room}")))?;
        Ok(found.members.iter().map(|id| self.people[id].name.clone()).collect())
    }

    /// The others in a room that somebody is in, in no order.
    pub fn others(&self, id: MemberId, room: &RoomName) -> Vec<UserName> {
        let members = self.rooms[room].members.iter().filter(|&&other| other != id);
        members.map(|other| self.people[other].name.clone()).collect()
    }

    /// Which rooms there are, and how many are in each.
    pub fn rooms(&self) -> Vec<(RoomName, u32)> {
        self.rooms.iter().map(|(name, room)| (name.clone(), count(room))).collect()
    }

    /// Whether anybody is in a room.
    pub fn has_room(&self, room: &RoomName) -> bool {
        self.rooms.contains_key(room)
    }

    /// How many people and how many rooms there are.
    pub fn size(&self) -> (usize, usize) {
        (self.people.len(), self.rooms.len())
    }

    /// Sums up what has happened in large rooms since the last call; to be asked once a second.
    pub fn sum_up(&mut self) -> Vec<Notice> {
        let mut notices = Vec::new();
        for (name, room) in &mut self.rooms {
            notices.extend(sum_up_room(name, room));
        }
        notices
    }

    fn check_space(&self, id: MemberId, room: &RoomName) -> Result<(), Refusal> {
        let Limits { rooms_each, rooms, .. } = self.limits;
        let full = |words| Err(Refusal::new(Code::Unavailable, words));
        let person = &self.people[&id];
        let is_more = person.style == Style::ManyRooms && !person.rooms.contains(room);
        if is_more && person.rooms.len() >= rooms_each {
            return full(format!("a connection is in {rooms_each} rooms at most; leave one first"));
        }
        if !self.rooms.contains_key(room) && self.rooms.len() >= rooms {
            return full(format!("the server has {rooms} rooms at most; come to one that is there"));
        }
        Ok(())
    }

    fn bring_in(&mut self, id: MemberId, user: UserName, name: &RoomName, at: Timestamp) -> Vec<Notice> {
        let room = self.rooms.entry(name.clone()).or_default();
        if room.members.len() >= self.limits.announce_up_to {
            room.members.insert(id);
            room.unsaid.joined += 1;
            return Vec::new();
        }
        let sum = sum_up_room(name, room);
        room.members.insert(id);
        let event = Event::Joined { room: name.clone(), user, at };
        sum.into_iter().chain([Notice { room: name.clone(), event, skip: Skip::One(id) }]).collect()
    }

    fn take_out(
        &mut self,
        id: MemberId,
        user: &UserName,
        name: &RoomName,
        reason: LeaveReason,
        at: Timestamp,
    ) -> Vec<Notice> {
        let room = self.rooms.get_mut(name).expect("a room is there while somebody is in it");
        let is_large = room.members.len() > self.limits.announce_up_to;
        // What was not said yet comes first, or somebody would leave whom nobody has heard of.
        let sum = if is_large { None } else { sum_up_room(name, room) };
        room.members.remove(&id);
        if room.members.is_empty() {
            self.rooms.remove(name);
            return Vec::new();
        }
        if is_large {
            room.unsaid.left += 1;
            return Vec::new();
        }
        let event = Event::Left { room: name.clone(), user: user.clone(), at, reason };
        sum.into_iter().chain([Notice { room: name.clone(), event, skip: Skip::One(id) }]).collect()
    }
}

/// Sums up what one room has not been told yet.
fn sum_up_room(name: &RoomName, room: &mut Room) -> Option<Notice> {
    let Crowd { joined, left } = std::mem::take(&mut room.unsaid);
    let event = Event::Members { room: name.clone(), joined, left, count: count(room) };
    (joined + left > 0).then(|| Notice { room: name.clone(), event, skip: Skip::Nobody })
}

fn count(room: &Room) -> u32 {
    u32::try_from(room.members.len()).unwrap_or(u32::MAX)
}

/// Nobody of this name is here.
pub fn no_such_user(name: &UserName) -> Refusal {
    Refusal::new(Code::NoSuchUser, format!("nobody here is called {name}"))
}

fn name_taken(name: &UserName) -> Refusal {
    Refusal::new(Code::NameTaken, format!("{name}, or a name that looks the same, is taken"))
}

#[cfg(test)]
mod tests;
