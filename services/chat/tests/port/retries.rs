//! `ref`: a message that is said again after a broken connection is said once.

use serde_json::{Value, json};

use super::world::{Client, World, message};

fn say(room: &str, text: &str, reference: &str) -> Value {
    json!({"type": "say", "room": room, "text": text, "ref": reference})
}

async fn acked(client: &mut Client, request: Value) -> u64 {
    let answer = client.ask(request.clone()).await;
    assert_eq!(
        [&answer["type"], &answer["ref"], &answer["room"]],
        [&json!("ack"), &request["ref"], &request["room"]]
    );
    answer["id"].as_u64().unwrap()
}

#[tokio::test]
async fn the_same_again_is_acked_and_not_said_twice() {
    let world = World::new().await;
    let mut bob = world.program("bob", &["lobby"]).await;
    let mut alice = world.program("alice", &["lobby"]).await;
    bob.until("joined").await;
    assert_eq!(acked(&mut alice, say("lobby", "once", "k")).await, 1);
    assert_eq!(acked(&mut alice, say("lobby", "once", "k")).await, 1);
    assert_eq!(acked(&mut alice, say("lobby", "more", "k2")).await, 2);
    bob.expect_object(message("lobby", 1, "alice", "once")).await;
    bob.expect_object(message("lobby", 2, "alice", "more")).await;
}

#[tokio::test]
async fn many_of_the_same_at_once_are_one() {
    let world = World::new().await;
    let mut alice = world.program("alice", &["lobby"]).await;
    let line = say("lobby", "once", "k").to_string() + "\n";
    alice.send_bytes(line.repeat(100).as_bytes()).await;
    for _ in 0..100 {
        alice.expect_object(json!({"type": "ack", "ref": "k", "room": "lobby", "id": 1})).await;
    }
    assert_eq!(alice.say("lobby", "next").await, 2);
}

#[tokio::test]
async fn another_room_or_text_is_another_message() {
    let world = World::new().await;
    let mut alice = world.program("alice", &["lobby", "dev"]).await;
    acked(&mut alice, say("lobby", "once", "k")).await;
    for other in [say("lobby", "twice", "k"), say("dev", "once", "k"), say("lobby", "once ", "k")] {
        alice.tell(other).await;
        alice.expect_refusal("ref_reused", Some("k")).await;
    }
    assert_eq!(alice.say("dev", "nothing was said here").await, 1);
    assert_eq!(alice.say("lobby", "nor here").await, 2);
}

#[tokio::test]
async fn a_key_belongs_to_its_user() {
    let world = World::new().await;
    let mut alice = world.program("alice", &["lobby"]).await;
    assert_eq!(acked(&mut alice, say("lobby", "once", "k")).await, 1);
    alice.finish().await;
    alice.expect_end().await;
    let mut bob = world.program("bob", &["lobby"]).await;
    assert_eq!(acked(&mut bob, say("lobby", "once", "k")).await, 2, "another's key");
    let mut alice = world.program("Alice", &["lobby"]).await;
    bob.until("joined").await;
    assert_eq!(acked(&mut alice, say("lobby", "once", "k")).await, 1, "the same name in another spelling");
}

#[tokio::test]
async fn a_restart_forgets_no_key() {
    let world = World::new().await;
    let mut alice = world.program("alice", &["lobby", "dev"]).await;
    assert_eq!(acked(&mut alice, say("lobby", "once", "k")).await, 1);
    drop(alice);
    let world = world.restart().await;
    let mut alice = world.program("alice", &["lobby", "dev"]).await;
    assert_eq!(acked(&mut alice, say("lobby", "once", "k")).await, 1);
    alice.tell(say("dev", "once", "k")).await;
    alice.expect_refusal("ref_reused", Some("k")).await;
    assert_eq!(alice.say("lobby", "next").await, 2);
}

#[tokio::test]
async fn a_key_has_up_to_64_characters() {
    let world = World::new().await;
    let mut alice = world.program("alice", &["lobby"]).await;
    let long = "é".repeat(64);
    assert_eq!(acked(&mut alice, say("lobby", "x", &long)).await, 1);
    assert_eq!(acked(&mut alice, say("lobby", "x", &long)).await, 1);
    alice.tell(say("lobby", "x", &"é".repeat(65))).await;
    alice.expect_refusal("bad_request", None).await;
}
