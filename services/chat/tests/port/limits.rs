//! Limits for strangers.

use serde_json::json;

use super::world::{Client, World};

#[tokio::test]
async fn whoever_floods_is_read_more_slowly_and_loses_nothing() {
    let world = World::with(&["--trusted", "none", "--flood", "50:10"]).await;
    let mut alice = world.program("alice", &["lobby"]).await;
    let mut bob = world.program("bob", &["lobby"]).await;
    alice.until("joined").await;
    let lines: String = (0..40)
        .map(|n| json!({"type": "say", "room": "lobby", "text": format!("{n}")}).to_string() + "\n")
        .collect();
    alice.send_bytes((lines + "{\"type\":\"ping\"}\n").as_bytes()).await;
    for id in 1..=40 {
        assert_eq!(alice.object().await["id"], id);
        assert_eq!(bob.object().await["id"], id);
    }
    assert_eq!(alice.object().await["type"], "pong");
    world.metric_is("chat_flood_holds_total", |holds| holds > 0.0).await;
}

#[tokio::test]
async fn whoever_says_no_name_is_told_and_let_go() {
    let world = World::with(&["--login", "10ms"]).await;
    let mut silent = Client::connect(world.addr()).await;
    assert_eq!(silent.line().await, "USERNAME:");
    silent.expect_error("login_timeout").await;
    silent.expect_end().await;
    world.metric_is("chat_disconnects_total{reason=\"login_timeout\"}", |ended| ended == 1.0).await;
}

#[tokio::test]
async fn an_address_has_sixteen_places() {
    let world = World::with(&["--trusted", "none"]).await;
    let mut clients = Vec::new();
    for _ in 0..16 {
        clients.push(world.stranger().await);
    }
    let mut late = Client::connect(world.addr()).await;
    late.expect_error("too_many_connections").await;
    late.expect_end().await;
    let mut first = clients.remove(0);
    first.finish().await;
    first.expect_end().await;
    world.metric_is("chat_connections", |open| open == 15.0).await;
    world.stranger().await;
}

#[tokio::test]
async fn the_trusted_are_many_and_unhurried() {
    let world = World::with(&["--flood", "1:1"]).await;
    let mut clients = Vec::new();
    for _ in 0..40 {
        clients.push(world.stranger().await);
    }
    let mut alice = world.program("alice", &["lobby"]).await;
    for id in 1..=100 {
        assert_eq!(alice.say("lobby", "x").await, id);
    }
}
