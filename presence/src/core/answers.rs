//! What the registry's lines mean.

use std::time::{Duration, Instant};

use engine::Code;
use engine::names::UserName;
use engine::registry::{Denied, Gap};
use tracing::{info, warn};
use wire::registry::client::{Garbled, Reply, Said, decode};

use super::claims::Undo;
use super::ledger::Deed;
use super::{Ask, Broken, Core, Lease, Phase, TTL_GUESS};

impl Core {
    /// Takes a line of the registry.
    pub(crate) fn line(&mut self, line: &str, now: Instant) -> Result<(), Broken> {
        (self.heard, self.silent) = (Some(now), false);
        self.changed |= self.watching;
        match decode(line)? {
            Said::Reply(reply) => {
                let (ask, _) = self.asked.pop_front().ok_or(Broken::Unasked)?;
                match reply {
                    Ok(reply) => self.granted(ask, reply, now)?,
                    Err(denied) => self.denied(ask, denied, now)?,
                }
            }
            Said::Event(event) => {
                let applied = self.replica.apply(&event, now);
                self.mind_the_gap(applied, event.rev, now);
            }
            Said::Snapshot { epoch, age, roster, services } => {
                let grace = self.ttl().saturating_sub(Duration::from_millis(age));
                self.replica.snapshot(epoch, roster, &services, grace, now);
            }
            Said::Bye { .. } => return Err(Broken::Bye),
            Said::Bookmark { rev } => self.replica.bookmark(rev, now),
            Said::Unknown { rev } => {
                let skipped = self.replica.skip(rev, now);
                self.mind_the_gap(skipped, rev, now);
            }
        }
        Ok(())
    }

    fn mind_the_gap(&mut self, applied: Result<(), Gap>, rev: u64, now: Instant) {
        if applied.is_err() {
            warn!(rev, "the registry's events have a gap, asking for everything");
            self.ask(Ask::Watch, &self.replica.watch(), now);
        }
    }

    fn granted(&mut self, ask: Ask, reply: Reply, now: Instant) -> Result<(), Broken> {
        match ask {
            Ask::Register => return self.registered(reply, now),
            Ask::Keepalive => {
                if let Some(lease) = &mut self.lease {
                    lease.kept = now;
                }
                reply.lost.into_iter().for_each(|name| self.name_lost(name));
            }
            Ask::Deed(deed) => self.deed_granted(deed, now),
            Ask::Services => {
                let (services, rev) = (reply.services.unwrap_or_default(), reply.rev.ok_or(Garbled::REV)?);
                // A listing may overtake the snapshot of a new run, which must find what was known before.
                if reply.epoch.is_some() && reply.epoch == self.replica.epoch {
                    self.replica.report(&services, rev, now);
                }
            }
            Ask::Watch => {}
            Ask::Drop => self.farewell(),
        }
        Ok(())
    }

    fn registered(&mut self, reply: Reply, now: Instant) -> Result<(), Broken> {
        let number = reply.lease.ok_or(Garbled::LEASE)?;
        let ttl = reply.ttl_ms.map_or(TTL_GUESS, Duration::from_millis);
        let resumed = self.lease.as_ref().is_some_and(|lease| lease.number == number);
        if !resumed {
            self.ledger.forget();
        }
        info!(instance = %self.me.instance, resumed, ?ttl, "known to the registry");
        self.suspect_a_namesake(&reply, now);
        self.lease = Some(Lease { number, ttl, epoch: reply.epoch, kept: now });
        self.phase = Phase::Ready;
        self.changed = true;
        self.figures.said = None;
        self.say_all(self.ledger.missing(), now);
        self.told_anew = self.out.len();
        if self.watching {
            self.ask(Ask::Watch, &self.replica.watch(), now);
        }
        self.keep_alive(now);
        self.poll(now);
        Ok(())
    }

    fn deed_granted(&mut self, deed: Deed, now: Instant) {
        self.ledger.done(&deed);
        match deed {
            Deed::Enter { user, .. } => {
                self.claims.grant(&user);
                if self.contested.remove(&user) {
                    self.say_rest_of(&user, now);
                }
            }
            Deed::Rename { user, to } => {
                self.contested.remove(&user);
                self.contested.remove(&to);
                self.claims.grant(&to);
                self.say_rest_of(&to, now);
            }
            _ => {}
        }
    }

    /// A name that was lost and then claimed again came without its rooms.
    fn say_rest_of(&mut self, user: &UserName, now: Instant) {
        let mut rest = self.ledger.missing_of(user);
        rest.retain(|deed| !self.asked.iter().any(|(ask, _)| matches!(ask, Ask::Deed(said) if said == deed)));
        self.say_all(rest, now);
    }

    fn denied(&mut self, ask: Ask, denied: Denied, now: Instant) -> Result<(), Broken> {
        let code = denied.refusal.code;
        match ask {
            Ask::Drop => self.farewell(),
            Ask::Register if self.lease.is_some() && code == Code::UnknownLease => self.renew(now),
            Ask::Register => return Err(Broken::Refused(denied.refusal)),
            // After the first of them the others that were under way are denied too.
            _ if code == Code::UnknownLease && self.phase == Phase::Registering => {}
            _ if code == Code::UnknownLease => {
                self.phase = Phase::Registering;
                self.renew(now);
            }
            Ask::Deed(deed) => self.deed_denied(deed, &denied, now),
            Ask::Keepalive | Ask::Watch | Ask::Services => {
                warn!(refusal = %denied.refusal, "the registry refused what it should not");
            }
        }
        Ok(())
    }

    /// The lease is over: the service registers wholly.
    fn renew(&mut self, now: Instant) {
        info!(instance = %self.me.instance, "the lease is over, registering anew");
        self.former = self.lease.take();
        self.changed = true;
        self.register(now);
    }

    /// Within one run of the registry, a lease ends before its time only by a register of its instance.
    fn suspect_a_namesake(&mut self, reply: &Reply, now: Instant) {
        let Some(former) = self.former.take() else { return };
        if former.epoch == reply.epoch {
            // Others may have been given our names since: what we claim now is new.
            self.claimed.values_mut().for_each(|since| *since = now);
        }
        if former.epoch == reply.epoch && now - former.kept < former.ttl {
            warn!(instance = %self.me.instance, "another process registers as this instance; give each its own --instance");
        }
    }

    fn deed_denied(&mut self, deed: Deed, denied: &Denied, now: Instant) {
        match (denied.refusal.code, deed) {
            (Code::NameTaken, Deed::Enter { user, .. }) => self.name_taken(user, denied, now),
            (Code::NameTaken, Deed::Rename { user, to }) => {
                self.name_taken(to.clone(), denied, now);
                // When nobody waited, the user has the new name here and must not keep the old one there.
                if self.contested.contains(&to) {
                    self.say(Deed::Release { user }, now);
                }
            }
            (Code::NoSuchUser, Deed::Rename { user, to }) => {
                self.contested.remove(&user);
                self.ledger.done(&Deed::Release { user });
                self.say_all(self.ledger.missing_of(&to), now);
            }
            (Code::NoSuchUser | Code::NotInRoom, deed) => self.ledger.done(&deed),
            (_, deed) => {
                warn!(?deed, refusal = %denied.refusal, "the registry refused what it should not");
                if let Deed::Enter { user: name, .. } | Deed::Rename { to: name, .. } = deed {
                    self.claims.grant(&name);
                }
            }
        }
    }

    fn name_taken(&mut self, name: UserName, denied: &Denied, now: Instant) {
        match self.claims.refuse(&name) {
            Some(Undo::Arrival) => self.want(&Deed::Release { user: name }, now),
            Some(Undo::RenameFrom(old)) => {
                self.want(&Deed::Rename { user: name, to: old.clone() }, now);
                self.say_all(self.ledger.missing_of(&old), now);
            }
            None if self.ledger.wants(&name) && self.contested.insert(name.clone()) => {
                let holder = denied.holder.as_ref().map(tracing::field::display);
                warn!(user = %name, holder, "another instance holds the name of a user who is here");
            }
            None => {}
        }
    }

    /// An older claim has taken a name of ours.
    fn name_lost(&mut self, name: UserName) {
        self.ledger.done(&Deed::Release { user: name.clone() });
        if self.ledger.wants(&name) {
            warn!(user = %name, "another instance's user has had this name for longer");
            self.contested.insert(name);
        }
    }

    fn farewell(&mut self) {
        if let Some((done, _)) = self.ending.take() {
            self.finish(done);
        }
    }
}
