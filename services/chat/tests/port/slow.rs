//! A reader that does not read.

use serde_json::{Value, json};

use super::world::{Client, MUCH, World};

#[tokio::test]
async fn a_slow_reader_is_told_and_closed_and_hurts_nobody() {
    let world = World::new().await;
    let mut fast = world.program("fast", &["lobby"]).await;
    let mut writer = world.program("writer", &["lobby"]).await;
    let mut slow = Client::narrow(world.addr()).await;
    slow.tell(json!({"type": "hello", "user": "slow", "rooms": [{"room": "lobby"}]})).await;
    slow.expect("USERNAME:").await;
    slow.until("room").await;
    fast.until("joined").await;
    fast.until("joined").await;

    let mut said = 0;
    let left = loop {
        writer.say_much("lobby").await;
        said += MUCH;
        assert!(said < 10_000, "40 MB are no reason to cut it off");
        if let Some(left) = hear_until(&mut fast, said).await {
            break left;
        }
    };
    assert_eq!(left, json!({"type": "left", "room": "lobby", "user": "slow", "reason": "slow"}));

    let (mut last, mut reason) = (0, None);
    while let Some(line) = slow.next().await {
        let object: serde_json::Value = serde_json::from_str(&line).unwrap();
        match object["type"].as_str().unwrap() {
            "message" => {
                last += 1;
                assert_eq!(object["id"], last);
            }
            _ => reason = Some(object["code"].clone()),
        }
    }
    assert_eq!(reason, Some(json!("too_slow")), "it is told why, after {last} of {said} messages");
    let mut back = world.hello(json!({"user": "slow", "rooms": [{"room": "lobby", "since": last}]})).await;
    assert_eq!(back.object().await["gap"], false);
    for id in last + 1..=said {
        assert_eq!(back.object().await["id"], id, "it loses nothing that since can't fetch");
    }
}

/// Hears a room up to a message, in order; what else the room was told on the way.
async fn hear_until(reader: &mut Client, last: u64) -> Option<Value> {
    let mut news = None;
    loop {
        let object = reader.object().await;
        if object["type"] != "message" {
            news = Some(object);
        } else if object["id"] == last {
            return news;
        }
    }
}

/// Answers are for the asker alone: whoever asks and does not read is not asked for more questions. Its
/// session spun, without ever letting another task of its thread run, until the member was cut off.
#[tokio::test]
async fn whoever_does_not_read_answers_is_not_read_from() {
    let world = World::new().await;
    let mut bob = world.program("bob", &["lobby"]).await;
    bob.say_much("lobby").await;
    let mut greedy = Client::narrow(world.addr()).await;
    greedy.tell(json!({"type": "hello", "user": "greedy", "rooms": [{"room": "lobby"}]})).await;
    greedy.expect("USERNAME:").await;
    greedy.until("room").await;
    bob.until("joined").await;
    let question = json!({"type": "history", "room": "lobby", "limit": 100}).to_string() + "\n";
    // 200 answers of 400 kB.
    greedy.send_bytes(question.repeat(200).as_bytes()).await;
    world.metric_is("chat_slow_consumers", |slow| slow == 1.0).await;
    assert_eq!(bob.say("lobby", "others go on").await, MUCH + 1);
    for _ in 0..200 {
        let answer = greedy.until("history").await;
        assert_eq!(answer["messages"].as_array().unwrap().len(), 100);
    }
    world.metric_is("chat_slow_consumers", |slow| slow == 0.0).await;
}
