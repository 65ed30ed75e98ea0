//! The registry: people enter, one after the other, and every watcher must see each of them once.

mod entries;
mod line;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use engine::names::{RoomName, UserName};
use engine::registry::{Change, Event, Request};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::tcp::OwnedReadHalf;
use tokio::sync::mpsc;
use tokio::time::interval;
use wire::registry::client::{Said, decode};

pub use entries::Entries;
use line::{Line, say};

use super::Scene;
use crate::recorder::{Recorder, Series};
use crate::shard::Shard;

/// How long the lease holds, and how often it is renewed.
const LEASE: (i64, Duration) = (15_000, Duration::from_secs(4));

#[derive(Debug)]
struct Desk {
    entries: Entries,
    /// By watcher and guest.
    seen: Vec<Vec<bool>>,
    recorder: Recorder,
}

/// Somebody who is to enter.
#[derive(Debug, Clone, Copy)]
struct Guest {
    /// The operation's number.
    number: u32,
    /// Which guest, from 0.
    guest: u32,
    /// When we woke for it.
    woken: u64,
}

/// The registry's guests and watchers.
#[derive(Debug, Clone)]
pub struct Door {
    scene: Arc<Scene>,
    desk: Arc<Mutex<Desk>>,
    ask: mpsc::UnboundedSender<Guest>,
}

impl Door {
    /// Registers as a service, and lets the watchers watch.
    ///
    /// # Errors
    /// When the registry is not there or would not have us.
    pub async fn start(
        scene: &Arc<Scene>,
        registry: SocketAddr,
        watchers: u32,
        shard: &Shard,
    ) -> io::Result<Self> {
        let guests = scene.schedule.entries() as usize;
        let desk = Desk {
            entries: Entries::default(),
            seen: vec![vec![false; guests]; watchers as usize],
            recorder: Recorder::default(),
        };
        let (ask, asked) = mpsc::unbounded_channel();
        let door = Door { scene: Arc::clone(scene), desk: Arc::new(Mutex::new(desk)), ask };
        for watcher in 0..watchers as usize {
            let mut line = Line::open(registry).await?;
            line.say(&Request::Watch { epoch: None, since: None }).await?;
            line.until(|said| matches!(said, Said::Snapshot { .. })).await?;
            shard.handle().spawn(door.clone().watch(watcher, line.read));
        }
        let mut line = Line::open(registry).await?;
        let lease = line.register(scene.roster.run()).await?;
        let desk = door.clone();
        shard.handle().spawn(async move {
            desk.serve(line, lease, asked).await;
        });
        Ok(door)
    }

    /// Lets the guest enter that is operation `number`, woken for it at `woken`.
    pub fn enter(&self, number: u32, guest: u32, woken: u64) {
        if self.ask.send(Guest { number, guest, woken }).is_err() {
            self.scene.sent.skipped();
        }
    }

    /// Asks for whoever enters, and lets each of them leave again once it is in.
    async fn serve(self, line: Line, lease: u64, mut asked: mpsc::UnboundedReceiver<Guest>) {
        let (mut write, mut lines) = (line.write, line.read.lines());
        let room = RoomName::parse("load").expect("a valid name");
        // Answers keep the order of the requests: what each of those under way was.
        let mut under_way = std::collections::VecDeque::new();
        let mut renew = interval(LEASE.1);
        loop {
            tokio::select! {
                Some(asked) = asked.recv() => {
                    self.scene.sent.attempt(asked.number, self.scene.clock.now());
                    self.desk().entries.sent += 1;
                    under_way.push_back(Some(asked));
                    let (user, room) = (self.name(asked.guest), room.clone());
                    let join = Request::Join { lease, user, room, hold: false, age: 0 };
                    if say(&mut write, &join).await.is_err() { break }
                    self.taken(asked);
                }
                _ = renew.tick() => {
                    under_way.push_back(None);
                    if say(&mut write, &Request::Keepalive { lease, stats: None }).await.is_err() { break }
                }
                line = lines.next_line() => {
                    let Ok(Some(line)) = line else { break };
                    let Ok(Said::Reply(reply)) = decode(&line) else { continue };
                    let Some(Some(Guest { number, guest, .. })) = under_way.pop_front() else { continue };
                    self.granted(number, reply.is_ok());
                    if reply.is_ok() {
                        under_way.push_back(None);
                        let leave = Request::Leave { lease, user: self.name(guest), room: room.clone() };
                        if say(&mut write, &leave).await.is_err() { break }
                    }
                }
            }
        }
        self.desk().entries.broken += 1;
    }

    /// Notes that the socket has taken the request.
    fn taken(&self, asked: Guest) {
        let took = self.scene.clock.now().saturating_sub(asked.woken);
        if self.scene.schedule.counts(asked.number) {
            self.desk().recorder.note(Series::RegistrySocket, took);
        }
    }

    fn granted(&self, number: u32, granted: bool) {
        let took = self.scene.clock.now().saturating_sub(self.scene.due(number));
        let mut desk = self.desk();
        if !granted {
            desk.entries.refused += 1;
            return;
        }
        desk.entries.granted += 1;
        if self.scene.schedule.counts(number) {
            desk.recorder.note(Series::RegistryEntry, took);
        }
    }

    async fn watch(self, watcher: usize, read: BufReader<OwnedReadHalf>) {
        let (mut lines, mut newest) = (read.lines(), 0);
        while let Ok(Some(line)) = lines.next_line().await {
            let now = self.scene.clock.now();
            match decode(&line) {
                Ok(Said::Event(event)) => {
                    self.see(watcher, &event, newest, now);
                    newest = newest.max(event.rev);
                }
                Ok(Said::Snapshot { .. }) => self.desk().entries.resyncs += 1,
                _ => {}
            }
        }
        self.desk().entries.broken += 1;
    }

    fn see(&self, watcher: usize, event: &Event, newest: u64, now: u64) {
        let Change::Joined { user, .. } = &event.change else { return };
        let Some(guest) = self.guest(user) else { return };
        let Some(number) = self.scene.schedule.entry(guest) else { return };
        let mut desk = self.desk();
        if std::mem::replace(&mut desk.seen[watcher][guest as usize], true) {
            desk.entries.doubled += 1;
            return;
        }
        desk.entries.ok += 1;
        desk.entries.out_of_order += u64::from(event.rev <= newest);
        if self.scene.schedule.counts(number) {
            let sent = self.scene.sent.at(number).unwrap_or(now);
            desk.recorder.note(Series::RegistrySeen, now.saturating_sub(self.scene.due(number)));
            desk.recorder.note(Series::RegistryService, now.saturating_sub(sent));
        }
    }

    fn name(&self, guest: u32) -> UserName {
        let name = format!("g{:08x}-{guest}", self.scene.roster.run());
        UserName::parse(&name).expect("our guests' names are valid")
    }

    fn guest(&self, user: &UserName) -> Option<u32> {
        let rest = user.as_str().strip_prefix(&format!("g{:08x}-", self.scene.roster.run()))?;
        rest.parse().ok()
    }

    /// Takes away what was recorded since the last time.
    pub fn collect(&self, into: &mut Recorder) {
        into.merge(&std::mem::take(&mut self.desk().recorder));
    }

    /// What became of the guests so far.
    pub fn entries(&self) -> Entries {
        let desk = self.desk();
        let owed = desk.entries.granted * desk.seen.len() as u64;
        Entries { owed, lost: owed.saturating_sub(desk.entries.ok), ..desk.entries }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().expect("nothing panics at a desk")
    }
}
