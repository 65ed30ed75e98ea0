//! JSON mode, for programs.

use serde_json::{Value, json};

use super::world::{Client, World, message};

#[tokio::test]
async fn a_conversation_goes_as_the_contract_shows_it() {
    let world = World::with(&["--instance", "chat-7"]).await;
    let mut bob = world.program("bob", &["lobby"]).await;
    let mut alice = world.stranger().await;
    alice
        .tell(json!({"type": "hello", "user": "alice", "rooms": [{"room": "lobby"}], "client": "bot/1.0"}))
        .await;
    let welcome = alice.object().await;
    assert_eq!([&welcome["type"], &welcome["user"]], [&json!("welcome"), &json!("alice")]);
    assert_eq!(welcome["server"], "chat-7");
    assert!(welcome["version"].is_string() && welcome["session"].is_string(), "{welcome}");
    let room = json!({"type": "room", "room": "lobby", "members": ["bob"], "last_id": 0, "gap": false});
    alice.expect_object(room).await;
    bob.expect_object(json!({"type": "joined", "room": "lobby", "user": "alice"})).await;

    let ack = alice.ask(json!({"type": "say", "room": "lobby", "text": "hi", "ref": "7f3a-1"})).await;
    assert_eq!(ack, json!({"type": "ack", "ref": "7f3a-1", "room": "lobby", "id": 1}));
    bob.expect_object(message("lobby", 1, "alice", "hi")).await;
    bob.tell(json!({"type": "say", "room": "#lobby", "text": "hey"})).await;
    alice.expect_object(message("lobby", 2, "bob", "hey")).await;
    bob.expect_object(json!({"type": "ack", "room": "lobby", "id": 2})).await;

    alice.finish().await;
    alice.expect_end().await;
    bob.expect_object(json!({"type": "left", "room": "lobby", "user": "alice", "reason": "quit"})).await;
}

#[tokio::test]
async fn every_request_has_its_answer() {
    let world = World::new().await;
    let mut bob = world.program("bob", &["lobby"]).await;
    let mut alice = world.program("alice", &["lobby"]).await;
    let said = |id, text| json!({"room": "lobby", "id": id, "from": "alice", "text": text});
    let script = [
        (json!({"type": "ping"}), json!({"type": "pong"})),
        (
            json!({"type": "say", "room": "lobby", "text": "one fish"}),
            json!({"type": "ack", "room": "lobby", "id": 1}),
        ),
        (
            json!({"type": "say", "room": "lobby", "text": "two fish"}),
            json!({"type": "ack", "room": "lobby", "id": 2}),
        ),
        (json!({"type": "direct", "to": "BOB", "text": "psst"}), json!({"type": "ack"})),
        (
            json!({"type": "history", "room": "lobby", "limit": 10}),
            json!({"type": "history", "room": "lobby", "messages": [said(1, "one fish"), said(2, "two fish")]}),
        ),
        (
            json!({"type": "history", "room": "lobby", "before": 2, "limit": 10}),
            json!({"type": "history", "room": "lobby", "messages": [said(1, "one fish")]}),
        ),
        (
            json!({"type": "search", "query": "fish", "limit": 10}),
            json!({"type": "search", "messages": [said(2, "two fish"), said(1, "one fish")]}),
        ),
        (
            json!({"type": "search", "query": "one", "room": "lobby", "limit": 10}),
            json!({"type": "search", "messages": [said(1, "one fish")]}),
        ),
        (
            json!({"type": "join", "room": "dev"}),
            json!({"type": "room", "room": "dev", "members": [], "last_id": 0, "gap": false}),
        ),
        (
            json!({"type": "who", "room": "lobby"}),
            json!({"type": "who", "room": "lobby", "users": ["alice", "bob"]}),
        ),
        (
            json!({"type": "rooms"}),
            json!({"type": "rooms", "rooms": [{"room": "dev", "users": 1}, {"room": "lobby", "users": 2}]}),
        ),
        (json!({"type": "leave", "room": "dev"}), json!({"type": "left_room", "room": "dev"})),
        (json!({"type": "nick", "user": "ally"}), json!({"type": "renamed", "user": "alice", "to": "ally"})),
    ];
    for (number, (request, mut answer)) in script.into_iter().enumerate() {
        let reference = format!("r{number}");
        answer["ref"] = reference.as_str().into();
        alice.tell(with_ref(request, &reference)).await;
        alice.expect_object(answer).await;
    }
    let everyone = alice.ask(json!({"type": "who"})).await;
    assert_eq!(everyone["users"], json!(["ally", "bob"]));
    // What is for bob alone keeps no order with what the room is told.
    let mut heard = Vec::new();
    while heard.len() < 4 {
        heard.push(bob.object().await["type"].clone());
    }
    heard.sort_by_key(Value::to_string);
    assert_eq!(heard, ["direct", "joined", "message", "message"]);
    bob.expect_object(json!({"type": "renamed", "user": "alice", "to": "ally"})).await;
}

fn with_ref(mut request: Value, reference: &str) -> Value {
    request["ref"] = reference.into();
    request
}

#[tokio::test]
async fn a_direct_message_reaches_one_alone() {
    let world = World::new().await;
    let mut alice = world.program("alice", &["lobby"]).await;
    let mut bob = world.program("bob", &[]).await;
    alice.ask(json!({"type": "direct", "to": "bob", "text": "psst\tyou"})).await;
    bob.expect_object(json!({"type": "direct", "from": "alice", "text": "psst\tyou"})).await;
    let answer = alice.ask(json!({"type": "history", "room": "lobby", "limit": 10})).await;
    assert_eq!(answer["messages"], json!([]), "it is not kept in a room");
}

#[tokio::test]
async fn what_is_wrong_has_its_code_and_its_key() {
    let world = World::new().await;
    let mut alice = world.program("alice", &["lobby"]).await;
    let long_ref = "r".repeat(65);
    let wrong = [
        (json!({"type": "dance"}), "unknown_type"),
        (json!({"room": "lobby"}), "bad_request"),
        (json!({"type": 7}), "bad_request"),
        (json!({"type": "hello", "user": "other"}), "bad_request"),
        (json!({"type": "say", "text": "hi"}), "bad_request"),
        (json!({"type": "say", "room": "lobby"}), "bad_request"),
        (json!({"type": "say", "room": "lobby", "text": 5}), "bad_request"),
        (json!({"type": "say", "room": "lobby", "text": null}), "bad_request"),
        (json!({"type": "say", "room": "Lobby", "text": "hi"}), "bad_room"),
        (json!({"type": "say", "room": "dev", "text": "hi"}), "not_in_room"),
        (json!({"type": "say", "room": "lobby", "text": "\u{1b}[2J"}), "bad_text"),
        (json!({"type": "say", "room": "lobby", "text": "a\nb"}), "bad_text"),
        (json!({"type": "say", "room": "lobby", "text": "nul\u{0}"}), "bad_text"),
        (json!({"type": "say", "room": "lobby", "text": "c1\u{9b}31m"}), "bad_text"),
        (json!({"type": "say", "room": "lobby", "text": ""}), "bad_text"),
        (json!({"type": "direct", "to": "nobody", "text": "hi"}), "no_such_user"),
        (json!({"type": "direct", "to": "[x]", "text": "hi"}), "bad_name"),
        (json!({"type": "direct", "to": "alice", "text": "a\u{7f}"}), "bad_text"),
        (json!({"type": "direct", "to": "alice"}), "bad_request"),
        (json!({"type": "join"}), "bad_request"),
        (json!({"type": "join", "room": ""}), "bad_room"),
        (json!({"type": "join", "room": "dev", "since": -1}), "bad_request"),
        (json!({"type": "join", "room": "dev", "since": 1, "last": 1}), "bad_request"),
        (json!({"type": "leave", "room": "dev"}), "not_in_room"),
        (json!({"type": "leave"}), "bad_request"),
        (json!({"type": "history", "room": "dev", "limit": 5}), "not_in_room"),
        (json!({"type": "history", "room": "lobby"}), "bad_request"),
        (json!({"type": "history", "room": "lobby", "limit": -1}), "bad_request"),
        (json!({"type": "history", "room": "lobby", "limit": "5"}), "bad_request"),
        (json!({"type": "search", "limit": 5}), "bad_request"),
        (json!({"type": "search", "query": "x", "room": "dev", "limit": 5}), "not_in_room"),
        (json!({"type": "who", "room": "dev"}), "no_such_room"),
        (json!({"type": "nick", "user": "a b"}), "bad_name"),
        (json!({"type": "nick"}), "bad_request"),
        (json!({"type": "nick", "user": "Bob"}), "name_taken"),
    ];
    let _bob = world.program("bob", &[]).await;
    for (request, code) in wrong {
        alice.tell(with_ref(request, "key")).await;
        alice.expect_refusal(code, Some("key")).await;
    }
    for reference in [json!(""), json!(long_ref), json!(5), json!("a\u{7}")] {
        alice.tell(json!({"type": "say", "room": "lobby", "text": "hi", "ref": reference})).await;
        alice.expect_refusal("bad_request", None).await;
    }
    for line in ["hi all", "{", "[]", "null", "\"x\"", "{\"type\":\"ping\"} {}", "{\"type\":\"ping\",}"] {
        alice.send(line).await;
        alice.expect_refusal("bad_json", None).await;
    }
    assert_eq!(alice.say("lobby", "nothing of it was said").await, 1);
}

#[tokio::test]
async fn answers_keep_the_order_of_the_requests() {
    let world = World::new().await;
    let mut alice = world.program("alice", &["lobby"]).await;
    let round = [
        (json!({"type": "say", "room": "lobby", "text": "a"}), "ack"),
        (json!({"type": "ping"}), "pong"),
        (json!({"type": "say", "room": "lobby", "text": "b"}), "ack"),
        (json!({"type": "say", "room": "nowhere", "text": "c"}), "error"),
        (json!({"type": "say", "room": "lobby", "text": "d"}), "ack"),
        (json!({"type": "dance"}), "error"),
        (json!({"type": "who"}), "who"),
        (json!({"type": "say", "room": "lobby", "text": "e"}), "ack"),
        (json!({"type": "history", "room": "lobby", "limit": 1}), "history"),
        (json!({"type": "say", "room": "lobby", "text": "f"}), "ack"),
        (json!({"type": "join", "room": "lobby"}), "room"),
        (json!({"type": "rooms"}), "rooms"),
        (json!({"type": "search", "query": "f", "limit": 1}), "search"),
    ];
    let requests: Vec<(String, &str)> = (0..650)
        .zip(round.iter().cycle())
        .map(|(n, (request, answer))| (with_ref(request.clone(), &format!("n{n}")).to_string(), *answer))
        .collect();
    let all: String = requests.iter().map(|(line, _)| format!("{line}\n")).collect();
    alice.send_bytes(all.as_bytes()).await;
    let mut id = 0;
    for (n, (_, answer)) in requests.iter().enumerate() {
        let object = alice.object().await;
        assert_eq!([&object["type"], &object["ref"]], [&json!(answer), &json!(format!("n{n}"))]);
        match *answer {
            "ack" => {
                id += 1;
                assert_eq!(object["id"], id);
            }
            "room" => assert_eq!(object["last_id"], id, "everything before it is committed"),
            "history" => assert_eq!(object["messages"][0]["id"], id),
            "search" => assert_eq!(object["messages"][0]["id"], id, "what is acked can be found"),
            _ => {}
        }
    }
}

#[tokio::test]
async fn an_echo_is_had_by_whoever_asks_for_it() {
    let world = World::new().await;
    let mut plain = world.program("plain", &["lobby"]).await;
    let mut loud = world.hello(json!({"user": "loud", "rooms": [{"room": "lobby"}], "echo": true})).await;
    loud.until("room").await;
    plain.until("joined").await;
    loud.tell(json!({"type": "say", "room": "lobby", "text": "hear me", "ref": "e"})).await;
    // The ack goes its own way, so the two may come in either order.
    let mut heard = [loud.object().await, loud.object().await];
    heard.sort_by_key(|object| object["type"].as_str().map(str::to_owned));
    assert_eq!(
        heard,
        [
            json!({"type": "ack", "ref": "e", "room": "lobby", "id": 1}),
            message("lobby", 1, "loud", "hear me")
        ]
    );
    plain.expect_object(message("lobby", 1, "loud", "hear me")).await;
    assert_eq!(plain.say("lobby", "quiet").await, 2);
    loud.expect_object(message("lobby", 2, "plain", "quiet")).await;
    assert_eq!(plain.ask(json!({"type": "ping"})).await, json!({"type": "pong"}), "plain got no copy");
}

#[tokio::test]
async fn a_program_is_in_many_rooms_and_hears_each() {
    let world = World::new().await;
    let mut alice = world.program("alice", &["a", "b", "c"]).await;
    let mut bob = world.program("bob", &["a", "c"]).await;
    // Each room tells of it by itself: which is first is not promised.
    let mut joined = [alice.object().await, alice.object().await];
    joined.sort_by_key(|event| event["room"].to_string());
    assert_eq!(joined, ["a", "c"].map(|room| json!({"type": "joined", "room": room, "user": "bob"})));
    for room in ["a", "c", "a"] {
        bob.say(room, "x").await;
        assert_eq!(alice.until("message").await["room"], room);
    }
    bob.ask(json!({"type": "nick", "user": "rob"})).await;
    alice.expect_object(json!({"type": "renamed", "user": "bob", "to": "rob"})).await;
    alice.expect_end_of_news().await;
}

#[tokio::test]
async fn unknown_fields_are_ignored_and_escapes_understood() {
    let world = World::new().await;
    let mut bob = world.program("bob", &["lobby"]).await;
    let mut alice = world.program("alice", &["lobby"]).await;
    bob.until("joined").await;
    alice.send(r#" {"text":"gr\u00fc\u00df dich \ud83e\udd80\t!","x":{"y":[null]},"type":"say","room":"lobby"} "#).await;
    assert_eq!(alice.object().await["type"], "ack");
    bob.expect_object(message("lobby", 1, "alice", "grüß dich 🦀\t!")).await;
}

impl Client {
    /// Nothing is left unread but the answer to a question asked now.
    async fn expect_end_of_news(&mut self) {
        assert_eq!(
            self.ask(json!({"type": "ping", "ref": "end"})).await,
            json!({"type": "pong", "ref": "end"})
        );
    }
}
