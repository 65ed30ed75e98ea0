//! `since` and `last`: what a program gets of what it has missed.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rusqlite::Connection;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::world::{Client, World, message, replayed};

async fn say(world: &World, texts: &[&str]) {
    let mut speaker = world.program("speaker", &["lobby"]).await;
    for text in texts {
        speaker.say("lobby", text).await;
    }
    speaker.finish().await;
    speaker.expect_end().await;
}

/// Enters the lobby with this wish; what the room is, and the ids that are repeated.
async fn enter(world: &World, user: &str, wish: Value) -> (Client, Value, Vec<u64>) {
    let mut entry = wish;
    entry["room"] = "lobby".into();
    let mut client = world.hello(json!({"user": user, "rooms": [entry]})).await;
    let room = client.object().await;
    client.tell(json!({"type": "ping"})).await;
    let mut ids = Vec::new();
    loop {
        let object = client.object().await;
        if object["type"] == "pong" {
            return (client, room, ids);
        }
        assert_eq!(object["replay"], true, "{object}");
        ids.push(object["id"].as_u64().unwrap());
    }
}

#[tokio::test]
async fn one_gets_what_one_asks_for() {
    let world = World::new().await;
    say(&world, &["a", "b", "c", "d", "e"]).await;
    let cases = [
        (json!({}), false, vec![]),
        (json!({"since": 3}), false, vec![4, 5]),
        (json!({"since": 5}), false, vec![]),
        (json!({"since": 0}), false, vec![1, 2, 3, 4, 5]),
        (json!({"since": 6}), true, vec![1, 2, 3, 4, 5]),
        (json!({"since": u64::MAX}), true, vec![1, 2, 3, 4, 5]),
        (json!({"last": 2}), false, vec![4, 5]),
        (json!({"last": 0}), false, vec![]),
        (json!({"last": 100}), false, vec![1, 2, 3, 4, 5]),
        (json!({"since": null, "last": null}), false, vec![]),
    ];
    for (number, (wish, gap, wanted)) in cases.into_iter().enumerate() {
        let (_client, room, ids) = enter(&world, &format!("reader{number}"), wish.clone()).await;
        assert_eq!((&room["gap"], ids), (&json!(gap), wanted), "{wish}");
        assert_eq!(room["last_id"], 5);
    }
}

#[tokio::test]
async fn the_past_is_told_in_full_and_then_what_comes() {
    let world = World::new().await;
    say(&world, &["a", "b"]).await;
    let mut alice = world.program("alice", &["other"]).await;
    alice.tell(json!({"type": "join", "room": "lobby", "since": 0, "ref": "j"})).await;
    let room =
        json!({"type": "room", "ref": "j", "room": "lobby", "members": [], "last_id": 2, "gap": false});
    alice.expect_object(room).await;
    alice.expect_object(replayed("lobby", 1, "speaker", "a")).await;
    alice.expect_object(replayed("lobby", 2, "speaker", "b")).await;
    let mut bob = world.program("bob", &["lobby"]).await;
    alice.until("joined").await;
    bob.say("lobby", "c").await;
    alice.expect_object(message("lobby", 3, "bob", "c")).await;
}

#[tokio::test]
async fn a_room_never_spoken_in_has_nothing_to_miss() {
    let world = World::new().await;
    let (_, room, _) = enter(&world, "alice", json!({"since": 0})).await;
    assert_eq!((&room["last_id"], &room["gap"]), (&json!(0), &json!(false)));
    let (_, room, _) = enter(&world, "bob", json!({"since": 1})).await;
    assert_eq!((&room["last_id"], &room["gap"]), (&json!(0), &json!(true)));
}

#[tokio::test]
async fn what_is_no_longer_kept_is_a_gap() {
    let world = World::new().await;
    say(&world, &["a", "b", "c", "d"]).await;
    let folder = world.stop().await;
    let db = Connection::open(World::database(&folder)).unwrap();
    db.execute("DELETE FROM messages WHERE text IN ('a', 'b')", []).unwrap();
    drop(db);
    let world = World::on(folder, &[]).await;
    for (since, gap, wanted) in
        [(0, true, vec![3, 4]), (1, true, vec![3, 4]), (2, false, vec![3, 4]), (3, false, vec![4])]
    {
        let (_client, room, ids) = enter(&world, &format!("reader{since}"), json!({"since": since})).await;
        assert_eq!((&room["gap"], ids), (&json!(gap), wanted), "since {since}");
    }
    let folder = world.stop().await;
    let db = Connection::open(World::database(&folder)).unwrap();
    db.execute("DELETE FROM messages", []).unwrap();
    drop(db);
    let world = World::on(folder, &[]).await;
    let (_, room, ids) = enter(&world, "late", json!({"since": 3})).await;
    assert_eq!((&room["gap"], &room["last_id"], ids), (&json!(true), &json!(4), vec![]));
    assert_eq!(world.program("speaker", &["lobby"]).await.say("lobby", "e").await, 5, "no id is given twice");
}

#[tokio::test]
async fn a_restart_loses_nothing_of_the_past() {
    let world = World::new().await;
    say(&world, &["a", "b", "c"]).await;
    let world = world.restart().await;
    let (_, room, ids) = enter(&world, "alice", json!({"since": 1})).await;
    assert_eq!((&room["gap"], ids), (&json!(false), vec![2, 3]));
    assert_eq!(world.program("bob", &["lobby"]).await.say("lobby", "d").await, 4);
}

#[tokio::test]
async fn a_long_past_is_told_whole() {
    let world = World::new().await;
    let mut speaker = world.program("speaker", &["lobby"]).await;
    let lines: String = (0..2500)
        .map(|n| json!({"type": "say", "room": "lobby", "text": format!("{n}")}).to_string() + "\n")
        .collect();
    speaker.send_bytes(lines.as_bytes()).await;
    for _ in 0..2500 {
        speaker.object().await;
    }
    let (_, room, ids) = enter(&world, "alice", json!({"since": 7})).await;
    assert_eq!((&room["gap"], ids), (&json!(false), (8..=2500).collect()));
    let (_, _, ids) = enter(&world, "bob", json!({"last": 5000})).await;
    assert_eq!(ids, (1501..=2500).collect::<Vec<_>>(), "a thousand at most");
}

/// How a reader of the storm goes away before it comes back.
#[derive(Debug, Clone, Copy)]
enum Break {
    Reset,
    End,
    LeaveAndJoin,
}

/// So many messages are read, and then a break.
type Schedule = Vec<(usize, Break)>;

const WRITERS: usize = 3;
const LINES: usize = 150;

fn schedules() -> impl Strategy<Value = Vec<Schedule>> {
    let pause = prop_oneof![Just(Break::Reset), Just(Break::End), Just(Break::LeaveAndJoin)];
    let schedule = proptest::collection::vec((0..60usize, pause), 0..8);
    proptest::collection::vec(schedule, 4)
}

/// However often one goes away and comes back while others speak, one sees every message once and in order.
#[test]
fn nothing_is_missed_or_doubled_under_concurrent_writers() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    let mut runner = TestRunner::new(Config { cases: 12, failure_persistence: None, ..Config::default() });
    runner
        .run(&schedules(), |schedules| {
            runtime.block_on(storm(schedules));
            Ok(())
        })
        .unwrap();
}

async fn storm(schedules: Vec<Schedule>) {
    let world = std::sync::Arc::new(World::new().await);
    let mut tasks = JoinSet::new();
    for (number, schedule) in schedules.into_iter().enumerate() {
        let world = world.clone();
        tasks.spawn(async move { read_all(&world, number, schedule).await });
    }
    for number in 0..WRITERS {
        let world = world.clone();
        tasks.spawn(async move { write_all(&world, number).await });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
}

async fn write_all(world: &World, number: usize) {
    let mut writer = world.program(&format!("writer{number}"), &["lobby"]).await;
    for n in 0..LINES {
        writer.say("lobby", &format!("{number}/{n}")).await;
    }
}

async fn read_all(world: &World, number: usize, schedule: Schedule) {
    let mut breaks = schedule.into_iter();
    let (mut last, mut visit) = (0, 0);
    let mut reader = come_back(world, number, visit, last).await;
    loop {
        let (count, pause) = breaks.next().map_or((usize::MAX, None), |(count, pause)| (count, Some(pause)));
        for _ in 0..count {
            if last as usize == WRITERS * LINES {
                return;
            }
            last = expect_next(&reader.until("message").await, last);
        }
        visit += 1;
        match pause.expect("only the last round reads to the end") {
            Break::Reset => reader.reset(),
            Break::End => drop(reader),
            Break::LeaveAndJoin => {
                last = leave_and_join(&mut reader, last).await;
                continue;
            }
        }
        reader = come_back(world, number, visit, last).await;
    }
}

/// A name of one's own each time: the server may hear late of the end of the connection before.
async fn come_back(world: &World, number: usize, visit: usize, last: u64) -> Client {
    let user = format!("reader{number}.{visit}");
    let mut reader = world.hello(json!({"user": user, "rooms": [{"room": "lobby", "since": last}]})).await;
    let room = reader.object().await;
    assert_eq!(room["gap"], false, "{room}");
    reader
}

async fn leave_and_join(reader: &mut Client, mut last: u64) -> u64 {
    reader.tell(json!({"type": "leave", "room": "lobby"})).await;
    loop {
        let object = reader.object().await;
        match object["type"].as_str().unwrap() {
            "message" => last = expect_next(&object, last),
            "left_room" => break,
            _ => {}
        }
    }
    reader.tell(json!({"type": "join", "room": "lobby", "since": last})).await;
    let room = reader.object().await;
    assert_eq!(room["type"], "room", "nothing comes from a room that was left");
    last
}

fn expect_next(message: &Value, last: u64) -> u64 {
    let id = message["id"].as_u64().unwrap();
    assert_eq!(id, last + 1, "{message}");
    id
}
