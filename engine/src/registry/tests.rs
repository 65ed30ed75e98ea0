//! The rules, one by one.

mod model;

use super::*;
use crate::names::{RoomName, UserName};
use crate::{Code, Timestamp};

const SETTINGS: Settings = Settings { ttl_default: 10_000, ttl_max: 60_000 };

fn new() -> Registry {
    Registry::new("e", SETTINGS, 0)
}

fn ask(registry: &mut Registry, now: u64, request: Request) -> Result<Answer, Denied> {
    registry.answer(request, Moment { now, at: Timestamp(now), random: now })
}

fn register(instance: &str, lease: Option<u64>) -> Register {
    let label = |written: &str| Label::parse(written).unwrap();
    let (service, instance, addr) = (label("chat"), label(instance), label("chat:9001"));
    Register { service, instance, addr, ttl_ms: None, lease, meta: "{}".into() }
}

fn lease(registry: &mut Registry, now: u64, instance: &str) -> u64 {
    match ask(registry, now, Request::Register(register(instance, None))) {
        Ok(Answer::Registered { lease, .. }) => lease,
        other => panic!("{other:?}"),
    }
}

fn name(written: &str) -> UserName {
    UserName::parse(written).unwrap()
}

fn join(registry: &mut Registry, lease: u64, user: &str) -> Result<Answer, Denied> {
    let request = Request::Join { lease, user: name(user), room: RoomName::lobby(), hold: false, age: 0 };
    ask(registry, 0, request)
}

fn watch(registry: &mut Registry, epoch: Option<&str>, since: Option<u64>) -> Watcher {
    match ask(registry, 0, Request::Watch { epoch: epoch.map(Into::into), since }) {
        Ok(Answer::Watching { watcher, .. }) => watcher,
        other => panic!("{other:?}"),
    }
}

/// Everything that a watcher is told: the snapshot's reason, then the events' revisions.
fn told(registry: &Registry, mut watcher: Watcher) -> (Option<Resync>, Vec<u64>) {
    let (mut resync, mut revs) = (None, Vec::new());
    loop {
        match registry.feed(&mut watcher, 0) {
            Feed::Nothing => return (resync, revs),
            Feed::Events(events) => revs.extend(events.iter().map(|event| event.rev)),
            Feed::Snapshot { reason, .. } => resync = Some(reason),
        }
    }
}

#[test]
fn nothing_lapses_in_the_first_two_default_times_to_live() {
    let mut registry = new();
    let request = Register { ttl_ms: Some(1_000), ..register("chat-1", None) };
    ask(&mut registry, 0, Request::Register(request)).unwrap();
    assert_eq!(registry.next_deadline(), Some(20_000));
    assert_eq!(registry.tick(19_999), Lapse::default());
    assert_eq!(registry.tick(20_000), Lapse { expired: 1, spared: 0 });
    assert_eq!((registry.leases(), registry.next_deadline()), (0, None));
}

#[test]
fn a_restarted_instance_ends_its_old_lease_with_one_event_each() {
    let mut registry = new();
    let old = lease(&mut registry, 0, "chat-1");
    join(&mut registry, old, "alice").unwrap();
    join(&mut registry, old, "bob").unwrap();
    let watcher = watch(&mut registry, Some("e"), Some(3));
    let new = lease(&mut registry, 5, "chat-1");
    assert_ne!(new, old);
    assert_eq!(told(&registry, watcher), (None, vec![4, 5, 6, 7]), "two left, one down, one up");
    assert_eq!(join(&mut registry, old, "alice").unwrap_err().refusal.code, Code::UnknownLease);
    let resume = ask(&mut registry, 5, Request::Register(register("chat-1", Some(old))));
    assert_eq!(resume.unwrap_err().refusal.code, Code::UnknownLease);
    assert!(join(&mut registry, new, "alice").is_ok());
}

#[test]
fn an_instance_that_resumes_says_nothing_new_and_one_that_moved_does() {
    let mut registry = new();
    let lease = lease(&mut registry, 0, "chat-1");
    ask(&mut registry, 5, Request::Register(register("chat-1", Some(lease)))).unwrap();
    assert_eq!(registry.roster().rev, 1);
    let addr = Label::parse("elsewhere:9001").unwrap();
    let moved = Register { addr: addr.clone(), ..register("chat-1", Some(lease)) };
    ask(&mut registry, 5, Request::Register(moved)).unwrap();
    let (rev, service) = (registry.roster().rev, registry.roster().services.values().next());
    assert_eq!((rev, service.map(|service| &service.addr)), (2, Some(&addr)));
}

#[test]
fn a_lease_is_of_one_service() {
    let mut registry = new();
    let lease = lease(&mut registry, 0, "one");
    let other = Register { service: Label::parse("info").unwrap(), ..register("one", Some(lease)) };
    let denied = ask(&mut registry, 5, Request::Register(other)).unwrap_err();
    assert_eq!(denied.refusal.code, Code::UnknownLease);
    assert_eq!(registry.roster().rev, 1);
    assert_eq!(registry.roster().services.values().next().map(|one| one.service.as_str()), Some("chat"));
    assert!(ask(&mut registry, 5, Request::Register(register("one", Some(lease)))).is_ok());
}

#[test]
fn a_place_that_is_no_longer_kept_is_answered_with_a_snapshot() {
    let mut registry = new();
    let lease = lease(&mut registry, 0, "chat-1");
    let slow = watch(&mut registry, Some("e"), Some(1));
    for _ in 0..EVENTS_KEPT / 2 {
        join(&mut registry, lease, "alice").unwrap();
        ask(&mut registry, 0, Request::Release { lease, user: name("alice") }).unwrap();
    }
    let rev = EVENTS_KEPT as u64 + 1;
    assert_eq!(told(&registry, slow.clone()), (None, (2..=rev).collect()), "just kept");
    join(&mut registry, lease, "alice").unwrap();
    assert_eq!(told(&registry, slow), (Some(Resync::Slow), vec![]));
    let mut come = |epoch, since| {
        let watcher = watch(&mut registry, epoch, since);
        told(&registry, watcher)
    };
    assert_eq!(come(Some("e"), Some(1)), (Some(Resync::Compacted), vec![]));
    assert_eq!(come(Some("e"), Some(2)), (None, (3..=rev + 1).collect()));
    assert_eq!(come(Some("e"), Some(rev + 1)), (None, vec![]));
    assert_eq!(come(Some("e"), Some(rev + 2)), (Some(Resync::Future), vec![]));
    assert_eq!(come(Some("f"), Some(rev)), (Some(Resync::Epoch), vec![]));
    assert_eq!(come(None, Some(rev)), (Some(Resync::Epoch), vec![]));
    assert_eq!(come(None, None), (Some(Resync::First), vec![]));
}

#[test]
fn of_two_grants_of_one_name_the_later_has_the_higher_generation() {
    let mut registry = new();
    let lease = lease(&mut registry, 0, "chat-1");
    let generation = |answer| match answer {
        Ok(Answer::Granted { generation, .. }) => generation,
        other => panic!("{other:?}"),
    };
    let first = generation(join(&mut registry, lease, "alice"));
    assert_eq!(generation(join(&mut registry, lease, "alice")), first, "the same grant");
    ask(&mut registry, 0, Request::Release { lease, user: name("alice") }).unwrap();
    generation(join(&mut registry, lease, "bob"));
    let rename = Request::Rename { lease, user: name("bob"), to: name("alice") };
    let second = generation(ask(&mut registry, 0, rename));
    assert!(second > first);
    assert_eq!(registry.roster().users[&name("alice")].generation, second);
}

#[test]
fn services_tell_when_they_were_last_heard_also_when_they_are_gone() {
    let mut registry = new();
    let lease = lease(&mut registry, 100, "chat-1");
    ask(&mut registry, 300, Request::Keepalive { lease, stats: Some("{\"n\":1}".into()) }).unwrap();
    ask(&mut registry, 400, Request::Keepalive { lease, stats: None }).unwrap();
    let report = |registry: &mut Registry| match ask(registry, 1_000, Request::ListServices) {
        Ok(Answer::Services { mut services, .. }) => services.remove(0),
        other => panic!("{other:?}"),
    };
    let here = report(&mut registry);
    assert_eq!((here.up, here.age_ms, &*here.stats), (true, 600, "{\"n\":1}"));
    ask(&mut registry, 900, Request::Drop { lease }).unwrap();
    let gone = report(&mut registry);
    assert_eq!((gone.up, gone.age_ms, &*gone.stats), (false, 600, "{\"n\":1}"));
}

/// Claims a name that has been the user's for a while.
fn claim(registry: &mut Registry, now: u64, lease: u64, age: u64) -> Result<Answer, Denied> {
    ask(registry, now, Request::Hold { lease, user: name("alice"), age })
}

fn lost(registry: &mut Registry, now: u64, lease: u64) -> Vec<UserName> {
    match ask(registry, now, Request::Keepalive { lease, stats: None }) {
        Ok(Answer::Kept { lost }) => lost,
        other => panic!("{other:?}"),
    }
}

#[test]
fn after_a_start_the_older_claim_wins_whoever_comes_first() {
    let mut registry = new();
    let (one, two) = (lease(&mut registry, 0, "chat-1"), lease(&mut registry, 1, "chat-2"));
    claim(&mut registry, 10, one, 5_000).unwrap();
    assert_eq!(
        claim(&mut registry, 20, two, 5_010).unwrap_err().refusal.code,
        Code::NameTaken,
        "just as old"
    );
    claim(&mut registry, 20, two, 5_011).unwrap();
    assert_eq!(registry.roster().users[&name("alice")].instance.as_str(), "chat-2");
    assert_eq!(lost(&mut registry, 30, one), [name("alice")]);
    assert_eq!(lost(&mut registry, 31, one), [], "it is told once");
    let denied = claim(&mut registry, 40, one, 5_030).unwrap_err();
    assert_eq!(denied.holder.as_ref().map(Label::as_str), Some("chat-2"));
}

#[test]
fn after_the_grace_whoever_holds_a_name_keeps_it() {
    let mut registry = new();
    let (one, two) = (lease(&mut registry, 15_000, "chat-1"), lease(&mut registry, 15_001, "chat-2"));
    claim(&mut registry, 19_000, one, 0).unwrap();
    assert_eq!(claim(&mut registry, 20_000, two, 60_000).unwrap_err().refusal.code, Code::NameTaken);
    assert_eq!(lost(&mut registry, 20_001, one), []);
}
