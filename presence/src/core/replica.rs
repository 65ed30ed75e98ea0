//! The copy of the registry's roster that a watching service keeps.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::names::UserName;
use engine::registry::{Change, Event, Gap, Label, Request, Roster, ServiceReport, User, Users};

use crate::view::{Instance, View};

/// The roster as the registry tells it, and beside it, for a while after a restart of the registry, what
/// was known before: emptying the world because the registry forgot it would tell people a falsehood.
#[derive(Debug, Default)]
pub(crate) struct Replica {
    /// The run of the registry that it is of; `None` before the first snapshot.
    pub(crate) epoch: Option<Arc<str>>,
    roster: Roster,
    services: BTreeMap<Label, Instance>,
    before: Before,
    /// The roster has everything up to this revision as soon as it has this revision.
    promised: Option<u64>,
    fresh: Option<Instant>,
    /// A snapshot was asked for and events are of no use until it is here.
    lost: bool,
}

/// What was known of a former run of the registry.
#[derive(Debug, Default)]
struct Before {
    users: Users,
    services: BTreeMap<Label, Instance>,
    until: Option<Instant>,
}

impl Replica {
    /// The request that continues the copy where it stands, or begins it.
    pub(crate) fn watch(&self) -> Request {
        let epoch = self.epoch.clone().filter(|_| !self.lost);
        Request::Watch { since: epoch.as_ref().map(|_| self.roster.rev), epoch }
    }

    /// Takes a snapshot over. What is known of a former run of the registry is shown beside it for the
    /// `grace` that is left: until the new run has lasted for one time to live, in which every service that
    /// still lives registers again.
    pub(crate) fn snapshot(
        &mut self,
        epoch: Arc<str>,
        roster: Roster,
        reports: &[ServiceReport],
        grace: Duration,
        now: Instant,
    ) {
        if self.epoch.as_ref().is_some_and(|known| *known != epoch) {
            let View { users, services, .. } = self.view(false);
            let services = Arc::unwrap_or_clone(services);
            self.before = Before { users, services, until: Some(now + grace) };
        }
        self.before.outdate_all(&roster);
        (self.epoch, self.roster, self.lost) = (Some(epoch), roster, false);
        self.report(reports, self.roster.rev, now);
    }

    /// Applies the next event.
    ///
    /// # Errors
    /// [`Gap`]: then a snapshot has to be asked for.
    pub(crate) fn apply(&mut self, event: &Event, now: Instant) -> Result<(), Gap> {
        if self.lost {
            return Ok(());
        }
        self.roster.apply(event).inspect_err(|_| self.lost = true)?;
        self.before.outdate(&event.change);
        match &event.change {
            Change::Up { instance, service, addr, .. } => {
                let (service, addr) = (service.clone(), addr.clone());
                let known = self.services.remove(instance);
                let stats = known.map(|known| known.stats).unwrap_or_default();
                let up = Instance { service, addr, up: true, heard: now, stats };
                self.services.insert(instance.clone(), up);
            }
            Change::Down { instance, .. } => {
                if let Some(known) = self.services.get_mut(instance) {
                    known.up = false;
                }
            }
            _ => {}
        }
        self.keep_promise(now);
        Ok(())
    }

    /// Skips an event of a later version that means nothing here.
    ///
    /// # Errors
    /// [`Gap`], as with [`Replica::apply`].
    pub(crate) fn skip(&mut self, rev: u64, now: Instant) -> Result<(), Gap> {
        if self.lost {
            return Ok(());
        }
        self.lost = rev != self.roster.rev + 1;
        if self.lost {
            return Err(Gap);
        }
        self.roster.rev = rev;
        self.keep_promise(now);
        Ok(())
    }

    /// Takes the services over as the registry lists them at a revision.
    pub(crate) fn report(&mut self, reports: &[ServiceReport], rev: u64, now: Instant) {
        let listed = reports.iter().map(|report| (report.instance.clone(), Instance::new(report, now)));
        self.services = listed.collect();
        self.before.services.retain(|instance, _| !self.services.contains_key(instance));
        self.bookmark(rev, now);
    }

    /// The registry is at this revision now: whoever has it has everything.
    pub(crate) fn bookmark(&mut self, rev: u64, now: Instant) {
        self.promised = Some(rev);
        self.keep_promise(now);
    }

    /// Forgets what was before, when its time is over; whether that changed anything.
    pub(crate) fn tick(&mut self, now: Instant) -> bool {
        if self.before.until.is_none_or(|until| now < until) {
            return false;
        }
        self.before.until = None;
        self.before.users.clear();
        self.before.services.values_mut().for_each(|service| service.up = false);
        true
    }

    pub(crate) fn view(&self, connected: bool) -> View {
        let mut users = self.roster.users.clone();
        for (name, remembered) in &self.before.users {
            match users.get_mut(name) {
                Some(user) => user.rooms.extend(remembered.rooms.iter().cloned()),
                None => drop(users.insert(name.clone(), remembered.clone())),
            }
        }
        let mut services = self.before.services.clone();
        services.extend(self.services.clone());
        View {
            enabled: true,
            connected,
            fresh: self.fresh,
            epoch: self.epoch.clone(),
            rev: self.roster.rev,
            users,
            services: Arc::new(services),
        }
    }

    /// When the copy was last known to be all there is.
    pub(crate) fn fresh(&self) -> Option<Instant> {
        self.fresh
    }

    fn keep_promise(&mut self, now: Instant) {
        if !self.lost && self.promised.is_some_and(|rev| rev <= self.roster.rev) {
            (self.promised, self.fresh) = (None, Some(now));
        }
    }
}

impl Before {
    /// What the new run of the registry tells of somebody replaces what was known before. Only an arrival
    /// at the same instance does not: the other rooms are about to follow.
    fn outdate(&mut self, change: &Change) {
        match change {
            Change::Joined { user, instance, .. } => {
                if self.users.get(user).is_some_and(|known| known.instance != *instance) {
                    self.users.remove(user);
                }
            }
            Change::Left { user, .. } | Change::Renamed { user, .. } => drop(self.users.remove(user)),
            Change::Up { instance, .. } => drop(self.services.remove(instance)),
            Change::Down { instance, .. } => self.keep_users(|_, user| user.instance != *instance),
        }
    }

    /// The same with all that the new run tells at once.
    fn outdate_all(&mut self, roster: &Roster) {
        self.keep_users(|name, known| {
            let is_down = roster.services.get(&known.instance).is_some_and(|service| !service.up);
            let is_elsewhere = roster.users.get(name).is_some_and(|user| user.instance != known.instance);
            !is_down && !is_elsewhere
        });
    }

    fn keep_users(&mut self, keep: impl Fn(&UserName, &User) -> bool) {
        let users = std::mem::take(&mut self.users);
        self.users = users.into_iter().filter(|(name, user)| keep(name, user)).collect();
    }
}
