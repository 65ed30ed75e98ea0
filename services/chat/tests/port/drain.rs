//! The end of the service.

use serde_json::json;

use super::world::{Client, MUCH, World, within};

/// So many messages that say their number.
fn lines(count: usize) -> String {
    let say = |n| json!({"type": "say", "room": "lobby", "text": format!("{n}")}).to_string() + "\n";
    (0..count).map(say).collect()
}

#[tokio::test]
async fn everybody_is_told_and_nothing_acked_is_lost() {
    let world = World::new().await;
    let mut person = world.person("person").await;
    let mut alice = world.program("alice", &["lobby"]).await;
    let mut bot = world.program("bot", &[]).await;
    let mut nameless = world.stranger().await;
    person.expect("MSG:alice joined the chat").await;
    alice.send_bytes(lines(300).as_bytes()).await;
    alice.expect_object(json!({"type": "ack", "room": "lobby", "id": 1})).await;
    world.begin_drain();

    let mut acked = 1;
    let bye = loop {
        let object = alice.object().await;
        match object["type"].as_str().unwrap() {
            "ack" => {
                acked += 1;
                assert_eq!(object["id"], acked);
            }
            "left" => assert_eq!(object["reason"], "shutdown"),
            _ => break object,
        }
    };
    assert_eq!([&bye["type"], &bye["reason"]], [&json!("bye"), &json!("shutdown")]);
    assert!(bye["retry_after_ms"].is_u64(), "{bye}");
    alice.expect_end().await;
    let bye = bot.object().await;
    assert_eq!([&bye["type"], &bye["reason"]], [&json!("bye"), &json!("shutdown")]);
    bot.expect_end().await;
    nameless.expect("INFO:server is going away").await;
    nameless.expect_end().await;
    let mut last = person.line().await;
    while let Some(line) = person.next().await {
        last = line;
    }
    assert_eq!(last, "INFO:server is going away");
    drop((alice, bot, nameless, person));

    let world = World::on(world.stop().await, &[]).await;
    let mut reader = world.program("reader", &["lobby"]).await;
    let history = reader.ask(json!({"type": "history", "room": "lobby", "limit": 1000})).await;
    let texts: Vec<&str> = history["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| message["text"].as_str().unwrap())
        .collect();
    assert!(texts.len() >= acked, "{} are kept of {acked} acked", texts.len());
    assert!(texts.iter().enumerate().all(|(n, text)| *text == n.to_string()), "{texts:?}");
}

#[tokio::test]
async fn nobody_comes_in_once_the_end_has_begun() {
    let world = World::new().await;
    let mut alice = world.program("alice", &["lobby"]).await;
    alice.say_much("lobby").await;
    // Whoever does not take their answers keeps the service from ending at once.
    let mut stuck = Client::narrow(world.addr()).await;
    stuck.tell(json!({"type": "hello", "user": "stuck", "rooms": [{"room": "lobby"}]})).await;
    let question = json!({"type": "history", "room": "lobby", "limit": 100}).to_string() + "\n";
    stuck.send_bytes(question.repeat(100).as_bytes()).await;
    world.metric_is("chat_slow_consumers", |slow| slow == 1.0).await;
    world.begin_drain();
    alice.until("bye").await;
    let ready = world.admin("/readyz").await;
    assert!(ready.starts_with("HTTP/1.1 503"), "{ready}");
    let refused = within("a refusal", tokio::net::TcpStream::connect(world.addr())).await;
    let closed = match refused {
        Err(_) => true,
        Ok(stream) => {
            matches!(stream.readable().await.and_then(|()| stream.try_read(&mut [0; 64])), Ok(0) | Err(_))
        }
    };
    assert!(closed, "a late connection is served");
}

/// The past of a room may be long, and whoever is told it slow: the end waited for all of it.
#[tokio::test]
async fn whoever_hears_the_past_slowly_is_sent_away_in_the_middle_of_it() {
    const TIMES: u64 = 20;
    let world = World::new().await;
    let mut alice = world.program("alice", &["lobby"]).await;
    for _ in 0..TIMES {
        alice.say_much("lobby").await;
    }
    let mut slow = Client::narrow(world.addr()).await;
    let lobby = json!({"room": "lobby", "since": 0});
    slow.tell(json!({"type": "hello", "user": "slow", "rooms": [lobby]})).await;
    world.metric_is("chat_slow_consumers", |slow| slow == 1.0).await;
    world.begin_drain();
    world.metric_is("chat_disconnects_total{reason=\"shutdown\"}", |ended| ended == 2.0).await;
    let told = slow.rest().await.matches("\"replay\":true").count() as u64;
    assert!((1..TIMES * MUCH).contains(&told), "{told} messages");
}

/// Flood control held back what had been read until the time to drain was over, and it was lost.
#[tokio::test]
async fn whoever_is_held_back_does_not_hold_up_the_end() {
    let world = World::with(&["--trusted", "none", "--flood", "1:1"]).await;
    let mut alice = world.program("alice", &["lobby"]).await;
    alice.send_bytes(lines(50).as_bytes()).await;
    alice.finish().await;
    alice.expect_object(json!({"type": "ack", "room": "lobby", "id": 1})).await;
    let folder = world.stop().await;
    for id in 2..=50 {
        alice.expect_object(json!({"type": "ack", "room": "lobby", "id": id})).await;
    }
    let world = World::on(folder, &[]).await;
    assert_eq!(world.program("bob", &["lobby"]).await.say("lobby", "next").await, 51);
}

/// The last words are not overtaken by the reset of a socket that was closed over unread bytes.
#[tokio::test]
async fn whoever_is_still_talking_hears_the_end_too() {
    let world = World::new().await;
    let mut talkers = Vec::new();
    for n in 0..8 {
        let mut talker = world.program(&format!("talker{n}"), &[&format!("room{n}")]).await;
        talker.send_bytes(lines(5_000).replace("lobby", &format!("room{n}")).as_bytes()).await;
        talkers.push((n, talker));
    }
    world.begin_drain();
    for (n, mut talker) in talkers {
        for id in 1.. {
            let object = talker.object().await;
            if object["type"] == "bye" {
                break;
            }
            assert_eq!(object, json!({"type": "ack", "room": format!("room{n}"), "id": id}));
        }
    }
}
