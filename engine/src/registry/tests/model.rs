//! The registry against a model so simple that it is right by sight, under random requests.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::names::{RoomName, UserName};
use crate::{Code, Timestamp};

const SETTINGS: Settings = Settings { ttl_default: 10_000, ttl_max: 60_000 };
/// Two of them are one name in two spellings, and two look the same.
const NAMES: [&str; 6] = ["alice", "Alice", "bob", "user1", "userl", "carol"];
const ROOMS: [&str; 2] = ["lobby", "tea"];

#[derive(Debug, Clone)]
enum Op {
    Register { instance: u8, ttl: i64, resume: bool },
    Keepalive { instance: u8 },
    Join { instance: u8, user: usize, room: usize, hold: bool, age: u64 },
    Hold { instance: u8, user: usize },
    Leave { instance: u8, user: usize, room: usize },
    Release { instance: u8, user: usize },
    Rename { instance: u8, user: usize, to: usize },
    Drop { instance: u8 },
    Pass { ms: u64 },
    Watch { since: u64 },
}

fn op() -> impl Strategy<Value = Op> {
    let (i, u, r) = (0u8..3, 0..NAMES.len(), 0..ROOMS.len());
    let hold = prop::bool::weighted(0.3);
    prop_oneof![
        2 => (i.clone(), -1i64..80_000, any::<bool>())
            .prop_map(|(instance, ttl, resume)| Op::Register { instance, ttl, resume }),
        1 => i.clone().prop_map(|instance| Op::Keepalive { instance }),
        6 => (i.clone(), u.clone(), r.clone(), hold, prop_oneof![3 => Just(0), 1 => 0u64..50_000])
            .prop_map(|(instance, user, room, hold, age)| Op::Join { instance, user, room, hold, age }),
        1 => (i.clone(), u.clone()).prop_map(|(instance, user)| Op::Hold { instance, user }),
        3 => (i.clone(), u.clone(), r).prop_map(|(instance, user, room)| Op::Leave { instance, user, room }),
        1 => (i.clone(), u.clone()).prop_map(|(instance, user)| Op::Release { instance, user }),
        2 => (i.clone(), u.clone(), u).prop_map(|(instance, user, to)| Op::Rename { instance, user, to }),
        1 => i.prop_map(|instance| Op::Drop { instance }),
        2 => (0u64..15_000).prop_map(|ms| Op::Pass { ms }),
        1 => (0u64..60).prop_map(|since| Op::Watch { since }),
    ]
}

/// What the model knows of a user: the instance, the spelling, the rooms and the hold.
type Person = (u8, UserName, BTreeSet<RoomName>, bool);

/// The rules, written as plainly as can be.
#[derive(Default)]
struct Model {
    /// Lease, time to live and deadline by instance.
    leases: BTreeMap<u8, (u64, u64, u64)>,
    people: Vec<Person>,
    /// When the names were claimed, by name.
    claimed: BTreeMap<UserName, i64>,
    /// Names that were taken from an instance which has not been told.
    lost: BTreeMap<u8, Vec<UserName>>,
}

impl Model {
    fn find(&self, name: &UserName) -> Option<usize> {
        self.people.iter().position(|(_, n, ..)| n.is_same(name))
    }

    /// Answers what an instance asks that has a lease.
    fn answer(&mut self, by: u8, request: &Request, now: u64) -> Result<(), Code> {
        match request {
            Request::Join { user, room, hold, age, .. } => {
                self.enter(by, user, Some(room.clone()), *hold, claim(*age, now))
            }
            Request::Hold { user, age, .. } => self.enter(by, user, None, true, claim(*age, now)),
            Request::Leave { user, room, .. } => self.leave(by, user, room),
            Request::Release { user, .. } => self.release(by, user),
            Request::Rename { user, to, .. } => self.rename(by, user, to, now),
            other => panic!("{other:?} is no question of users"),
        }
    }

    /// `claimed` is when the user came to have the name, and `grace` whether older claims still win.
    fn enter(
        &mut self,
        by: u8,
        name: &UserName,
        room: Option<RoomName>,
        hold: bool,
        (claimed, grace): (i64, bool),
    ) -> Result<(), Code> {
        if let Some(at) = self.find(name).filter(|&at| self.people[at].0 != by) {
            if !grace || claimed >= self.claimed[&self.people[at].1] {
                return Err(Code::NameTaken);
            }
            let (loser, lost, ..) = self.people.remove(at);
            self.lost.entry(loser).or_default().push(lost);
        }
        let at = match self.find(name) {
            Some(at) => at,
            None => {
                self.claimed.insert(name.clone(), claimed);
                self.people.push((by, name.clone(), BTreeSet::new(), false));
                self.people.len() - 1
            }
        };
        self.people[at].2.extend(room);
        self.people[at].3 |= hold;
        Ok(())
    }

    fn own(&self, by: u8, name: &UserName) -> Result<usize, Code> {
        self.find(name).filter(|&at| self.people[at].0 == by).ok_or(Code::NoSuchUser)
    }

    fn leave(&mut self, by: u8, name: &UserName, room: &RoomName) -> Result<(), Code> {
        let at = self.own(by, name)?;
        if !self.people[at].2.remove(room) {
            return Err(Code::NotInRoom);
        }
        self.people.retain(|(_, _, rooms, held)| *held || !rooms.is_empty());
        Ok(())
    }

    fn release(&mut self, by: u8, name: &UserName) -> Result<(), Code> {
        let at = self.own(by, name)?;
        self.people.remove(at);
        Ok(())
    }

    fn rename(&mut self, by: u8, name: &UserName, to: &UserName, now: u64) -> Result<(), Code> {
        let at = self.own(by, name)?;
        if (0..self.people.len()).any(|other| other != at && self.people[other].1.is_same(to)) {
            return Err(Code::NameTaken);
        }
        if self.people[at].1 != *to {
            self.people[at].1 = to.clone();
            self.claimed.insert(to.clone(), now as i64);
        }
        Ok(())
    }

    fn end(&mut self, instance: u8) {
        self.leases.remove(&instance);
        self.lost.remove(&instance);
        self.people.retain(|(by, ..)| *by != instance);
    }

    fn pass(&mut self, now: u64) {
        let over: Vec<u8> = self.leases.iter().filter(|(_, l)| l.2 <= now).map(|(&i, _)| i).collect();
        over.into_iter().for_each(|instance| self.end(instance));
    }
}

/// The registry, the model and a watcher that has followed from the beginning.
struct Pair {
    registry: Registry,
    model: Model,
    watcher: Watcher,
    replica: Roster,
    now: u64,
    granted: u64,
}

impl Pair {
    fn new() -> Self {
        let mut registry = Registry::new("e", SETTINGS, 0);
        let watch = Request::Watch { epoch: Some("e".into()), since: Some(0) };
        let moment = Moment { now: 0, at: Timestamp(0), random: 0 };
        let Ok(Answer::Watching { watcher, .. }) = registry.answer(watch, moment) else {
            panic!("no watcher")
        };
        let (model, replica) = (Model::default(), Roster::default());
        Pair { registry, model, watcher, replica, now: 0, granted: 0 }
    }

    fn ask(&mut self, request: Request) -> Result<Answer, Denied> {
        let moment = Moment { now: self.now, at: Timestamp(self.now), random: self.granted };
        self.registry.answer(request, moment)
    }

    fn lease(&self, instance: u8) -> Option<u64> {
        self.model.leases.get(&instance).map(|lease| lease.0)
    }

    fn deadline(&self, ttl: u64) -> u64 {
        (self.now + ttl).max(2 * SETTINGS.ttl_default)
    }

    /// The lease of an instance, or one that nobody has.
    fn some_lease(&self, instance: u8) -> u64 {
        self.lease(instance).unwrap_or(0)
    }

    fn step(&mut self, op: Op) {
        match op {
            Op::Register { instance, ttl, resume } => self.register(instance, ttl, resume),
            Op::Keepalive { instance } => self.keep_alive(instance),
            Op::Drop { instance } => self.drop(instance),
            Op::Pass { ms } => self.pass(self.now + ms),
            Op::Watch { since } => self.late_watcher(since),
            Op::Join { instance, user, room, hold, age } => {
                let (lease, user, room) = (self.some_lease(instance), name(user), self::room(room));
                self.compare(instance, Request::Join { lease, user, room, hold, age });
            }
            Op::Hold { instance, user } => {
                let (lease, user) = (self.some_lease(instance), name(user));
                self.compare(instance, Request::Hold { lease, user, age: 0 });
            }
            Op::Leave { instance, user, room } => {
                let (lease, user, room) = (self.some_lease(instance), name(user), self::room(room));
                self.compare(instance, Request::Leave { lease, user, room });
            }
            Op::Release { instance, user } => {
                let (lease, user) = (self.some_lease(instance), name(user));
                self.compare(instance, Request::Release { lease, user });
            }
            Op::Rename { instance, user, to } => {
                let (lease, user, to) = (self.some_lease(instance), name(user), name(to));
                self.compare(instance, Request::Rename { lease, user, to });
            }
        }
    }

    /// Asks both, and both answer the same; a refusal changes nothing.
    fn compare(&mut self, instance: u8, request: Request) {
        let before = self.registry.roster().rev;
        let expected = match self.lease(instance) {
            Some(_) => self.model.answer(instance, &request, self.now),
            None => Err(Code::UnknownLease),
        };
        match self.ask(request) {
            Ok(_) => assert_eq!(Ok(()), expected),
            Err(denied) => {
                assert_eq!(Err(denied.refusal.code), expected);
                assert_eq!(denied.holder.is_some(), denied.refusal.code == Code::NameTaken);
                assert_eq!(self.registry.roster().rev, before);
            }
        }
    }

    fn register(&mut self, instance: u8, ttl: i64, resume: bool) {
        let old = self.lease(instance);
        let lease = resume.then(|| old.unwrap_or(99_999));
        self.granted += 1;
        let answer = self.ask(Request::Register(register(instance, Some(ttl), lease)));
        match answer {
            Ok(Answer::Registered { lease, ttl_ms, how, .. }) => {
                assert_eq!(ttl_ms, u64::try_from(ttl).unwrap_or(0).clamp(1_000, 60_000));
                assert_eq!(how == Registration::Resumed, resume);
                assert_eq!(how == Registration::Replaced, !resume && old.is_some());
                assert_eq!(resume, Some(lease) == old);
                if !resume {
                    self.model.end(instance);
                }
                self.model.leases.insert(instance, (lease, ttl_ms, self.deadline(ttl_ms)));
            }
            Ok(other) => panic!("{other:?}"),
            Err(denied) => {
                assert_eq!(denied.refusal.code, Code::UnknownLease);
                assert!(resume && old.is_none());
            }
        }
    }

    fn keep_alive(&mut self, instance: u8) {
        let kept = self.ask(Request::Keepalive { lease: self.some_lease(instance), stats: None });
        let lost = self.lease(instance).map(|_| self.model.lost.remove(&instance).unwrap_or_default());
        match kept {
            Ok(Answer::Kept { lost: told }) => assert_eq!(Some(told), lost),
            Ok(other) => panic!("{other:?}"),
            Err(_) => assert_eq!(lost, None),
        }
        if let Some(&(lease, ttl, _)) = self.model.leases.get(&instance) {
            self.model.leases.insert(instance, (lease, ttl, self.deadline(ttl)));
        }
    }

    fn drop(&mut self, instance: u8) {
        let dropped = self.ask(Request::Drop { lease: self.some_lease(instance) });
        assert_eq!(dropped.is_ok(), self.lease(instance).is_some());
        self.model.end(instance);
    }

    /// Lets time pass as a driver does: it wakes at each deadline.
    fn pass(&mut self, until: u64) {
        while let Some(at) = self.registry.next_deadline().filter(|&at| at <= until) {
            self.now = at.max(self.now);
            assert!(self.registry.tick(self.now).expired > 0);
        }
        self.now = until;
        assert_eq!(self.registry.tick(until), Lapse::default());
        self.model.pass(until);
    }

    /// Whoever comes back to any revision has the same as who was always there.
    fn late_watcher(&mut self, since: u64) {
        let watch = Request::Watch { epoch: Some("e".into()), since: Some(since) };
        let Ok(Answer::Watching { rev, mut watcher }) = self.ask(watch) else { panic!("no watcher") };
        assert_eq!(watcher.rev(), (since <= rev).then_some(since));
        let mut told = since;
        loop {
            match self.registry.feed(&mut watcher, self.now) {
                Feed::Nothing => break,
                Feed::Events(events) => events.iter().for_each(|event| {
                    assert_eq!(event.rev, told + 1);
                    told = event.rev;
                }),
                Feed::Snapshot { roster, reason, .. } => {
                    assert_eq!(reason, Resync::Future);
                    told = roster.rev;
                }
            }
        }
        assert_eq!(told, rev);
    }

    /// The invariants, after every step.
    fn check(&mut self) {
        while let Feed::Events(events) = self.registry.feed(&mut self.watcher, self.now) {
            events.iter().for_each(|event| assert_eq!(self.replica.apply(event), Ok(())));
        }
        let roster = self.registry.roster();
        assert_eq!(&self.replica, &**roster);
        let listed: Vec<_> = roster.users.iter().map(|(name, user)| person(name, user)).collect();
        let mut expected = self.model.people.clone();
        expected.sort_by(|a, b| a.1.cmp(&b.1));
        assert_eq!(listed, expected);
        let up: Vec<_> = roster.services.iter().filter(|(_, s)| s.up).map(|(i, _)| i.to_string()).collect();
        let expected: Vec<_> = self.model.leases.keys().map(|i| format!("chat-{i}")).collect();
        assert_eq!(up, expected);
        let mut generations: Vec<_> = roster.users.values().map(|user| user.generation).collect();
        generations.sort_unstable();
        generations.dedup();
        assert_eq!(generations.len(), roster.users.len());
    }
}

/// When a claim of this age was made, and whether the registry still lets older ones win.
fn claim(age: u64, now: u64) -> (i64, bool) {
    (now as i64 - age as i64, now < 2 * SETTINGS.ttl_default)
}

fn name(at: usize) -> UserName {
    UserName::parse(NAMES[at]).unwrap()
}

fn room(at: usize) -> RoomName {
    RoomName::parse(ROOMS[at]).unwrap()
}

fn person(name: &UserName, user: &User) -> Person {
    let instance = user.instance.as_str().strip_prefix("chat-").unwrap().parse().unwrap();
    (instance, name.clone(), user.rooms.clone(), user.held)
}

fn register(instance: u8, ttl_ms: Option<i64>, lease: Option<u64>) -> Register {
    let label = |written: &str| Label::parse(written).unwrap();
    Register {
        service: label("chat"),
        instance: label(&format!("chat-{instance}")),
        addr: label("chat:9001"),
        ttl_ms,
        lease,
        meta: Arc::from("{}"),
    }
}

proptest! {
    #[test]
    fn random_requests_keep_every_invariant(ops in prop::collection::vec(op(), 1..80)) {
        let mut pair = Pair::new();
        for op in ops {
            pair.step(op);
            pair.check();
        }
    }
}
