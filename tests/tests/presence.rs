//! Journeys from the registry to whoever asks info.

use serde_json::{Value, json};
use tests::info::Asker;
use tests::registry::Session;
use tests::{Kind, World, admin, eventually};

fn join(lease: u64, user: &str) -> Value {
    json!({"op": "join", "lease": lease, "user": user, "room": "lobby"})
}

#[tokio::test]
async fn who_joins_is_seen_and_who_leaves_is_not() {
    let mut world = World::new();
    let registry = world.start(Kind::Registry, &[]).await;
    let info = world.start(Kind::Info, &[]).await;
    let asker = Asker::new(info.addr).await;
    let mut chat = Session::open(registry.addr).await;
    let lease = chat.register("chat", "chat-9").await;
    assert_eq!(chat.ask(&join(lease, "alice")).await["ok"], true);
    eventually("alice", async || asker.users().await, |users| users == &["alice"]).await;
    let rooms = asker.json("ROOMS").await;
    assert_eq!(rooms["rooms"], json!([{"room": "lobby", "users": 1}]), "{rooms}");
    let status = asker.json("STATUS").await;
    assert_eq!(status["active_clients"], 1, "{status}");
    assert_eq!(status["services"]["chat"], "up", "{status}");
    chat.ask(&json!({"op": "leave", "lease": lease, "user": "alice", "room": "lobby"})).await;
    eventually("nobody", async || asker.users().await, Vec::is_empty).await;
    assert_eq!(asker.json("ROOMS").await["total"], 0);
    world.stop().await;
}

#[tokio::test]
async fn a_service_that_is_gone_is_down_with_all_its_users() {
    let mut world = World::new();
    let registry = world.start(Kind::Registry, &[]).await;
    let info = world.start(Kind::Info, &[]).await;
    let asker = Asker::new(info.addr).await;
    let mut chat = Session::open(registry.addr).await;
    let lease = chat.register("chat", "chat-9").await;
    for user in ["alice", "bob"] {
        chat.ask(&join(lease, user)).await;
    }
    eventually("both", async || asker.users().await, |users| users == &["alice", "bob"]).await;
    chat.ask(&json!({"op": "drop", "lease": lease})).await;
    eventually("nobody", async || asker.users().await, Vec::is_empty).await;
    let down = |status: &Value| status["services"]["chat"] == "down";
    let status = eventually("its end", async || asker.json("STATUS").await, down).await;
    assert_eq!(status["services"]["info"], "up", "{status}");
    let services = asker.json("SERVICES").await;
    let states: Vec<_> = services["services"].as_array().into_iter().flatten().collect();
    let states: Vec<_> = states.iter().map(|entry| (&entry["instance"], &entry["state"])).collect();
    assert_eq!(states, [(&json!("chat-9"), &json!("down")), (&json!("info-1"), &json!("up"))]);
    world.stop().await;
}

#[tokio::test]
async fn ten_thousand_names_are_told_once_each() {
    let mut world = World::new();
    let registry = world.start(Kind::Registry, &[]).await;
    let info = world.start(Kind::Info, &[]).await;
    let mut chat = Session::open(registry.addr).await;
    let lease = chat.register("chat", "chat-9").await;
    let names: Vec<String> = (0..10_000).map(|n| format!("user{n:05}")).collect();
    for some in names.chunks(500) {
        let requests: Vec<String> = some.iter().map(|name| join(lease, name).to_string() + "\n").collect();
        chat.0.send_bytes(requests.concat().as_bytes()).await;
        for name in some {
            let answer = chat.0.line().await;
            assert!(answer.contains("\"ok\":true"), "{name}: {answer}");
        }
    }
    let asker = Asker::new(info.addr).await;
    eventually("all", async || asker.json("USERS").await, |page| page["total"] == 10_000).await;
    assert_eq!(asker.users().await, names);
    world.stop().await;
}

/// Guests come and go all the time, and no page is read before they have.
#[tokio::test]
async fn who_stays_is_told_once_while_guests_come_and_go() {
    let mut world = World::new();
    let registry = world.start(Kind::Registry, &[]).await;
    let info = world.start(Kind::Info, &[]).await;
    let asker = Asker::new(info.addr).await;
    let mut chat = Session::open(registry.addr).await;
    let lease = chat.register("chat", "chat-9").await;
    let stay: Vec<String> = (0..1_000).map(|n| format!("user{n:04}")).collect();
    for name in &stay {
        assert_eq!(chat.ask(&join(lease, name)).await["ok"], true);
    }
    eventually("all", async || asker.json("USERS").await, |page| page["total"] == 1_000).await;
    let (mut told, mut pages, mut page) = (Vec::new(), 0_i32, asker.json("USERS").await);
    loop {
        told.extend(
            page["users"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned),
        );
        let Some(next) = page["next"].as_str() else { break };
        // One guest before the place that has been read, one behind it, one at it.
        for guest in [format!("a-{pages}"), format!("z-{pages}"), format!("{next}-{pages}")] {
            assert_eq!(chat.ask(&join(lease, &guest)).await["ok"], true);
            let gone = format!("{}{}", guest.trim_end_matches(char::is_numeric), pages - 1);
            chat.ask(&json!({"op": "leave", "lease": lease, "user": gone, "room": "lobby"})).await;
        }
        let question = format!("USERS AFTER {next}");
        let (rev, ask) = (page["rev"].clone(), async || asker.json(&question).await);
        page = eventually("the guests", ask, |later| later["rev"] != rev).await;
        pages += 1;
    }
    assert!(pages > 5, "{pages}");
    assert!(told.is_sorted_by(|one, next| one < next), "nobody twice, guests included: {told:?}");
    told.retain(|name| name.starts_with("user") && !name.contains('-'));
    assert_eq!(told, stay);
    world.stop().await;
}

#[tokio::test]
async fn a_registry_that_dies_is_told_and_one_that_returns_too() {
    let mut world = World::new();
    let registry = world.start(Kind::Registry, &[]).await;
    let info = world.start(Kind::Info, &[]).await;
    let asker = Asker::new(info.addr).await;
    let state = async || asker.json("STATUS").await["services"]["registry"].clone();
    eventually("a registry", &state, |state| state == "up").await;
    world.stop_one("registry-1").await;
    eventually("its end", &state, |state| state == "down").await;
    assert!(admin::is_ready(info.admin).await, "info answers from what it has seen");
    assert!(asker.json("STATUS").await["presence_age_ms"].is_u64());
    world.start_as(Kind::Registry, "registry-1", registry.addr, &[]).await;
    eventually("its return", &state, |state| state == "up").await;
    eventually(
        "itself",
        async || asker.json("STATUS").await["services"]["info"].clone(),
        |state| state == "up",
    )
    .await;
    world.stop().await;
}
