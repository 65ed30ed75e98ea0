//! Watchers that come back, sleep, or are in the middle of something.

use std::time::Duration;

use engine::names::{RoomName, UserName};
use engine::registry::{Label, Register, Request};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use turmoil::Sim;
use turmoil::net::TcpStream;
use wire::registry::client::{Said, decode, write_request};

use crate::book::{Book, Pages};
use crate::chaos::{go_on, go_on_until, narrow_network, settle_in};
use crate::faults::Fault;
use crate::nodes::{INFOS, REGISTRY, dial};
use crate::tap;

/// A watcher that follows the protocol to the letter.
const WATCHER: &str = "watcher";
/// Whoever makes the events.
const TALKER: &str = "talker";
/// So many events the registry keeps.
const KEPT: u64 = 10_000;
/// A connection of this network holds so many writes that nobody has read.
const NARROW: usize = 8;

/// A connection that asks and listens.
struct Line(BufReader<TcpStream>);

impl Line {
    async fn open() -> Self {
        Line(BufReader::new(dial(format!("{REGISTRY}:9000")).await.unwrap()))
    }

    async fn hear(&mut self) -> Said {
        let mut line = String::new();
        self.0.read_line(&mut line).await.unwrap();
        decode(line.trim_end()).unwrap()
    }

    /// Asks all at once and takes the answers; the last one's revision and the first one's lease.
    async fn ask(&mut self, requests: &[Request]) -> (u64, Option<u64>) {
        let (mut out, mut rev, mut lease) = (Vec::new(), 0, None);
        requests.iter().for_each(|request| write_request(&mut out, request));
        self.0.get_mut().write_all(&out).await.unwrap();
        for _ in requests {
            let Said::Reply(Ok(reply)) = self.hear().await else { panic!("no answer") };
            (rev, lease) = (reply.rev.unwrap(), lease.or(reply.lease));
        }
        (rev, lease)
    }

    async fn register(&mut self) -> u64 {
        self.register_as(TALKER).await
    }

    async fn register_as(&mut self, instance: &str) -> u64 {
        let label = |written| Label::parse(written).unwrap();
        let register = Register {
            service: label("chat"),
            instance: label(instance),
            addr: label("talker:1"),
            ttl_ms: Some(60_000),
            lease: None,
            meta: "{}".into(),
        };
        self.ask(&[Request::Register(register)]).await.1.unwrap()
    }
}

fn enter(lease: u64, name: &str) -> Request {
    let (user, room) = (UserName::parse(name).unwrap(), RoomName::lobby());
    Request::Join { lease, user, room, hold: false, age: 0 }
}

fn leave(lease: u64, name: &str) -> Request {
    Request::Leave { lease, user: UserName::parse(name).unwrap(), room: RoomName::lobby() }
}

/// Somebody comes and goes until there have been so many events, in bursts with a pause after each.
async fn come_and_go(events: u64, pause: Duration) -> (Line, u64) {
    let mut line = Line::open().await;
    let lease = line.register().await;
    let mut rev = 1;
    while rev < events {
        let burst = (events - rev).min(500);
        let request = |n| if n % 2 == 0 { enter(lease, "alice") } else { leave(lease, "alice") };
        rev = line.ask(&(0..burst).map(|n| request(rev - 1 + n)).collect::<Vec<_>>()).await.0;
        tokio::time::sleep(pause).await;
    }
    (line, rev)
}

/// The registry, a watcher and somebody who makes events, on a network with little room.
fn talk<'a>(book: &Book, events: u64, pause: Duration) -> Sim<'a> {
    let mut sim = narrow_network(book.seed, NARROW);
    settle_in(&mut sim, book, REGISTRY);
    let (watched, talked) = (book.clone(), book.clone());
    sim.host(WATCHER, move || {
        let book = watched.clone();
        async move {
            tap::follow(&book, WATCHER).await;
            Ok(())
        }
    });
    sim.host(TALKER, move || {
        let book = talked.clone();
        async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let (line, _) = come_and_go(events, pause).await;
            book.write(|pages| pages.calm = true);
            std::future::pending::<()>().await;
            drop(line);
            Ok(())
        }
    });
    sim
}

/// The revisions of the snapshots that the watcher was given, when it has everything.
fn snapshots(sim: &mut Sim<'_>, book: &Book, events: u64) -> Vec<u64> {
    go_on_until(sim, book, |pages| pages.seen(events));
    book.write(|pages| pages.snapshots[WATCHER].clone())
}

#[test]
fn a_watcher_resumes_at_every_revision_around_the_edge_of_what_is_kept() {
    const EVENTS: u64 = KEPT + 50;
    let book = Book::new(1);
    let mut sim = narrow_network(1, 1 << 16);
    settle_in(&mut sim, &book, REGISTRY);
    sim.client("prober", async move {
        let (mut line, rev) = come_and_go(EVENTS, Duration::ZERO).await;
        assert_eq!(rev, EVENTS);
        let epoch = epoch(&mut line).await;
        let edge = rev - KEPT;
        for since in (edge - 3..=edge + 3).chain(rev - 3..=rev + 3).chain([0, 1, u64::MAX]) {
            let told = resume(&epoch, since, rev).await;
            let events: Vec<u64> = (since.saturating_add(1)..=rev).collect();
            let kept = (edge..=rev).contains(&since);
            assert_eq!(told, kept.then_some(events), "since {since}, the edge is {edge}");
        }
        Ok(())
    });
    sim.run().unwrap();
}

async fn epoch(line: &mut Line) -> std::sync::Arc<str> {
    line.0.get_mut().write_all(b"{\"op\":\"list\",\"what\":\"users\"}\n").await.unwrap();
    let Said::Reply(Ok(reply)) = line.hear().await else { panic!("no answer") };
    reply.epoch.unwrap()
}

/// The revisions of the events that a watcher is told that has everything up to `since`; `None` when it
/// is a snapshot.
async fn resume(epoch: &std::sync::Arc<str>, since: u64, rev: u64) -> Option<Vec<u64>> {
    let mut line = Line::open().await;
    let watch = Request::Watch { epoch: Some(epoch.clone()), since: Some(since) };
    assert_eq!(line.ask(&[watch]).await.0, rev);
    let mut told = Vec::new();
    loop {
        match line.hear().await {
            Said::Event(event) => told.push(event.rev),
            Said::Snapshot { roster, .. } => {
                assert_eq!((roster.rev, told.len()), (rev, 0));
                return None;
            }
            Said::Bookmark { rev: marked } => {
                assert_eq!(marked, rev);
                return Some(told);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_watcher_that_sleeps_for_a_while_is_told_every_event() {
    const EVENTS: u64 = 8_000;
    let book = Book::new(2);
    let mut sim = talk(&book, EVENTS, Duration::from_millis(100));
    go_on(&mut sim, Duration::from_secs(2));
    book.write(|pages| pages.asleep.insert(WATCHER));
    go_on(&mut sim, Duration::from_secs(8));
    book.write(|pages| pages.asleep.clear());
    assert_eq!(snapshots(&mut sim, &book, EVENTS), [0], "nothing was skipped");
}

#[test]
fn a_watcher_that_falls_off_the_events_is_given_a_snapshot_and_skips_nothing() {
    const EVENTS: u64 = 25_000;
    let book = Book::new(3);
    let mut sim = talk(&book, EVENTS, Duration::ZERO);
    go_on(&mut sim, Duration::from_secs(3));
    book.write(|pages| pages.asleep.insert(WATCHER));
    go_on_until(&mut sim, &book, |pages| pages.calm);
    book.write(|pages| pages.asleep.clear());
    assert_eq!(snapshots(&mut sim, &book, EVENTS), [0, EVENTS]);
}

/// Bob is here until the watcher is away; then there are more events than are kept, and alice comes.
async fn bob_goes_and_alice_comes(book: Book) -> turmoil::Result {
    let mut line = Line::open().await;
    let lease = line.register().await;
    line.ask(&[enter(lease, "bob")]).await;
    while !book.write(|pages| pages.calm) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    line.ask(&[leave(lease, "bob")]).await;
    let burst: Vec<_> = (0..250).flat_map(|_| [enter(lease, "carol"), leave(lease, "carol")]).collect();
    for _ in 0..=KEPT / 500 {
        line.ask(&burst).await;
    }
    line.ask(&[enter(lease, "alice")]).await;
    book.write(|pages| pages.calm = false);
    std::future::pending::<()>().await;
    drop(line);
    Ok(())
}

#[test]
fn a_service_that_was_away_for_more_events_than_are_kept_sees_what_is() {
    let book = Book::new(4);
    let mut sim = narrow_network(book.seed, 1 << 16);
    [REGISTRY, INFOS[0]].iter().for_each(|host| settle_in(&mut sim, &book, host));
    let talked = book.clone();
    sim.host(TALKER, move || bob_goes_and_alice_comes(talked.clone()));
    let shown = |pages: &Pages, name: &str| {
        pages.shown_by(INFOS[0]).is_some_and(|world| world.keys().any(|user| user.as_str() == name))
    };
    go_on_until(&mut sim, &book, |pages| shown(pages, "bob"));
    let away = Fault::Cut(INFOS[0]);
    away.begin(&mut sim);
    book.write(|pages| pages.calm = true);
    go_on_until(&mut sim, &book, |pages| !pages.calm);
    book.write(|pages| pages.snapshots.clear());
    away.end(&mut sim);
    go_on_until(&mut sim, &book, |pages| shown(pages, "alice") && pages.snapshots.contains_key(INFOS[0]));
    book.write(|pages| {
        assert!(!shown(pages, "bob"), "he has left meanwhile");
        assert!(pages.views[INFOS[0]].rev > KEPT);
    });
}
