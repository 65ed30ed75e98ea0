//! The registry is killed again and again under load, and a chat server sleeps past its lease: whoever watches
//! sees nobody leave who has not left, and of two holders of a name one remains.
//!
//! `cargo test` does it a few times. By hand it is as often as wanted, and what was seen is printed:
//!
//!     PARLANCE_ROUNDS=100 cargo test -p tests --test outages -- --nocapture

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use rand::RngExt;
use rustix::process::Signal;
use serde_json::{Value, json};
use strike::{moments, rounds};
use tests::chat::{Person, Program};
use tests::eventually;
use tests::info::Asker;
use tests::process::{Process, Started};
use tests::registry::Session;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Those who stay, on each of two chat servers.
const STAYING: usize = 10;
/// Longest time without a registry: shorter and longer than a lease lasts.
const AWAY_MOST_MS: u64 = 12_000;

async fn registry(listen: &str, flags: &[&str]) -> Process {
    Process::start_at("registry", listen, &[flags, &["--log", "off"]].concat()).await
}

async fn chat(data: &Path, instance: &str, registry: &str) -> Process {
    let data = data.join(instance).display().to_string();
    let flags = ["--registry", registry, "--instance", instance, "--data", &data, "--sync", "off"];
    Process::start("chat", &[&flags[..], &["--log", "off"]].concat()).await
}

async fn info(instance: &str, registry: &str) -> Process {
    Process::start("info", &["--registry", registry, "--instance", instance, "--log", "off"]).await
}

/// Somebody who looks at an info server without end, and counts who of those who stay was missing.
struct Watcher {
    task: JoinHandle<(usize, BTreeSet<String>)>,
    end: watch::Sender<bool>,
}

impl Watcher {
    async fn start(info: SocketAddr, staying: BTreeSet<String>) -> Self {
        let asker = Asker::new(info).await;
        let (end, ended) = watch::channel(false);
        let task = tokio::spawn(async move {
            let (mut looks, mut missed) = (0, BTreeSet::new());
            while !*ended.borrow() {
                let shown: BTreeSet<String> = asker.users().await.into_iter().collect();
                missed.extend(staying.difference(&shown).cloned());
                looks += 1;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            (looks, missed)
        });
        Watcher { task, end }
    }

    async fn end(self) -> (usize, BTreeSet<String>) {
        self.end.send_replace(true);
        self.task.await.expect("a watcher that lives")
    }
}

/// Somebody who stays: reads what is said, and says a word now and then.
fn staying(mut person: Person) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut words = tokio::time::interval(Duration::from_secs(10));
        loop {
            tokio::select! {
                _ = words.tick() => person.say("/rooms").await,
                line = person.0.next() => assert!(line.is_some(), "sent away"),
            }
        }
    })
}

/// Whoever comes and goes without end. Some hundred times a second, for each time leaves a port behind that is
/// of no use for a minute, and there are 28,000 of them.
fn passers_by(chat: SocketAddr, name: String) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut times = tokio::time::interval(Duration::from_millis(20));
        loop {
            times.tick().await;
            Person::enter(chat, &name).await.quit().await;
        }
    })
}

async fn known(registry: &Process) -> BTreeSet<String> {
    let mut session = Session::open(registry.place("registry").addr).await;
    let listed = session.ask(&json!({"op": "list", "what": "users"})).await;
    let name = |user: &Value| user["user"].as_str().expect("a user has a name").to_owned();
    listed["users"].as_array().expect("a list").iter().map(name).collect()
}

#[tokio::test]
async fn the_registrys_death_empties_nothing() {
    let (data, mut moments) = (tempfile::tempdir().expect("a place for temporary files"), moments());
    let mut server = registry("127.0.0.1:0", &[]).await;
    let at = server.place("registry").addr.to_string();
    let chats = [chat(data.path(), "chat-1", &at).await, chat(data.path(), "chat-2", &at).await];
    let infos = [info("info-1", &at).await, info("info-2", &at).await];
    let places = chats.each_ref().map(|chat| chat.place("chat").addr);
    let mut people = Vec::new();
    for (n, place) in (0..2 * STAYING).zip(places.iter().cycle()) {
        people.push(staying(Person::enter(*place, &format!("stays{n}x")).await));
    }
    let names: BTreeSet<_> = (0..2 * STAYING).map(|n| format!("stays{n}x")).collect();
    let all_known = |known: &BTreeSet<String>| names.is_subset(known);
    let mut watchers = Vec::new();
    for info in &infos {
        let asker = Asker::new(info.place("info").addr).await;
        let shown = async || asker.users().await.into_iter().collect();
        eventually("everybody", shown, all_known).await;
        watchers.push(Watcher::start(info.place("info").addr, names.clone()).await);
    }
    let passing: Vec<_> = (0..4).map(|n| passers_by(places[n % 2], format!("passes{n}x"))).collect();
    let load = load(&places[0].to_string());
    let (rounds, mut slowest) = (rounds(3), Duration::ZERO);
    for _ in 0..rounds {
        server.signal(Signal::KILL);
        assert_eq!(server.ended().await, None, "it was killed");
        // The fault's own length; nothing is waited for.
        tokio::time::sleep(Duration::from_millis(moments.random_range(0..AWAY_MOST_MS))).await;
        server = registry(&at, &[]).await;
        let began = Instant::now();
        eventually("everybody's return", async || known(&server).await, all_known).await;
        slowest = slowest.max(began.elapsed());
        // Some kills strike while presence is not whole yet.
        tokio::time::sleep(Duration::from_millis(moments.random_range(0..4_000))).await;
    }
    passing.iter().for_each(JoinHandle::abort);
    assert!(people.iter().all(|person| !person.is_finished()), "nobody was sent away");
    load.signal(Signal::INT);
    let said = load.output().await.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("the ledger held: none lost, doubled, out of order"), "{said}");
    for watcher in watchers {
        let (looks, missed) = watcher.end().await;
        println!("{rounds} kills, {looks} looks, missing: {missed:?}, slowest return {slowest:.1?}");
        assert_eq!(missed, BTreeSet::new(), "nobody has left");
    }
}

/// Twenty people who talk.
fn load(chat: &str) -> Started {
    let flags = ["chat", "--chat", chat, "--clients", "20", "--rooms", "2", "--rate", "50"];
    let manner = ["--duration", "1h", "--ramp", "1s", "--warmup", "0s", "--quiet", "--metrics-of", "none"];
    Started::new("loadgen", &[&flags[..], &manner].concat())
}

#[tokio::test]
async fn a_server_that_slept_past_its_lease_gives_its_names_up() {
    let data = tempfile::tempdir().expect("a place for temporary files");
    let registry = registry("127.0.0.1:0", &["--ttl-default", "1s"]).await;
    let at = registry.place("registry").addr.to_string();
    let sleeper = chat(data.path(), "chat-1", &at).await;
    let other = chat(data.path(), "chat-2", &at).await;
    let info = info("info-1", &at).await;
    let asker = Asker::new(info.place("info").addr).await;
    for _ in 0..rounds(2) {
        let mut first = Program::enter(sleeper.place("chat").addr, "alice", &["lobby"]).await;
        eventually("alice", async || asker.users().await, |users| users == &["alice"]).await;
        sleeper.signal(Signal::STOP);
        eventually("the end of its lease", async || asker.users().await, Vec::is_empty).await;
        let second = Program::enter(other.place("chat").addr, "alice", &["lobby"]).await;
        sleeper.signal(Signal::CONT);
        let lost = first.until("error").await;
        assert_eq!(lost["code"], "name_lost", "{lost}");
        let both = |users: &Vec<String>| users == &["alice", "alice-2"];
        eventually("both of them", async || asker.users().await, both).await;
        drop((first, second));
        eventually("nobody", async || asker.users().await, Vec::is_empty).await;
    }
}
