//! Who is where, and how a room is told of it.

use serde_json::{Value, json};

use super::world::{World, message};

fn left(user: &str, reason: &str) -> Value {
    json!({"type": "left", "room": "lobby", "user": user, "reason": reason})
}

#[tokio::test]
async fn a_room_is_told_why_somebody_left() {
    let world = World::new().await;
    let mut watcher = world.program("watcher", &["lobby"]).await;

    world.person("quitter").await.quit().await;
    watcher.until("joined").await;
    watcher.expect_object(left("quitter", "quit")).await;

    let mut ender = world.program("ender", &["lobby"]).await;
    ender.finish().await;
    watcher.until("joined").await;
    watcher.expect_object(left("ender", "quit")).await;

    world.person("vanished").await.reset();
    watcher.until("joined").await;
    watcher.expect_object(left("vanished", "lost")).await;

    let mut mover = world.person("mover").await;
    mover.send("/join dev").await;
    watcher.until("joined").await;
    watcher.expect_object(left("mover", "left")).await;

    let mut leaver = world.program("leaver", &["lobby"]).await;
    leaver.ask(json!({"type": "leave", "room": "lobby"})).await;
    watcher.until("joined").await;
    watcher.expect_object(left("leaver", "left")).await;
    leaver.finish().await;
    leaver.expect_end().await;

    assert_eq!(watcher.ask(json!({"type": "ping"})).await, json!({"type": "pong"}));
}

#[tokio::test]
async fn whoever_has_left_hears_nothing_and_says_nothing() {
    let world = World::new().await;
    let mut alice = world.program("alice", &["lobby", "dev"]).await;
    let mut bob = world.program("bob", &["lobby", "dev"]).await;
    bob.ask(json!({"type": "leave", "room": "lobby"})).await;
    alice.say("lobby", "bob is gone").await;
    alice.say("dev", "bob is here").await;
    bob.expect_object(message("dev", 1, "alice", "bob is here")).await;
    bob.tell(json!({"type": "say", "room": "lobby", "text": "x"})).await;
    bob.expect_refusal("not_in_room", None).await;
}

#[tokio::test]
async fn a_second_join_repeats_the_room_and_nothing_else() {
    let world = World::new().await;
    let mut alice = world.program("alice", &["lobby"]).await;
    let mut bob = world.program("bob", &["lobby"]).await;
    alice.until("joined").await;
    alice.say("lobby", "x").await;
    bob.expect_object(message("lobby", 1, "alice", "x")).await;
    let room = bob.ask(json!({"type": "join", "room": "#lobby", "since": 0, "ref": "again"})).await;
    let wanted = json!({"type": "room", "ref": "again", "room": "lobby", "members": ["alice"], "last_id": 1, "gap": false});
    assert_eq!(room, wanted);
    alice.say("lobby", "y").await;
    bob.expect_object(message("lobby", 2, "alice", "y")).await;
}

#[tokio::test]
async fn a_room_is_there_while_somebody_is_in_it() {
    let world = World::new().await;
    let mut alice = world.program("alice", &["lobby", "dev"]).await;
    alice.say("dev", "remember").await;
    alice.ask(json!({"type": "leave", "room": "dev"})).await;
    let rooms = alice.ask(json!({"type": "rooms"})).await;
    assert_eq!(rooms["rooms"], json!([{"room": "lobby", "users": 1}]));
    alice.tell(json!({"type": "who", "room": "dev"})).await;
    alice.expect_refusal("no_such_room", None).await;
    let room = alice.ask(json!({"type": "join", "room": "dev"})).await;
    assert_eq!(room["last_id"], 1, "what was said in it is kept");
}

#[tokio::test]
async fn a_large_room_is_told_sums() {
    let world = World::with(&["--announce-up-to", "2"]).await;
    let mut program = world.program("program", &["lobby"]).await;
    let mut person = world.person("person").await;
    program.until("joined").await;
    let third = world.person("third").await;
    let _fourth = world.program("fourth", &["lobby"]).await;
    third.quit().await;
    // What falls into one second is one sum; however it falls, the sums agree.
    let (mut joined, mut gone, mut count) = (0, 0, 0);
    while joined - gone < 1 || gone < 1 {
        let sum = program.object().await;
        assert_eq!([&sum["type"], &sum["room"]], [&json!("members"), &json!("lobby")], "{sum}");
        joined += sum["joined"].as_u64().unwrap();
        gone += sum["left"].as_u64().unwrap();
        count = sum["count"].as_u64().unwrap();
    }
    assert_eq!((joined, gone, count), (2, 1, 3));
    let told = person.line().await;
    assert!(told.starts_with("MSG:") && told.contains(" joined, ") && told.ends_with(" here)"), "{told}");
}

#[tokio::test]
async fn somebody_in_many_shared_rooms_is_told_a_new_name_once() {
    let world = World::new().await;
    let mut alice = world.program("alice", &["a", "b", "c"]).await;
    let mut bob = world.program("bob", &["a", "b", "c"]).await;
    let mut other = world.program("other", &["d"]).await;
    for _ in 0..3 {
        alice.until("joined").await;
    }
    bob.ask(json!({"type": "nick", "user": "rob"})).await;
    alice.expect_object(json!({"type": "renamed", "user": "bob", "to": "rob"})).await;
    assert_eq!(bob.say("c", "marker").await, 1);
    alice.expect_object(message("c", 1, "rob", "marker")).await;
    assert_eq!(other.ask(json!({"type": "ping"})).await, json!({"type": "pong"}));
}

/// A room's lines and the answer that one has left it took different ways, and a line could come last.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_of_a_room_comes_once_it_has_been_left() {
    let world = World::new().await;
    let mut mover = world.program("mover", &[]).await;
    let mut writer = world.program("writer", &["lobby"]).await;
    let writing = tokio::spawn(async move {
        loop {
            writer.say("lobby", "x").await;
        }
    });
    for _ in 0..500 {
        mover.tell(json!({"type": "join", "room": "lobby"})).await;
        mover.until("message").await;
        mover.tell(json!({"type": "leave", "room": "lobby"})).await;
        mover.until("left_room").await;
        assert_eq!(mover.ask(json!({"type": "ping"})).await, json!({"type": "pong"}));
    }
    writing.abort();
}
