//! What everybody did and saw, for the trace and for the judgement.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use engine::names::{RoomName, UserName};
use engine::registry::Roster;
use presence::View;

/// From so many users on not every roster is compared.
const CROWD: usize = 100;

/// A node's users and their rooms.
pub(crate) type People = BTreeMap<UserName, BTreeSet<RoomName>>;
/// Everybody: each name with its holder and rooms.
pub(crate) type World = BTreeMap<UserName, (String, BTreeSet<RoomName>)>;

/// Shared by every host of one run. Hosts take turns on one thread, so its lock is never waited for.
#[derive(Debug, Clone)]
pub(crate) struct Book {
    pub(crate) seed: u64,
    pages: Arc<Mutex<Pages>>,
}

#[derive(Debug, Default)]
pub(crate) struct Pages {
    /// One line for each thing that happened, with its moment.
    pub(crate) trace: Vec<String>,
    /// Whom each chat node has, as the node itself sees it.
    pub(crate) people: BTreeMap<&'static str, People>,
    /// What each watcher shows.
    pub(crate) views: BTreeMap<&'static str, Arc<View>>,
    /// What a roster looked like at each revision of each run, by whoever came to it first.
    rosters: BTreeMap<(String, u64), String>,
    /// Names that were seen to vanish from a watcher's view.
    pub(crate) vanished: Vec<(&'static str, UserName)>,
    /// Watchers that are in the middle of a line.
    pub(crate) midway: BTreeSet<&'static str>,
    /// Watchers that shall not read on for now.
    pub(crate) asleep: BTreeSet<&'static str>,
    /// What each watcher was told last that was no event: a snapshot's revision.
    pub(crate) snapshots: BTreeMap<&'static str, Vec<u64>>,
    /// Who was granted a name, in order.
    pub(crate) grants: Vec<(&'static str, UserName)>,
    /// The nodes shall change nothing more.
    pub(crate) calm: bool,
    /// Runs of hosts so far; each has a seed of its own.
    runs: u64,
}

impl Book {
    pub(crate) fn new(seed: u64) -> Self {
        Book { seed, pages: Arc::default() }
    }

    pub(crate) fn write<T>(&self, change: impl FnOnce(&mut Pages) -> T) -> T {
        change(&mut self.pages.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notes something that a host does, with the simulation's time.
    pub(crate) fn note(&self, who: &str, what: impl Display) {
        self.note_at(turmoil::sim_elapsed().unwrap_or_default(), who, what);
    }

    /// Notes what befalls the hosts.
    pub(crate) fn note_at(&self, at: Duration, who: &str, what: impl Display) {
        self.write(|pages| pages.trace.push(format!("{:>6} {who}: {what}", at.as_millis())));
    }

    /// A seed for another run of some host.
    pub(crate) fn next_run(&self) -> u64 {
        self.write(|pages| {
            pages.runs += 1;
            self.seed.wrapping_mul(1_000_003).wrapping_add(pages.runs)
        })
    }

    /// Whoever has replayed the events up to a revision has what everybody else has at that revision.
    pub(crate) fn compare(&self, who: &str, epoch: &str, roster: &Roster) {
        // A crowd is compared now and then, for that takes long.
        if roster.users.len() > CROWD && !roster.rev.is_multiple_of(CROWD as u64) {
            return;
        }
        let shown = shown(roster);
        self.note(who, format_args!("{} at {}", roster.users.len(), roster.rev));
        self.write(|pages| {
            let first = pages.rosters.entry((epoch.to_owned(), roster.rev)).or_insert_with(|| shown.clone());
            assert_eq!(*first, shown, "{who} has another roster at revision {}", roster.rev);
        });
    }
}

impl Pages {
    /// Everybody as the nodes see it; `Err` with a name that two of them have.
    pub(crate) fn everybody(&self) -> Result<World, UserName> {
        let mut world = World::new();
        for (node, people) in &self.people {
            for (name, rooms) in people {
                if world.insert(name.clone(), ((*node).to_owned(), rooms.clone())).is_some() {
                    return Err(name.clone());
                }
            }
        }
        Ok(world)
    }

    /// Whether somebody has replayed the events up to a revision.
    pub(crate) fn seen(&self, revision: u64) -> bool {
        self.rosters.keys().any(|(_, rev)| *rev == revision)
    }

    /// Everybody as a watcher shows it.
    pub(crate) fn shown_by(&self, watcher: &str) -> Option<World> {
        let view = self.views.get(watcher).filter(|view| view.connected)?;
        let user = |(name, user): (&UserName, &engine::registry::User)| {
            (name.clone(), (user.instance.to_string(), user.rooms.clone()))
        };
        Some(view.users.iter().map(user).collect())
    }
}

/// A roster's text, without the wall clock's times and what is not told in events.
fn shown(roster: &Roster) -> String {
    let users: Vec<_> =
        roster.users.iter().map(|(name, u)| (name, &u.instance, u.generation, u.held, &u.rooms)).collect();
    let up: Vec<_> = roster.services.iter().filter(|(_, service)| service.up).map(|(name, _)| name).collect();
    format!("{users:?} {up:?}")
}
