//! Presence against the real registry, in one process.
#![allow(clippy::unwrap_used, reason = "a test's helpers fail the test")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chassis::{Life, Running, Service};
use engine::names::{RoomName, UserName};
use engine::registry::Label;
use presence::{Claim, Config, Presence, RegistryAddr, View};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;

static CHAT: Service = Service {
    name: "chat",
    about: "a chat",
    listen: "127.0.0.1:0",
    admin: "127.0.0.1:0",
    workers: chassis::one_each,
};

fn user(name: &str) -> UserName {
    UserName::parse(name).unwrap()
}

fn room(name: &str) -> RoomName {
    RoomName::parse(name).unwrap()
}

fn label(name: &str) -> Label {
    Label::parse(name).unwrap()
}

async fn registry_at(addr: &str) -> Running {
    let args = ["--listen", addr, "--admin", "127.0.0.1:0", "--ttl-default", "1s"];
    let (config, flags) = chassis::parse::<registry::Config>(&registry::SERVICE, &args).unwrap();
    registry::start(config, flags).await.unwrap()
}

async fn registry() -> Running {
    registry_at("127.0.0.1:0").await
}

fn known_at(registry: SocketAddr, instance: &str) -> Presence {
    let life = Life::new(&CHAT);
    let registry = RegistryAddr::At(registry.to_string());
    let config = Config { registry, instance: Some(label(instance)), advertise: None };
    Presence::start(config, "chat", "127.0.0.1:9001".parse().unwrap(), &life)
}

/// The first view of which something is true.
async fn once(view: &mut watch::Receiver<Arc<View>>, what: &str, is: impl Fn(&View) -> bool) -> Arc<View> {
    let found = timeout(Duration::from_secs(30), view.wait_for(|view| is(view))).await;
    found.unwrap_or_else(|_| panic!("never: {what}")).unwrap().clone()
}

/// A port that is free and whose registry is away.
async fn nobody_home() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// Waits until a lease has lapsed, at a registry of its own.
async fn a_time_to_live() {
    let registry = registry().await;
    let (brief, witness) = (known_at(registry.addr, "brief-1"), known_at(registry.addr, "witness-1"));
    let mut view = witness.view();
    let up = |view: &View| view.services.get(&label("brief-1")).map(|service| service.up);
    once(&mut view, "it is up", |view| up(view) == Some(true)).await;
    drop(brief);
    once(&mut view, "it is down", |view| up(view) == Some(false)).await;
    registry.stop().await.unwrap();
}

fn is_here(view: &View, name: &str) -> bool {
    view.users.contains_key(&user(name))
}

fn holder(view: &View, name: &str) -> Option<String> {
    view.users.get(&user(name)).map(|user| user.instance.to_string())
}

fn rooms(view: &View, name: &str) -> Vec<String> {
    view.users
        .get(&user(name))
        .map_or(Vec::new(), |user| user.rooms.iter().map(RoomName::to_string).collect())
}

#[tokio::test]
async fn a_name_is_claimed_across_instances_and_everybody_sees_it() {
    let registry = registry().await;
    let (one, two) = (known_at(registry.addr, "chat-1"), known_at(registry.addr, "chat-2"));
    let mut view = two.view();
    let both = |view: &View| view.services.values().filter(|service| service.up).count() == 2;
    once(&mut view, "both are up", both).await;
    assert_eq!(one.claim(&user("alice"), Some(&room("lobby"))).await, Claim::Granted);
    assert_eq!(two.claim(&user("Alice"), None).await, Claim::Taken);
    assert_eq!(two.claim(&user("bob"), None).await, Claim::Granted);
    assert_eq!(two.rename(&user("bob"), &user("ALICE")).await, Claim::Taken);
    two.join(&user("bob"), &room("tea"));
    let seen = once(&mut view, "bob is in tea", |view| rooms(view, "bob") == ["tea"]).await;
    assert_eq!(rooms(&seen, "alice"), ["lobby"]);
    two.leave(&user("bob"), &room("tea"));
    once(&mut view, "bob is here in no room", |view| is_here(view, "bob") && rooms(view, "bob").is_empty())
        .await;
    assert_eq!(one.rename(&user("alice"), &user("ally")).await, Claim::Granted);
    assert_eq!(two.rename(&user("bob"), &user("ALICE")).await, Claim::Granted);
    one.release(&user("ally"));
    let renamed = |view: &View| holder(view, "ALICE").as_deref() == Some("chat-2");
    once(&mut view, "bob is ALICE and ally is gone", |view| renamed(view) && !is_here(view, "ally")).await;
    registry.stop().await.unwrap();
}

#[tokio::test]
async fn figures_arrive_and_a_dropped_lease_ends_everything_at_once() {
    let registry = registry().await;
    let (chat, info) = (known_at(registry.addr, "chat-1"), known_at(registry.addr, "info-1"));
    let mut view = info.view();
    chat.report(serde_json::from_str("{\"messages\":120}").unwrap());
    chat.claim(&user("alice"), Some(&room("lobby"))).await;
    let reported = |view: &View| {
        let chat = view.services.get(&label("chat-1"));
        chat.and_then(|chat| chat.stats.get("messages")).is_some_and(|messages| messages == 120)
    };
    once(&mut view, "the figures arrive", reported).await;
    chat.drop_lease().await;
    let seen = once(&mut view, "chat is down", |view| !view.services[&label("chat-1")].up).await;
    assert!(!is_here(&seen, "alice"));
    assert_eq!(chat.claim(&user("late"), None).await, Claim::Granted);
    registry.stop().await.unwrap();
}

#[tokio::test]
async fn a_restart_of_the_registry_empties_nothing() {
    let first = registry().await;
    let addr = first.addr;
    let (chat, info) = (known_at(addr, "chat-1"), known_at(addr, "info-1"));
    let mut view = info.view();
    for name in ["alice", "bob", "carol"] {
        chat.claim(&user(name), Some(&room("lobby"))).await;
    }
    let whole = |view: &View| ["alice", "bob", "carol"].iter().all(|name| rooms(view, name) == ["lobby"]);
    let before = once(&mut view, "everybody is seen", |view| whole(view) && view.connected).await;
    // From here on nobody who is here may be seen to leave, not in any view.
    let mut spy = info.view();
    let spying = tokio::spawn(async move {
        while spy.changed().await.is_ok() {
            let view = spy.borrow_and_update().clone();
            assert!(is_here(&view, "alice") && is_here(&view, "carol"), "{view:?}");
            assert!(view.services.get(&label("chat-1")).is_some_and(|chat| chat.up), "{view:?}");
        }
    });
    first.stop().await.unwrap();
    once(&mut view, "the loss is seen", |view| !view.connected).await;
    chat.release(&user("bob"));
    chat.join(&user("alice"), &room("tea"));
    assert_eq!(chat.claim(&user("dave"), None).await, Claim::Granted, "while the registry is away");
    let second = registry_at(&addr.to_string()).await;
    let again = |view: &View| view.connected && view.epoch != before.epoch && is_here(view, "dave");
    once(&mut view, "presence is told again", again).await;
    once(&mut view, "who left meanwhile is gone", |view| !is_here(view, "bob")).await;
    let after =
        once(&mut view, "alice is in both rooms", |view| rooms(view, "alice") == ["lobby", "tea"]).await;
    assert_eq!(rooms(&after, "carol"), ["lobby"]);
    // The spy ends with the presence it looks through; a failed look is a failed test.
    drop((chat, info));
    spying.await.unwrap();
    second.stop().await.unwrap();
}

#[tokio::test]
async fn who_is_gone_with_the_registry_is_down_and_does_not_vanish() {
    let first = registry().await;
    let addr = first.addr;
    let (file, info) = (known_at(addr, "file-1"), known_at(addr, "info-1"));
    let mut view = info.view();
    let up = |view: &View, name: &str| view.services.get(&label(name)).map(|service| service.up);
    let before = once(&mut view, "both are up", |view| up(view, "file-1") == Some(true)).await;
    // Figures say that the services were listed, which overwrote what was known of another run.
    info.report(serde_json::from_str("{\"n\":1}").unwrap());
    let figures =
        |view: &View| view.services.get(&label("info-1")).is_some_and(|info| !info.stats.is_empty());
    once(&mut view, "the figures arrive", figures).await;
    let mut spy = info.view();
    let spying = tokio::spawn(async move {
        while spy.changed().await.is_ok() {
            let view = spy.borrow_and_update().clone();
            assert!(view.services.contains_key(&label("file-1")), "{view:?}");
        }
    });
    first.stop().await.unwrap();
    drop(file);
    // After an outage of more than a second the services are listed at once.
    a_time_to_live().await;
    let second = registry_at(&addr.to_string()).await;
    let again = |view: &View| view.epoch != before.epoch && up(view, "info-1") == Some(true);
    once(&mut view, "the registry is back", again).await;
    once(&mut view, "the file service is down", |view| up(view, "file-1") == Some(false)).await;
    drop(info);
    spying.await.unwrap();
    second.stop().await.unwrap();
}

#[tokio::test]
async fn a_service_starts_before_its_registry() {
    let addr = nobody_home().await;
    let chat = known_at(addr, "chat-1");
    let mut view = chat.view();
    assert_eq!(chat.claim(&user("alice"), Some(&room("lobby"))).await, Claim::Granted);
    assert!(!view.borrow().connected && view.borrow().fresh.is_none());
    let registry = registry_at(&addr.to_string()).await;
    let seen = once(&mut view, "alice is known", |view| is_here(view, "alice") && view.fresh.is_some()).await;
    assert!(seen.connected);
    registry.stop().await.unwrap();
}

#[tokio::test]
async fn a_name_held_twice_stays_local_and_is_claimed_when_it_is_free() {
    let addr = nobody_home().await;
    let (one, two) = (known_at(addr, "chat-1"), known_at(addr, "chat-2"));
    for chat in [&one, &two] {
        assert_eq!(chat.claim(&user("alice"), Some(&room("lobby"))).await, Claim::Granted);
    }
    let registry = registry_at(&addr.to_string()).await;
    let mut view = one.view();
    let both = |view: &View| view.services.len() == 2 && is_here(view, "alice");
    let seen = once(&mut view, "both are known", both).await;
    let (winner, loser, name) = match holder(&seen, "alice").as_deref() {
        Some("chat-1") => (&one, &two, "chat-2"),
        _ => (&two, &one, "chat-1"),
    };
    // An answer to a later request says that the earlier ones were answered.
    assert_eq!(loser.claim(&user("probe"), None).await, Claim::Granted);
    winner.release(&user("alice"));
    once(&mut view, "the other one has it", |view| holder(view, "alice").as_deref() == Some(name)).await;
    registry.stop().await.unwrap();
}

#[tokio::test]
async fn a_lost_lease_is_noticed_and_everything_is_told_again() {
    let registry = registry().await;
    let (chat, info) = (known_at(registry.addr, "chat-1"), known_at(registry.addr, "info-1"));
    let mut view = info.view();
    chat.claim(&user("alice"), Some(&room("lobby"))).await;
    let before = once(&mut view, "alice is known", |view| is_here(view, "alice")).await;
    let generation = before.users[&user("alice")].generation;
    // Somebody else registers as chat-1, which ends the lease and frees the name.
    let mut stream = BufReader::new(TcpStream::connect(registry.addr).await.unwrap());
    let register = b"{\"op\":\"register\",\"service\":\"chat\",\"instance\":\"chat-1\",\"addr\":\"x:1\"}\n";
    stream.write_all(register).await.unwrap();
    stream.read_line(&mut String::new()).await.unwrap();
    let again =
        |view: &View| view.users.get(&user("alice")).is_some_and(|alice| alice.generation > generation);
    once(&mut view, "alice is known again", again).await;
    registry.stop().await.unwrap();
}

#[tokio::test]
async fn a_claim_that_nobody_waits_for_is_given_up() {
    let registry = registry().await;
    let (one, two) = (known_at(registry.addr, "chat-1"), known_at(registry.addr, "chat-2"));
    let mut view = two.view();
    once(&mut view, "both are up", |view| view.services.len() == 2).await;
    let (name, lobby) = (user("alice"), room("lobby"));
    {
        // Polled once, so that the claim is under way, and dropped.
        let mut claim = std::pin::pin!(one.claim(&name, Some(&lobby)));
        let polled =
            std::future::poll_fn(|cx| std::task::Poll::Ready(claim.as_mut().poll(cx).is_ready())).await;
        assert!(!polled);
    }
    assert_eq!(one.claim(&user("probe"), None).await, Claim::Granted);
    assert_eq!(two.claim(&name, None).await, Claim::Granted);
    registry.stop().await.unwrap();
}

#[tokio::test]
async fn without_a_registry_everything_is_granted_and_nothing_known() {
    let life = Life::new(&CHAT);
    let config = Config { registry: RegistryAddr::None, instance: None, advertise: None };
    let presence = Presence::start(config, "chat", "127.0.0.1:9001".parse().unwrap(), &life);
    assert_eq!(presence.claim(&user("alice"), None).await, Claim::Granted);
    assert_eq!(presence.rename(&user("alice"), &user("bob")).await, Claim::Granted);
    presence.drop_lease().await;
    let view = presence.view().borrow().clone();
    assert!(!view.enabled && !view.connected && view.users.is_empty());
    assert!(life.metrics.render(true).contains("registry_client_connected 0"));
}

#[tokio::test]
async fn metrics_tell_of_the_connection() {
    let registry = registry().await;
    let addr = registry.addr;
    let life = Life::new(&CHAT);
    let config = Config { registry: RegistryAddr::At(addr.to_string()), instance: None, advertise: None };
    let presence = Presence::start(config, "chat", "127.0.0.1:9001".parse().unwrap(), &life);
    let mut view = presence.view();
    let seen = once(&mut view, "known", |view| view.connected && view.fresh.is_some()).await;
    assert!(seen.services.contains_key(&label("chat-1")), "the default name");
    assert!(life.metrics.render(true).contains("registry_client_connected 1"));
    registry.stop().await.unwrap();
    once(&mut view, "lost", |view| !view.connected).await;
    let metric = |name: &str| -> f64 {
        let text = life.metrics.render(true);
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("no {name} in:\n{text}")).parse().unwrap()
    };
    assert_eq!(metric("registry_client_connected"), 0.0);
    a_time_to_live().await;
    let age = metric("registry_client_snapshot_age_seconds");
    assert!(age > 1.0, "it has heard nothing since: {age}");
    let registry = registry_at(&addr.to_string()).await;
    let lost = view.borrow().fresh;
    once(&mut view, "known again", |view| view.connected && view.fresh > lost).await;
    assert_eq!(metric("registry_client_connected"), 1.0);
    assert_eq!(metric("registry_client_reconnects_total"), 1.0);
    let mut reports = 0;
    while metric("registry_client_snapshot_age_seconds") >= age {
        // Each makes the task look; the age is told by one of its next looks.
        reports += 1;
        presence.report(serde_json::from_str(&format!("{{\"n\":{reports}}}")).unwrap());
        view.changed().await.unwrap();
    }
    registry.stop().await.unwrap();
}
