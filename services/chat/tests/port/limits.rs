//! Limits for strangers.

use serde_json::{Value, json};

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

/// However often something comes, it is not a name.
#[tokio::test]
async fn whoever_says_their_name_too_slowly_is_told_and_let_go() {
    let world = World::with(&["--login", "200ms"]).await;
    for byte in [b'a', b'{', 0x16, b' '] {
        let mut slow = Client::connect(world.addr()).await;
        let said = slow.trickle(byte).await;
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(lines[0], "USERNAME:");
        assert!(lines.len() == 2 && lines[1].starts_with("ERROR:login_timeout "), "{said}");
    }
    world.metric_is("chat_disconnects_total{reason=\"login_timeout\"}", |ended| ended == 4.0).await;
}

#[tokio::test]
async fn new_names_rooms_and_searches_are_counted_with_what_is_said() {
    let world = World::with(&["--trusted", "none", "--flood", "100:1"]).await;
    let mut alice = world.program("alice", &["lobby"]).await;
    let told = [
        json!({"type": "say", "room": "lobby", "text": "x"}),
        json!({"type": "direct", "to": "alice", "text": "x"}),
        json!({"type": "nick", "user": "ally"}),
        json!({"type": "join", "room": "dev"}),
        json!({"type": "leave", "room": "dev"}),
        json!({"type": "search", "query": "x", "limit": 1}),
    ];
    let free = [json!({"type": "ping"}), json!({"type": "who"}), json!({"type": "dance"})];
    for request in told.iter().chain(&free) {
        let holds = world.metric("chat_flood_holds_total").await;
        alice.tell(request.clone()).await;
        while alice.object().await["type"] == "direct" {}
        let held = world.metric("chat_flood_holds_total").await - holds;
        assert_eq!(held == 1.0, told.contains(request), "{request}");
    }
}

/// Each word costs the one thread that searches some time, and with it everybody who waits for a search.
#[tokio::test]
async fn a_search_for_too_many_words_is_refused_and_the_next_one_answered() {
    let world = World::new().await;
    let mut person = world.person("alice").await;
    let mut program = world.program("bot", &["lobby"]).await;
    person.expect("MSG:bot joined the chat").await;
    program.say("lobby", "a-b-a-b and 0 1 2 3").await;
    person.expect("MSG:[bot] a-b-a-b and 0 1 2 3").await;
    let numbers: Vec<String> = (0..33).map(|n| n.to_string()).collect();
    let pairs: Vec<String> = (0..17).map(|n| format!("a-{n}")).collect();
    for query in [numbers.join(" "), numbers.join("-"), pairs.join(" "), "a-b-a-b-".repeat(400)] {
        program.tell(json!({"type": "search", "query": query, "limit": 5, "ref": "s"})).await;
        program.expect_refusal("bad_request", Some("s")).await;
        person.send(&format!("/search {query}")).await;
        person.expect_error("bad_request").await;
    }
    let often = "a-b-a-b ".repeat(400);
    let found = program.ask(json!({"type": "search", "query": often, "limit": 5})).await;
    assert_eq!(found["messages"][0]["text"], "a-b-a-b and 0 1 2 3");
    person.send(&format!("/search {}", numbers[..4].join(" "))).await;
    person.expect("FOUND:#lobby [bot] a-b-a-b and 0 1 2 3").await;
}

/// Which rooms there are.
async fn rooms(program: &mut Client) -> Vec<Value> {
    program.tell(json!({"type": "rooms"})).await;
    let rooms = program.until("rooms").await;
    rooms["rooms"].as_array().unwrap().iter().map(|room| room["room"].clone()).collect()
}

#[tokio::test]
async fn a_connection_is_in_so_many_rooms_and_no_more() {
    let world = World::with(&["--rooms-per-connection", "3"]).await;
    let wanted: Vec<Value> = ["a", "b", "c", "d"].map(|room| json!({"room": room})).into();
    let mut alice = world.hello(json!({"user": "alice", "rooms": wanted})).await;
    for room in ["a", "b", "c"] {
        assert_eq!(alice.object().await["room"], room);
    }
    alice.expect_refusal("unavailable", None).await;
    alice.tell(json!({"type": "join", "room": "e", "ref": "e"})).await;
    alice.expect_refusal("unavailable", Some("e")).await;
    world.metric_is("chat_joins_refused_total", |refused| refused == 2.0).await;
    assert_eq!(rooms(&mut alice).await, ["a", "b", "c"]);

    assert_eq!(alice.ask(json!({"type": "join", "room": "b"})).await["type"], "room", "one is there already");
    assert_eq!(alice.ask(json!({"type": "leave", "room": "b"})).await["type"], "left_room");
    assert_eq!(alice.ask(json!({"type": "join", "room": "e"})).await["type"], "room");
    assert_eq!(alice.say("e", "x").await, 1);
    let mut person = world.person("person").await;
    for room in ["a", "b", "c", "d"] {
        person.send(&format!("/join {room}")).await;
        assert!(person.line().await.starts_with(&format!("INFO:you are in {room} ")), "one after the other");
    }
}

#[tokio::test]
async fn there_are_so_many_rooms_and_no_more() {
    let world = World::with(&["--rooms", "2"]).await;
    let mut alice = world.program("alice", &["a", "b"]).await;
    alice.tell(json!({"type": "join", "room": "c"})).await;
    alice.expect_refusal("unavailable", None).await;
    let mut person = world.stranger().await;
    person.send("person").await;
    person.expect_error("unavailable").await;
    person.send("is anybody here?").await;
    person.expect_error("not_in_room").await;
    person.send("/join a").await;
    person.expect("INFO:you are in a with alice").await;
    alice.until("joined").await;
    alice.ask(json!({"type": "leave", "room": "b"})).await;
    person.send("/join lobby").await;
    person.expect("INFO:you are in lobby with nobody else").await;
    world.metric_is("chat_joins_refused_total", |refused| refused == 2.0).await;
    assert_eq!(rooms(&mut alice).await, ["a", "lobby"]);
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
