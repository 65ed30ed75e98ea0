//! What is said to the registry, and when; without socket and clock.

mod answers;
mod claims;
mod ledger;
mod replica;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::names::UserName;
use engine::registry::{Label, Register, Request};
use serde_json::{Map, Value};
use tokio::sync::oneshot;
use wire::registry::client::{Garbled, write_request};

use self::claims::Claims;
use self::ledger::{Deed, Ledger};
use self::replica::Replica;
use crate::handle::{Claim, Command};
use crate::view::View;

/// The time to live that is reckoned with before the registry has said one.
const TTL_GUESS: Duration = Duration::from_secs(10);
/// Shortest time between two keepalives, also when there are new figures.
const REPORT_EVERY: Duration = Duration::from_secs(1);
/// How often a watching service asks for the services' figures, which are no events.
const POLL_EVERY: Duration = Duration::from_secs(1);
/// Longest wait before a watching service looks for the registry again: whoever shows others what the
/// registry says shall see its return within a second. It costs no more than the polls do.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A registry that owes an answer and has said nothing for a third of the time to live, or at most this
/// long, is gone: with a third for the keepalive to come due and a third to connect anew, a connection
/// that has died quietly costs no lease.
const SILENCE: Duration = Duration::from_secs(5);
/// Shorter silence than this says nothing on a busy machine.
const SILENCE_LEAST: Duration = Duration::from_secs(1);
/// How long the end waits for the registry's goodbye.
const GOODBYE: Duration = Duration::from_secs(1);
/// Most bytes that may wait for the registry to read them, beside what is told anew after a connect.
const WAITING_MOST: usize = 8 << 20;

/// As whom the service is known.
#[derive(Debug, Clone)]
pub(crate) struct Me {
    pub(crate) service: Label,
    pub(crate) instance: Label,
    pub(crate) addr: Label,
}

/// Why a connection is given up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    #[error(transparent)]
    Garbled(#[from] Garbled),
    #[error("the registry answered what was not asked")]
    Unasked,
    #[error("the registry refused to register this service: {0}")]
    Refused(engine::Refusal),
    #[error("the registry owes an answer and has said nothing for too long")]
    Silent,
    #[error("the registry goes away")]
    Bye,
    #[error("the registry reads too slowly")]
    Slow,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Offline,
    /// Connected; nothing but the register may be said.
    Registering,
    Ready,
}

#[derive(Debug)]
struct Lease {
    number: u64,
    ttl: Duration,
    epoch: Option<Arc<str>>,
    /// When it was last granted or kept.
    kept: Instant,
}

/// A request whose answer is still to come; answers keep the order.
#[derive(Debug)]
enum Ask {
    Register,
    Keepalive,
    Deed(Deed),
    Watch,
    Services,
    Drop,
}

/// The service's figures and when they last went out.
#[derive(Debug, Default)]
struct Figures {
    stats: Option<Map<String, Value>>,
    changed: bool,
    said: Option<Instant>,
}

#[derive(Debug)]
pub(crate) struct Core {
    me: Me,
    phase: Phase,
    lease: Option<Lease>,
    /// The lease that was said to be over, until the next one is granted.
    former: Option<Lease>,
    ledger: Ledger,
    claims: Claims,
    /// Since when our users have had their names.
    claimed: BTreeMap<UserName, Instant>,
    /// Users of ours whose names another instance holds, as came out after they had been granted.
    pub(crate) contested: BTreeSet<UserName>,
    figures: Figures,
    watching: bool,
    polled: Option<Instant>,
    replica: Replica,
    asked: VecDeque<(Ask, Instant)>,
    heard: Option<Instant>,
    /// Somebody waited in vain, and nothing has been heard since: nobody else shall wait.
    silent: bool,
    ending: Option<(oneshot::Sender<()>, Instant)>,
    ended: bool,
    /// Bytes that were told anew after the last connect.
    told_anew: usize,
    /// What waits to be written.
    pub(crate) out: Vec<u8>,
    /// Whether the view has changed since this was last cleared.
    pub(crate) changed: bool,
}

impl Core {
    pub(crate) fn new(me: Me) -> Self {
        Core {
            me,
            phase: Phase::Offline,
            lease: None,
            former: None,
            ledger: Ledger::default(),
            claims: Claims::default(),
            claimed: BTreeMap::new(),
            contested: BTreeSet::new(),
            figures: Figures::default(),
            watching: false,
            polled: None,
            replica: Replica::default(),
            asked: VecDeque::new(),
            heard: None,
            silent: false,
            ending: None,
            ended: false,
            told_anew: 0,
            out: Vec::new(),
            changed: false,
        }
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.phase == Phase::Ready
    }

    /// Nothing is left to be said.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended
    }

    pub(crate) fn view(&self) -> View {
        self.replica.view(self.is_connected())
    }

    /// When what is known was last known to be right.
    pub(crate) fn fresh(&self) -> Option<Instant> {
        if self.watching { self.replica.fresh() } else { self.heard }
    }

    fn keepalive_every(&self) -> Duration {
        self.ttl() / 3
    }

    /// The longest wait before the registry is looked for again.
    pub(crate) fn look_every(&self) -> Duration {
        let most = self.keepalive_every();
        if self.watching { most.min(LOOK_EVERY) } else { most }
    }

    fn silence(&self) -> Duration {
        (self.ttl() / 3).clamp(SILENCE_LEAST, SILENCE)
    }

    fn ttl(&self) -> Duration {
        self.lease.as_ref().map_or(TTL_GUESS, |lease| lease.ttl)
    }

    /// Does what the service asks.
    pub(crate) fn command(&mut self, command: Command, now: Instant) {
        match command {
            Command::Claim { user, room, answer } => {
                self.claim(user.clone(), None, answer, Deed::Enter { user, room }, now);
            }
            Command::Rename { user, to, answer } => {
                self.claim(to.clone(), Some(user.clone()), answer, Deed::Rename { user, to }, now);
            }
            Command::Join { user, room } => self.deed(Deed::Enter { user, room: Some(room) }, now),
            Command::Leave { user, room } => self.deed(Deed::Leave { user, room }, now),
            Command::Release { user } => {
                self.contested.remove(&user);
                self.deed(Deed::Release { user }, now);
            }
            Command::Report { stats } => {
                self.figures.changed |= self.figures.stats.as_ref() != Some(&stats);
                self.figures.stats = Some(stats);
            }
            Command::Watch => self.begin_watching(now),
            Command::End { done } => self.end(done, now),
        }
    }

    /// The registry is reached: the service says who it is.
    pub(crate) fn connected(&mut self, now: Instant) {
        self.phase = Phase::Registering;
        self.heard = Some(now);
        self.register(now);
    }

    /// The connection is lost: what was asked may have been done or not.
    pub(crate) fn lost(&mut self) {
        self.phase = Phase::Offline;
        self.out.clear();
        for (ask, _) in std::mem::take(&mut self.asked) {
            match ask {
                Ask::Deed(deed) => self.ledger.doubt(&deed),
                Ask::Keepalive => self.ledger.doubt_all(),
                _ => {}
            }
        }
        self.grant_all();
        self.changed = true;
        if let Some((done, _)) = self.ending.take() {
            self.finish(done);
        }
    }

    /// Does what is due; to be called several times a second.
    pub(crate) fn tick(&mut self, now: Instant) -> Result<(), Broken> {
        if self.claims.is_overdue(now) {
            self.fall_silent();
        }
        self.changed |= self.replica.tick(now);
        if self.ending.as_ref().is_some_and(|(_, since)| now - *since >= GOODBYE) {
            let (done, _) = self.ending.take().expect("just seen");
            self.finish(done);
        }
        if self.phase == Phase::Ready {
            self.keep_alive(now);
            self.poll(now);
        }
        if self.is_unanswered(now) {
            self.fall_silent();
            return Err(Broken::Silent);
        }
        if self.out.len() > WAITING_MOST + self.told_anew { Err(Broken::Slow) } else { Ok(()) }
    }

    /// Whether the registry owes an answer and is silent, or says whatever it likes but has not answered for as
    /// long as a lease lives: then it does not hear us.
    fn is_unanswered(&self, now: Instant) -> bool {
        let Some(&(_, asked)) = self.asked.front() else { return false };
        let heard = self.heard.map_or(asked, |heard| heard.max(asked));
        now - heard >= self.silence() || now - asked >= self.ttl()
    }

    fn claim(
        &mut self,
        name: UserName,
        from: Option<UserName>,
        answer: oneshot::Sender<Claim>,
        deed: Deed,
        now: Instant,
    ) {
        self.claims.wait(name, from, answer, now);
        self.deed(deed, now);
        if self.phase == Phase::Offline || self.silent || self.ending.is_some() {
            self.grant_all();
        }
    }

    /// Nobody waits for the registry. Whoever has another name now has no lost one any more.
    fn grant_all(&mut self) {
        for left in self.claims.grant_all() {
            self.contested.remove(&left);
        }
    }

    /// The registry hangs, as far as one can tell: a connection may still be had, but no answer.
    fn fall_silent(&mut self) {
        self.silent = true;
        self.grant_all();
    }

    fn deed(&mut self, deed: Deed, now: Instant) {
        self.want(&deed, now);
        self.say(deed, now);
    }

    /// This shall be so from now on.
    fn want(&mut self, deed: &Deed, now: Instant) {
        self.ledger.want(deed);
        match deed {
            Deed::Enter { user, .. } => {
                self.claimed.entry(user.clone()).or_insert(now);
            }
            Deed::Leave { .. } => {}
            Deed::Release { user } => {
                self.claimed.remove(user);
            }
            Deed::Rename { user, to } => {
                self.claimed.remove(user);
                self.claimed.insert(to.clone(), now);
            }
        }
    }

    fn say(&mut self, deed: Deed, now: Instant) {
        if let (Phase::Ready, Some(lease), None) = (self.phase, &self.lease, &self.ending) {
            let request = deed.request(lease.number, self.age(&deed, now));
            self.ask(Ask::Deed(deed), &request, now);
        }
    }

    /// For how many milliseconds whoever enters has had the name; only a registry that has just started
    /// asks, and to all others an entry is a live one.
    fn age(&self, deed: &Deed, now: Instant) -> u64 {
        let Deed::Enter { user, .. } = deed else { return 0 };
        let since = self.claimed.get(user).map_or(Duration::ZERO, |&since| now - since);
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    fn say_all(&mut self, deeds: Vec<Deed>, now: Instant) {
        for deed in deeds {
            self.say(deed, now);
        }
    }

    fn ask(&mut self, ask: Ask, request: &Request, now: Instant) {
        write_request(&mut self.out, request);
        self.asked.push_back((ask, now));
    }

    fn register(&mut self, now: Instant) {
        let register = Register {
            service: self.me.service.clone(),
            instance: self.me.instance.clone(),
            addr: self.me.addr.clone(),
            ttl_ms: None,
            lease: self.lease.as_ref().map(|lease| lease.number),
            meta: "{}".into(),
        };
        self.ask(Ask::Register, &Request::Register(register), now);
    }

    fn keep_alive(&mut self, now: Instant) {
        let wait = if self.figures.changed { REPORT_EVERY } else { self.keepalive_every() };
        if self.figures.said.is_some_and(|said| now - said < wait.min(self.keepalive_every())) {
            return;
        }
        let Some(lease) = &self.lease else { return };
        let stats = self.figures.stats.clone().map(|stats| Value::Object(stats).to_string().into());
        let request = Request::Keepalive { lease: lease.number, stats };
        // Names that others held may be free by now; what is under way is not said twice.
        if self.asked.is_empty() && !self.contested.is_empty() {
            self.say_all(self.ledger.missing(), now);
        }
        self.ask(Ask::Keepalive, &request, now);
        (self.figures.said, self.figures.changed) = (Some(now), false);
    }

    fn begin_watching(&mut self, now: Instant) {
        if !std::mem::replace(&mut self.watching, true) && self.phase == Phase::Ready {
            self.ask(Ask::Watch, &self.replica.watch(), now);
            self.poll(now);
        }
    }

    fn poll(&mut self, now: Instant) {
        if self.watching && self.polled.is_none_or(|polled| now - polled >= POLL_EVERY) {
            self.polled = Some(now);
            self.ask(Ask::Services, &Request::ListServices, now);
        }
    }

    fn end(&mut self, done: oneshot::Sender<()>, now: Instant) {
        match &self.lease {
            Some(lease) if self.phase == Phase::Ready => {
                let request = Request::Drop { lease: lease.number };
                self.ask(Ask::Drop, &request, now);
                self.ending = Some((done, now));
            }
            _ => self.finish(done),
        }
    }

    fn finish(&mut self, done: oneshot::Sender<()>) {
        self.ended = true;
        self.phase = Phase::Offline;
        self.grant_all();
        // Whoever asked for the end may have stopped waiting for it.
        let _ = done.send(());
    }
}
