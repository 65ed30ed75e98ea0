//! What an operator sees.

use serde_json::json;

use super::world::{Client, World};

#[tokio::test]
async fn everything_is_exported_from_the_start() {
    let world = World::new().await;
    let metrics = world.admin("/metrics").await;
    for sample in [
        "chat_build_info{",
        "chat_ready 1",
        "chat_connections 0",
        "chat_users 0",
        "chat_rooms 0",
        "chat_connections_total{result=\"accepted\"} 0",
        "chat_connections_total{result=\"refused\"} 0",
        "chat_disconnects_total{reason=\"quit\"} 0",
        "chat_disconnects_total{reason=\"lost\"} 0",
        "chat_disconnects_total{reason=\"slow\"} 0",
        "chat_disconnects_total{reason=\"shutdown\"} 0",
        "chat_messages_received_total{kind=\"room\"} 0",
        "chat_messages_received_total{kind=\"direct\"} 0",
        "chat_messages_rejected_total{reason=\"bad_text\"} 0",
        "chat_deliveries_total{result=\"written\"} 0",
        "chat_deliveries_total{result=\"dropped\"} 0",
        "chat_received_bytes_total 0",
        "chat_sent_bytes_total 0",
        "chat_delivery_duration_seconds_count 0",
        "chat_commit_duration_seconds_count 0",
        "chat_commit_batch_messages_count 0",
        "chat_slow_consumers 0",
        "process_resident_memory_bytes ",
    ] {
        assert!(metrics.lines().any(|line| line.starts_with(sample)), "{sample} is not in {metrics}");
    }
}

#[tokio::test]
async fn everything_moves() {
    let world = World::with(&["--connections", "5"]).await;
    let mut alice = world.program("alice", &["lobby", "dev"]).await;
    let mut bob = world.person("bob").await;
    alice.until("joined").await;
    alice.say("lobby", "hi").await;
    bob.expect("MSG:[alice] hi").await;
    alice.ask(json!({"type": "direct", "to": "bob", "text": "psst"})).await;
    bob.expect("DM:[alice] psst").await;
    bob.send("/nope").await;
    bob.expect_error("unknown_command").await;
    bob.send("bell\u{7}").await;
    bob.expect_error("bad_text").await;

    world.person("quitter").await.quit().await;
    world.person("vanished").await.reset();
    world.metric_is("chat_disconnects_total{reason=\"lost\"}", |count| count == 1.0).await;
    let mut shouter = world.stranger().await;
    shouter.send_bytes(&[b'x'; 5000]).await;
    shouter.finish().await;
    shouter.expect_error("line_too_long").await;
    shouter.expect_end().await;
    let mut fool = world.stranger().await;
    fool.send_bytes(b"-\n-\n-\n").await;
    fool.finish().await;
    while fool.next().await.is_some() {}
    world.metric_is("chat_connections", |open| open == 2.0).await;
    let places = [world.stranger().await, world.stranger().await, world.stranger().await];
    Client::connect(world.addr()).await.expect_error("too_many_connections").await;
    drop(places);

    for (sample, value) in [
        ("chat_users", 2.0),
        ("chat_rooms", 2.0),
        ("chat_connections_total{result=\"accepted\"}", 9.0),
        ("chat_connections_total{result=\"refused\"}", 1.0),
        ("chat_disconnects_total{reason=\"line_too_long\"}", 1.0),
        ("chat_disconnects_total{reason=\"too_many_attempts\"}", 1.0),
        // The quitter, and the three who only held a place.
        ("chat_disconnects_total{reason=\"quit\"}", 4.0),
        ("chat_messages_received_total{kind=\"room\"}", 1.0),
        ("chat_messages_received_total{kind=\"direct\"}", 1.0),
        ("chat_messages_rejected_total{reason=\"unknown_command\"}", 1.0),
        ("chat_messages_rejected_total{reason=\"bad_text\"}", 1.0),
        ("chat_messages_rejected_total{reason=\"bad_name\"}", 3.0),
        ("chat_commit_duration_seconds_count", 1.0),
        ("chat_commit_batch_messages_sum", 1.0),
        ("chat_delivery_duration_seconds_count", 1.0),
    ] {
        world.metric_is(sample, |now| now == value).await;
    }
    for sample in
        ["chat_received_bytes_total", "chat_sent_bytes_total", "chat_deliveries_total{result=\"written\"}"]
    {
        world.metric_is(sample, |now| now > 0.0).await;
    }
}

#[tokio::test]
async fn a_slow_reader_is_seen() {
    let world = World::new().await;
    let mut writer = world.program("writer", &["lobby"]).await;
    let mut slow = Client::narrow(world.addr()).await;
    slow.tell(json!({"type": "hello", "user": "slow", "rooms": [{"room": "lobby"}]})).await;
    writer.until("joined").await;
    while world.metric("chat_slow_consumers").await == 0.0 {
        writer.say_much("lobby").await;
    }
    while world.metric("chat_disconnects_total{reason=\"slow\"}").await == 0.0 {
        writer.say_much("lobby").await;
    }
    world.metric_is("chat_deliveries_total{result=\"dropped\"}", |dropped| dropped > 0.0).await;
    world.metric_is("chat_slow_consumers", |slow| slow == 0.0).await;
}
