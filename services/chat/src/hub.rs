//! The hub at work: the engine's rules under one short lock, and what follows from them.
//!
//! Everything that changes who is where, and everything that a room is told, goes through this lock, so
//! that all of a room's members see one order. Nothing is awaited under it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::chat::{self as rules, Arrival, Event, MemberId, Message, Notice, Ref, Skip, Style};
use engine::names::{RoomName, UserName};
use engine::{Code, Refusal, Timestamp};

use crate::config::Config;
use crate::delivery::{Bounds, Detached, Heard, Line, Member, Room, Threads};
use crate::ended::Ended;
use crate::metrics::Metrics;
use crate::store::{Kept, Outcome, Post};

/// The hub at work.
pub(crate) struct Hub {
    state: Mutex<State>,
    threads: Threads,
    bounds: Bounds,
    metrics: Metrics,
}

struct State {
    people: rules::Hub,
    members: HashMap<MemberId, Arc<Member>>,
    /// The rooms that somebody is in.
    rooms: BTreeMap<RoomName, Arc<Room>>,
    /// The newest committed id of every room that was ever spoken in.
    heads: BTreeMap<RoomName, u64>,
    last_member: u64,
}

/// How somebody has entered a room.
pub(crate) struct Entered {
    /// What the rules say of it.
    pub arrival: Arrival,
    /// Who else is there, sorted; empty where it is not to be told.
    pub others: Vec<UserName>,
    /// The newest id; everything after it comes live.
    pub last_id: u64,
    /// The room, to be started once the past has been told.
    pub room: Arc<Room>,
    /// The end of the room that was left for it.
    pub left: Option<Detached>,
}

impl Hub {
    /// An empty hub.
    pub(crate) fn new(config: &Config, threads: Threads, metrics: Metrics) -> Self {
        let state = State {
            people: rules::Hub::new(config.room_limits()),
            members: HashMap::new(),
            rooms: BTreeMap::new(),
            heads: BTreeMap::new(),
            last_member: 0,
        };
        let bounds = Bounds::new(config, &metrics);
        Hub { state: Mutex::new(state), threads, bounds, metrics }
    }

    /// What may be kept for members that are behind.
    pub(crate) fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    /// Everybody, and every room.
    pub(crate) fn everything(&self) -> (HashMap<MemberId, Arc<Member>>, Vec<Arc<Room>>) {
        let state = self.lock();
        (state.members.clone(), state.rooms.values().cloned().collect())
    }

    /// Where the rooms' ids go on, as the store has found them.
    pub(crate) fn set_heads(&self, heads: Vec<(RoomName, u64)>) {
        self.lock().heads = heads.into_iter().collect();
    }

    /// A new connection's id.
    pub(crate) fn next_member(&self) -> MemberId {
        let mut state = self.lock();
        state.last_member += 1;
        MemberId(state.last_member)
    }

    /// Gives a connection its name; nothing reaches it before it is [welcomed](Hub::welcome).
    ///
    /// # Errors
    /// [`Code::NameTaken`].
    pub(crate) fn login(&self, id: MemberId, name: UserName, style: Style) -> Result<(), Refusal> {
        let mut state = self.lock();
        state.people.login(id, name, style)?;
        self.count(&state);
        Ok(())
    }

    /// Lets others reach a connection that has a name, once it has been told `welcome`.
    pub(crate) fn welcome(&self, member: &Arc<Member>, reference: Option<Ref>, welcome: Event) {
        let mut state = self.lock();
        member.answer(reference, welcome);
        state.members.insert(member.id, member.clone());
    }

    /// Lets a connection go, out of every room; each still owes it the lines from before.
    pub(crate) fn logout(&self, id: MemberId, ended: Ended, at: Timestamp) -> Vec<Detached> {
        let mut state = self.lock();
        let rooms = state.people.rooms_of(id);
        let left = rooms.iter().map(|room| state.rooms[room].detach(id)).collect();
        let notices = state.people.logout(id, ended.leave_reason(), at);
        state.members.remove(&id);
        state.publish(notices);
        rooms.iter().for_each(|room| state.close_if_empty(room));
        self.count(&state);
        left
    }

    /// Brings a member into a room; who else is there is asked only where it is to be announced.
    ///
    /// # Errors
    /// [`Code::Unavailable`].
    pub(crate) fn enter(
        &self,
        member: &Arc<Member>,
        name: &RoomName,
        announce: bool,
        at: Timestamp,
    ) -> Result<Entered, Refusal> {
        let mut state = self.lock();
        let entered = state.people.enter(member.id, name, at);
        let arrival = entered.inspect_err(|_| self.metrics.limits.joins_refused.inc())?;
        let mut others = if announce { state.people.others(member.id, name) } else { Vec::new() };
        let room = state
            .rooms
            .entry(name.clone())
            .or_insert_with(|| Room::open(&self.threads, self.bounds.clone(), self.metrics.clone()))
            .clone();
        if arrival.is_new {
            room.attach(member.clone());
        }
        let left = arrival.left.as_ref().map(|left| state.rooms[left].detach(member.id));
        state.publish(arrival.notices.clone());
        arrival.left.iter().for_each(|left| state.close_if_empty(left));
        self.count(&state);
        let last_id = state.heads.get(name).copied().unwrap_or(0);
        drop(state);
        others.sort_unstable();
        Ok(Entered { arrival, others, last_id, room, left })
    }

    /// Takes a member out of a room.
    ///
    /// # Errors
    /// [`Code::NotInRoom`].
    pub(crate) fn leave(&self, id: MemberId, room: &RoomName, at: Timestamp) -> Result<Detached, Refusal> {
        let mut state = self.lock();
        let notice = state.people.leave(id, room, at)?;
        let left = state.rooms[room].detach(id);
        state.publish(notice);
        state.close_if_empty(room);
        self.count(&state);
        Ok(left)
    }

    /// Gives a member another name; the answer is the one until now, and what to wait for so that nobody
    /// tells rooms faster than they take it.
    ///
    /// # Errors
    /// [`Code::NameTaken`].
    pub(crate) fn rename(
        &self,
        id: MemberId,
        to: &UserName,
        at: Timestamp,
    ) -> Result<(UserName, Vec<Heard>), Refusal> {
        let mut state = self.lock();
        let (user, notices) = state.people.rename(id, to, at)?;
        state.publish(notices);
        let told = state.people.rooms_of(id).iter().map(|room| state.rooms[room].heard()).collect();
        Ok((user, told))
    }

    /// Checks that a name is free, or the asker's own in another spelling.
    ///
    /// # Errors
    /// [`Code::NameTaken`].
    pub(crate) fn check_free(&self, id: MemberId, name: &UserName) -> Result<(), Refusal> {
        match self.lock().people.find(name) {
            Ok(holder) if holder != id => {
                Err(Refusal::new(Code::NameTaken, format!("{name}, or a name that looks the same, is taken")))
            }
            _ => Ok(()),
        }
    }

    /// Wakes the session of whoever has this name.
    pub(crate) fn wake(&self, name: &UserName) {
        let state = self.lock();
        if let Some(member) = state.people.find(name).ok().and_then(|id| state.members.get(&id)) {
            member.wake();
        }
    }

    /// Checks that somebody is in a room.
    ///
    /// # Errors
    /// [`Code::NotInRoom`].
    pub(crate) fn check_in(&self, id: MemberId, room: &RoomName) -> Result<(), Refusal> {
        self.lock().people.check_in(id, room)
    }

    /// Whoever says something in this room, and the room.
    ///
    /// # Errors
    /// [`Code::NotInRoom`].
    pub(crate) fn speaks(&self, id: MemberId, room: &RoomName) -> Result<(UserName, Arc<Room>), Refusal> {
        let state = self.lock();
        state.people.check_in(id, room)?;
        let name = state.people.name(id).expect("whoever is in a room has a name");
        Ok((name.clone(), state.rooms[room].clone()))
    }

    /// Says something to one person.
    ///
    /// # Errors
    /// [`Code::NoSuchUser`].
    pub(crate) fn direct(
        &self,
        from: MemberId,
        to: &UserName,
        text: String,
        at: Timestamp,
    ) -> Result<(), Refusal> {
        let state = self.lock();
        let receiver = state.people.find(to)?;
        let from = state.people.name(from).expect("whoever speaks has a name").clone();
        // A name that is still being asked for at the registry is nobody's yet.
        let receiver = state.members.get(&receiver).ok_or_else(|| rules::no_such_user(to))?;
        receiver.tell(Event::Direct { from, text, at });
        Ok(())
    }

    /// Who is in a room, or everybody, sorted.
    ///
    /// # Errors
    /// [`Code::NoSuchRoom`].
    pub(crate) fn who(&self, room: Option<&RoomName>) -> Result<Vec<UserName>, Refusal> {
        // Under the lock they are only taken down: to sort a hundred thousand takes long.
        let mut users = self.lock().people.who(room)?;
        users.sort_unstable();
        Ok(users)
    }

    /// Which rooms there are.
    pub(crate) fn rooms(&self) -> Vec<(RoomName, u32)> {
        self.lock().people.rooms()
    }

    /// The rooms somebody is in.
    pub(crate) fn rooms_of(&self, id: MemberId) -> Vec<RoomName> {
        self.lock().people.rooms_of(id)
    }

    /// Wakes every session, to see that the server drains.
    pub(crate) fn wake_everybody(&self) {
        self.lock().members.values().for_each(|member| member.wake());
    }

    /// Sums up the comings and goings of large rooms; once a second.
    pub(crate) fn sum_up(&self) {
        let mut state = self.lock();
        let sums = state.people.sum_up();
        state.publish(sums);
    }

    /// Delivers what has been committed, and answers the senders. Called by the store alone, batch by
    /// batch, so that ids and order agree. A room hears of all its messages at once, for whoever is woken
    /// by the first of them would be off with it before the others are there.
    pub(crate) fn committed(&self, batch: Vec<(Post, Outcome)>) {
        let mut state = self.lock();
        let mut lines: BTreeMap<RoomName, Vec<Line>> = BTreeMap::new();
        let mut answered: BTreeMap<MemberId, (Arc<Member>, u32)> = BTreeMap::new();
        for (mut post, outcome) in batch {
            let sender = state.members.get(&post.sender).cloned();
            let room = lines.entry(post.room.clone()).or_default();
            if let Ok(Kept::New { id, at }) = outcome {
                state.heads.insert(post.room.clone(), id);
                room.push(line(&mut post, id, at, sender.as_deref()));
            }
            if let Some(sender) = sender {
                sender.answer(post.reference, self.answer(post.room, outcome));
                answered.entry(sender.id).or_insert_with(|| (sender, 0)).1 += 1;
            }
        }
        for (room, lines) in lines {
            state.deliver(room, lines);
        }
        for (sender, commits) in answered.into_values() {
            sender.end_commits(commits);
        }
    }

    fn answer(&self, room: RoomName, outcome: Outcome) -> Event {
        match outcome {
            Ok(Kept::New { id, at } | Kept::Again { id, at }) => Event::Ack { place: Some((room, id)), at },
            Err(refusal) => {
                self.metrics.rejected(refusal.code);
                Event::Refused(refusal)
            }
        }
    }

    fn count(&self, state: &State) {
        let (people, rooms) = state.people.size();
        self.metrics.users.set(people as i64);
        self.metrics.rooms.set(rooms as i64);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn publish(&self, notices: impl IntoIterator<Item = Notice>) {
        for Notice { room, event, skip } in notices {
            if let Some(room) = self.rooms.get(&room) {
                room.tell(Line { event, skip, received: None, space: None });
            }
        }
    }

    fn deliver(&self, name: RoomName, lines: Vec<Line>) {
        // Everybody may have left between the request and the commit.
        if let Some(room) = self.rooms.get(&name) {
            room.tell_all(lines);
        }
    }

    /// Ends the task of a room that nobody is in any more.
    fn close_if_empty(&mut self, name: &RoomName) {
        if !self.people.has_room(name)
            && let Some(room) = self.rooms.remove(name)
        {
            room.close();
        }
    }
}

/// A message for its room.
fn line(post: &mut Post, id: u64, at: Timestamp, sender: Option<&Member>) -> Line {
    let message =
        Message { room: post.room.clone(), id, from: post.from.clone(), text: post.text.clone(), at };
    let wants_echo = sender.is_some_and(|member| member.echo);
    let skip = if wants_echo { Skip::Nobody } else { Skip::One(post.sender) };
    let event = Event::Message { message, replay: false };
    Line { event, skip, received: Some(post.received), space: post.space.take() }
}
