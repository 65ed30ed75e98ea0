//! The registry itself: requests in, answers and events out.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::lease::{Lapse, Lease, Leases};
use super::ring::Ring;
use super::watcher::Place;
use super::words::{Answer, Denied, Moment, Register, Registration, Request, ServiceReport};
use super::{Change, Event, Feed, Label, Resync, Roster, User, Watcher};
use crate::names::{NameIndex, RoomName, UserName};

/// Shortest time to live, in milliseconds.
const TTL_MIN: u64 = 1_000;
/// Most events that a watcher is given in one go, so that no call keeps the machine for long.
const FEED_MOST: usize = 512;

/// What an operator chooses, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// The time to live of a lease that does not ask for one.
    pub ttl_default: u64,
    /// The longest that is granted, at least 1,000.
    pub ttl_max: u64,
}

/// Leases, names, revisions and the newest events.
#[derive(Debug)]
pub struct Registry {
    epoch: Arc<str>,
    started: u64,
    settings: Settings,
    leases: Leases,
    names: NameIndex<u64>,
    /// The names by generation.
    grants: BTreeMap<u64, Grant>,
    /// Shared with whoever encodes a snapshot of it; when it changes meanwhile, only what changes is copied.
    roster: Arc<Roster>,
    ring: Ring,
    /// When each instance on the roster was last heard, and its figures.
    health: BTreeMap<Label, Health>,
}

#[derive(Debug)]
struct Grant {
    name: UserName,
    lease: u64,
    /// When the user came to have the name, on the registry's clock: before its start for a user who had
    /// it then.
    claimed: i64,
}

#[derive(Debug)]
struct Health {
    heard: u64,
    stats: Arc<str>,
}

impl Registry {
    /// An empty registry. `epoch` is the random name of this run; no lease lapses within two default
    /// times to live of `now`, for a first start and a restart look the same from inside.
    pub fn new(epoch: &str, settings: Settings, now: u64) -> Self {
        Registry {
            epoch: epoch.into(),
            started: now,
            settings,
            leases: Leases::new(now + 2 * settings.ttl_default),
            names: NameIndex::default(),
            grants: BTreeMap::new(),
            roster: Arc::default(),
            ring: Ring::default(),
            health: BTreeMap::new(),
        }
    }

    /// The random name of this run.
    pub fn epoch(&self) -> &Arc<str> {
        &self.epoch
    }

    /// Everybody and every service now.
    pub fn roster(&self) -> &Arc<Roster> {
        &self.roster
    }

    /// How many leases there are.
    pub fn leases(&self) -> usize {
        self.leases.len()
    }

    /// Answers one request.
    ///
    /// # Errors
    /// [`Denied`], and then nothing has changed.
    pub fn answer(&mut self, request: Request, moment: Moment) -> Result<Answer, Denied> {
        match request {
            Request::Register(register) => self.register(register, moment),
            Request::Keepalive { lease, stats } => self.keepalive(lease, stats, moment.now),
            Request::Join { lease, user, room, hold, age } => {
                self.join(lease, &user, age, Some(room), hold, moment)
            }
            Request::Hold { lease, user, age } => self.join(lease, &user, age, None, true, moment),
            Request::Leave { lease, user, room } => self.leave(lease, &user, &room),
            Request::Release { lease, user } => self.release(lease, &user),
            Request::Rename { lease, user, to } => self.rename(lease, &user, to, moment.now),
            Request::Drop { lease } => self.drop(lease),
            Request::ListUsers => Ok(Answer::Users(self.roster.clone())),
            Request::ListServices => {
                Ok(Answer::Services { rev: self.roster.rev, services: self.services(moment.now) })
            }
            Request::Watch { epoch, since } => Ok(self.watch(epoch.as_deref(), since)),
        }
    }

    /// When [`Registry::tick`] wants to be called next; `None` when there is no lease.
    pub fn next_deadline(&self) -> Option<u64> {
        self.leases.next_deadline()
    }

    /// Ends the leases that are over. Before the next deadline it does nothing; long after it, the
    /// registry itself has slept, and spares whom it could not hear.
    pub fn tick(&mut self, now: u64) -> Lapse {
        let (over, lapse) = self.leases.lapsed(now);
        for number in over {
            self.end(number);
        }
        lapse
    }

    /// What a watcher is told next; its place moves on.
    pub fn feed(&self, watcher: &mut Watcher, now: u64) -> Feed {
        let rev = self.roster.rev;
        let reason = match watcher.place {
            Place::After(since) if since == rev => return Feed::Nothing,
            Place::After(since) => match self.ring.after(since, rev) {
                Some(events) => {
                    let events: Vec<_> = events.take(FEED_MOST).cloned().collect();
                    watcher.place = Place::After(since + events.len() as u64);
                    return Feed::Events(events);
                }
                None => Resync::Slow,
            },
            Place::Nowhere(reason) => reason,
        };
        watcher.place = Place::After(rev);
        let age = now.saturating_sub(self.started);
        Feed::Snapshot { age, roster: self.roster.clone(), services: self.services(now), reason }
    }

    fn watch(&self, epoch: Option<&str>, since: Option<u64>) -> Answer {
        let rev = self.roster.rev;
        let place = match since {
            None => Place::Nowhere(Resync::First),
            Some(_) if epoch != Some(&*self.epoch) => Place::Nowhere(Resync::Epoch),
            Some(since) if since > rev => Place::Nowhere(Resync::Future),
            Some(since) if self.ring.after(since, rev).is_none() => Place::Nowhere(Resync::Compacted),
            Some(since) => Place::After(since),
        };
        Answer::Watching { rev, watcher: Watcher { place } }
    }

    fn register(&mut self, register: Register, moment: Moment) -> Result<Answer, Denied> {
        let ttl = self.ttl(register.ttl_ms);
        let old = self.leases.of_instance(&register.instance);
        if register.lease.is_some() && (register.lease != old || self.is_another_service(&register)) {
            return Err(Denied::unknown_lease());
        }
        let how = match (register.lease, old) {
            (Some(_), _) => Registration::Resumed,
            (None, Some(_)) => Registration::Replaced,
            (None, None) => Registration::Granted,
        };
        let lease = match register.lease {
            Some(number) => self.resume(number, ttl, moment.now),
            None => {
                old.into_iter().for_each(|number| self.end(number));
                self.leases.grant(register.instance.clone(), moment.random, ttl, moment.now)
            }
        };
        self.announce(register, moment.now);
        Ok(Answer::Registered { lease, ttl_ms: ttl, rev: self.roster.rev, how })
    }

    /// The instance stands on the roster as something else than what registers now.
    fn is_another_service(&self, register: &Register) -> bool {
        self.roster.services.get(&register.instance).is_some_and(|known| known.service != register.service)
    }

    fn resume(&mut self, number: u64, ttl: u64, now: u64) -> u64 {
        if let Some(lease) = self.leases.get_mut(number) {
            lease.ttl = ttl;
        }
        self.leases.renew(number, now);
        number
    }

    /// Puts the instance on the roster, unless it stands there with the same words.
    fn announce(&mut self, register: Register, now: u64) {
        let Register { service, instance, addr, meta, .. } = register;
        let known = self.roster.services.get(&instance).filter(|known| known.up);
        let same = known.is_some_and(|k| k.service == service && k.addr == addr && k.meta == meta);
        if known.is_none() {
            self.health.insert(instance.clone(), Health { heard: now, stats: "{}".into() });
        }
        self.hear(&instance, None, now);
        if !same {
            self.emit(Change::Up { instance, service, addr, meta });
        }
    }

    fn ttl(&self, wanted: Option<i64>) -> u64 {
        let wanted = wanted.map_or(self.settings.ttl_default, |ms| u64::try_from(ms).unwrap_or(0));
        wanted.clamp(TTL_MIN, self.settings.ttl_max.max(TTL_MIN))
    }

    fn keepalive(&mut self, lease: u64, stats: Option<Arc<str>>, now: u64) -> Result<Answer, Denied> {
        let lease = self.leases.renew(lease, now).ok_or_else(Denied::unknown_lease)?;
        let (instance, lost) = (lease.instance.clone(), std::mem::take(&mut lease.lost));
        self.hear(&instance, stats, now);
        Ok(Answer::Kept { lost })
    }

    fn hear(&mut self, instance: &Label, stats: Option<Arc<str>>, now: u64) {
        if let Some(health) = self.health.get_mut(instance) {
            health.heard = now;
            health.stats = stats.unwrap_or_else(|| health.stats.clone());
        }
    }

    fn join(
        &mut self,
        lease: u64,
        user: &UserName,
        age: u64,
        room: Option<RoomName>,
        hold: bool,
        moment: Moment,
    ) -> Result<Answer, Denied> {
        let instance = self.leases.get(lease).ok_or_else(Denied::unknown_lease)?.instance.clone();
        let claimed = since(age, moment.now);
        let generation = match self.names.holder(user) {
            None => self.grant(user, lease, claimed),
            Some(generation) if self.grants[&generation].lease == lease => generation,
            Some(generation) if self.gives_way(generation, claimed, moment.now) => {
                self.take_away(generation);
                self.grant(user, lease, claimed)
            }
            Some(generation) => return Err(self.taken(generation)),
        };
        let user = self.grants[&generation].name.clone();
        let here = self.roster.users.get(&user);
        let room = room.filter(|room| here.is_none_or(|user| !user.rooms.contains(room)));
        let was_held = here.is_some_and(|user| user.held);
        if room.is_some() || (hold && !was_held) {
            let since = here.map_or(moment.at, |user| user.since);
            self.emit(Change::Joined { user, room, instance, since, held: hold || was_held });
        }
        Ok(Answer::Granted { rev: self.roster.rev, generation })
    }

    /// Whether the holder of a name has to give way to a claim. While the registry was away each instance
    /// granted names by itself; which of them comes back first is chance, so in the grace after a start
    /// the older claim wins. Afterwards whoever holds the name keeps it: a claim that is told of so late
    /// is of an instance that was away while its lease lapsed.
    fn gives_way(&self, generation: u64, claimed: i64, now: u64) -> bool {
        self.leases.is_grace(now) && claimed < self.grants[&generation].claimed
    }

    /// Takes a name from its holder, who is told with the next keepalive.
    fn take_away(&mut self, generation: u64) {
        let Grant { name, lease, .. } = &self.grants[&generation];
        if let Some(lease) = self.leases.get_mut(*lease) {
            lease.lost.push(name.clone());
        }
        self.clear(generation);
    }

    /// Gives a free name to a lease. The generation is the revision of the event that the caller emits.
    fn grant(&mut self, name: &UserName, lease: u64, claimed: i64) -> u64 {
        let generation = self.roster.rev + 1;
        self.names.claim(name, generation).expect("only free names are granted");
        self.grants.insert(generation, Grant { name: name.clone(), lease, claimed });
        if let Some(lease) = self.leases.get_mut(lease) {
            lease.grants.insert(generation);
        }
        generation
    }

    /// Takes a grant back, so that its name is free.
    fn take_back(&mut self, generation: u64) -> Option<UserName> {
        let Grant { name, lease, .. } = self.grants.remove(&generation)?;
        self.names.release(&name);
        if let Some(lease) = self.leases.get_mut(lease) {
            lease.grants.remove(&generation);
        }
        Some(name)
    }

    fn taken(&self, generation: u64) -> Denied {
        let lease = self.grants[&generation].lease;
        let lease = self.leases.get(lease).expect("a grant ends with its lease");
        Denied::taken(lease.instance.clone())
    }

    /// The user of this lease that has the name in some spelling.
    fn own(&self, lease: u64, user: &UserName) -> Result<(u64, UserName, &User), Denied> {
        self.leases.get(lease).ok_or_else(Denied::unknown_lease)?;
        let generation = self.names.holder(user).ok_or_else(Denied::no_such_user)?;
        let grant = &self.grants[&generation];
        if grant.lease != lease {
            return Err(Denied::no_such_user());
        }
        Ok((generation, grant.name.clone(), &self.roster.users[&grant.name]))
    }

    fn leave(&mut self, lease: u64, user: &UserName, room: &RoomName) -> Result<Answer, Denied> {
        let (generation, user, entry) = self.own(lease, user)?;
        if !entry.rooms.contains(room) {
            return Err(Denied::not_in_room());
        }
        let (held, instance) = (entry.held, entry.instance.clone());
        if !held && entry.rooms.len() == 1 {
            self.clear(generation);
        } else {
            self.emit(Change::Left { user, room: Some(room.clone()), instance, held });
        }
        Ok(Answer::Gone { rev: self.roster.rev })
    }

    fn release(&mut self, lease: u64, user: &UserName) -> Result<Answer, Denied> {
        let (generation, ..) = self.own(lease, user)?;
        self.clear(generation);
        Ok(Answer::Gone { rev: self.roster.rev })
    }

    /// Takes a user out of every room, one event each, and frees its name.
    fn clear(&mut self, generation: u64) {
        let Some(name) = self.take_back(generation) else { return };
        let entry = &self.roster.users[&name];
        let instance = entry.instance.clone();
        let mut rooms: Vec<_> = entry.rooms.iter().cloned().map(Some).collect();
        if rooms.is_empty() {
            rooms.push(None);
        }
        for room in rooms {
            let (user, instance) = (name.clone(), instance.clone());
            self.emit(Change::Left { user, room, instance, held: false });
        }
    }

    fn rename(&mut self, lease: u64, user: &UserName, to: UserName, now: u64) -> Result<Answer, Denied> {
        let (generation, user, entry) = self.own(lease, user)?;
        let instance = entry.instance.clone();
        if user == to {
            return Ok(Answer::Granted { rev: self.roster.rev, generation });
        }
        self.names.rename(&user, &to, generation).map_err(|other| self.taken(other))?;
        self.names.release(&to);
        self.take_back(generation);
        let generation = self.grant(&to, lease, since(0, now));
        self.emit(Change::Renamed { user, to, instance });
        Ok(Answer::Granted { rev: self.roster.rev, generation })
    }

    fn drop(&mut self, lease: u64) -> Result<Answer, Denied> {
        self.leases.get(lease).ok_or_else(Denied::unknown_lease)?;
        self.end(lease);
        Ok(Answer::Gone { rev: self.roster.rev })
    }

    /// Ends a lease and all that it holds.
    fn end(&mut self, number: u64) {
        let Some(Lease { instance, grants, .. }) = self.leases.end(number) else { return };
        for generation in grants {
            self.clear(generation);
        }
        if let Some(known) = self.roster.services.get(&instance) {
            let (service, addr) = (known.service.clone(), known.addr.clone());
            self.emit(Change::Down { instance, service, addr });
        }
    }

    fn services(&self, now: u64) -> Vec<ServiceReport> {
        let report = |(instance, known): (&Label, &super::Service)| {
            let health = self.health.get(instance)?;
            Some(ServiceReport {
                instance: instance.clone(),
                service: known.service.clone(),
                addr: known.addr.clone(),
                up: known.up,
                age_ms: now.saturating_sub(health.heard),
                stats: health.stats.clone(),
                meta: known.meta.clone(),
            })
        };
        self.roster.services.iter().filter_map(report).collect()
    }

    fn emit(&mut self, change: Change) {
        let event = Event { rev: self.roster.rev + 1, change };
        let roster = Arc::make_mut(&mut self.roster);
        roster.apply(&event).expect("each event has the next revision");
        if self.health.len() > roster.services.len() + 1 {
            self.health.retain(|instance, _| roster.services.contains_key(instance));
        }
        self.ring.push(event);
    }
}

/// The moment so many milliseconds ago.
fn since(age: u64, now: u64) -> i64 {
    let signed = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
    signed(now).saturating_sub(signed(age))
}
