//! JSON lines as no program should write them.

use serde_json::json;

use super::world::{Client, World};

/// What each line is answered with; the connection must stay.
async fn answered(client: &mut Client, lines: &[(String, &str)]) {
    for (line, code) in lines {
        client.send(line).await;
        client.expect_refusal_because(code, None, &line.chars().take(80).collect::<String>()).await;
    }
    assert_eq!(client.ask(json!({"type": "ping"})).await, json!({"type": "pong"}));
}

#[tokio::test]
async fn what_does_not_parse_is_bad_json() {
    let world = World::new().await;
    let mut alice = world.program("alice", &["lobby"]).await;
    let lines = [
        "{",
        "}",
        "{}}",
        "[]",
        "[{\"type\":\"ping\"}]",
        "null",
        "true",
        "7",
        "\"x\"",
        "hello",
        "{'type':'ping'}",
        "{type:\"ping\"}",
        "{\"type\":\"ping\",}",
        "{\"type\":\"ping\"",
        "{\"type\":\"ping\"}{\"type\":\"ping\"}",
        "{\"type\":\"ping\"} x",
        "{\"type\":\"ping\" \"ref\":\"a\"}",
        "{\"type\":}",
        "{\"type\":\"pi\tng\"}",
        "{\"type\":\"pi\rng\"}",
        "{\"type\":\"pi\u{0}ng\"}",
        r#"{"type":"pi\xng"}"#,
        r#"{"type":"pi\u12"}"#,
        r#"{"type":"ping","x":01}"#,
        r#"{"type":"ping","x":+1}"#,
        r#"{"type":"ping","x":0x10}"#,
        r#"{"type":"ping","x":NaN}"#,
        r#"{"type":"ping","x":.5}"#,
        r#"{"type":"ping","x":1e}"#,
        "\u{feff}{\"type\":\"ping\"}",
        "/* x */ {\"type\":\"ping\"}",
    ];
    answered(&mut alice, &lines.map(|line| (line.to_owned(), "bad_json"))).await;
}

/// It was called a wrong type, though no reader of JSON could tell what it says.
#[tokio::test]
async fn half_a_surrogate_pair_is_bad_json() {
    let world = World::new().await;
    let mut alice = world.program("alice", &["lobby"]).await;
    for half in [r"\ud800", r"\udc00", r"\ud83e", r"\ud83e\ud83e", r"\udd80\ud83e"] {
        alice.send(&format!(r#"{{"type":"say","room":"lobby","text":"x{half}y","ref":"key"}}"#)).await;
        alice.expect_refusal("bad_json", Some("key")).await;
    }
    alice.send(r#"{"type":"ping","x":"\ud800"}"#).await;
    alice.expect_object(json!({"type": "pong"})).await;
    let mut stranger = world.stranger().await;
    stranger.send(r#"{"type":"hello","user":"\ud800"}"#).await;
    stranger.expect_refusal("bad_json", None).await;
}

#[tokio::test]
async fn numbers_are_whole_and_fit() {
    let world = World::new().await;
    let mut alice = world.program("alice", &["lobby"]).await;
    for id in 1..=3 {
        assert_eq!(alice.say("lobby", "x").await, id);
    }
    let huge = "9".repeat(1_000);
    let bad = [
        "-1",
        "-0",
        "1e3",
        "1.0",
        "0.5",
        "18446744073709551616",
        "1e999",
        "-9223372036854775809",
        &huge,
        "\"5\"",
        "[5]",
        "true",
    ];
    for number in bad {
        let lines = [
            format!(r#"{{"type":"history","room":"lobby","limit":{number}}}"#),
            format!(r#"{{"type":"history","room":"lobby","limit":5,"before":{number}}}"#),
            format!(r#"{{"type":"search","query":"x","limit":{number}}}"#),
            format!(r#"{{"type":"join","room":"dev","since":{number}}}"#),
            format!(r#"{{"type":"join","room":"dev","last":{number}}}"#),
        ];
        answered(&mut alice, &lines.map(|line| (line, "bad_request"))).await;
    }
    for most in [4_294_967_296, u64::MAX] {
        let history = alice.ask(json!({"type": "history", "room": "lobby", "limit": most})).await;
        assert_eq!(history["messages"].as_array().unwrap().len(), 3, "more than fit is all there is");
        let room = alice.ask(json!({"type": "join", "room": "dev", "since": most})).await;
        assert_eq!(
            [&room["type"], &room["gap"]],
            [&json!("room"), &json!(true)],
            "{most} lies ahead of the room"
        );
        alice.ask(json!({"type": "leave", "room": "dev"})).await;
    }
}

/// Of two fields of one name the later counts.
#[tokio::test]
async fn a_field_said_twice_counts_once() {
    let world = World::new().await;
    let mut alice = world.program("alice", &["lobby"]).await;
    alice
        .send(r#"{"type":"say","room":"dev","text":"a","ref":"1","room":"lobby","text":"b","ref":"2"}"#)
        .await;
    alice.expect_object(json!({"type": "ack", "ref": "2", "room": "lobby", "id": 1})).await;
    let history = alice.ask(json!({"type": "history", "room": "lobby", "limit": 1})).await;
    assert_eq!(history["messages"][0]["text"], "b");
    alice.send(r#"{"type":"say","type":"ping"}"#).await;
    alice.expect_object(json!({"type": "pong"})).await;
}

/// As deep as a line may be long.
#[tokio::test]
async fn depth_is_worth_no_stack() {
    let world = World::new().await;
    let mut alice = world.program("alice", &["lobby"]).await;
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let times = 4_000 / (open.len() + close.len());
        let deep = open.repeat(times) + "0" + &close.repeat(times);
        alice.send(&format!(r#"{{"type":"ping","x":{deep}}}"#)).await;
        alice.expect_object(json!({"type": "pong"})).await;
        let lines = [
            (format!(r#"{{"type":{deep}}}"#), "bad_request"),
            (format!(r#"{{"type":"ping","ref":{deep}}}"#), "bad_request"),
            (format!(r#"{{"type":"who","room":{deep}}}"#), "bad_request"),
            (format!(r#"{{"type":"ping","x":{}"#, open.repeat(times)), "bad_json"),
        ];
        answered(&mut alice, &lines).await;
        let mut stranger = world.stranger().await;
        stranger.send(&format!(r#"{{"type":"hello","user":"x","rooms":{deep}}}"#)).await;
        stranger.expect_refusal("bad_request", None).await;
    }
}

/// Every request without each of its fields in turn, and with each of a wrong type.
#[tokio::test]
async fn every_field_is_looked_at() {
    let world = World::new().await;
    let mut alice = world.program("alice", &["lobby"]).await;
    let requests = [
        (json!({"type": "say", "room": "lobby", "text": "x"}), &["type", "room", "text"][..]),
        (json!({"type": "direct", "to": "alice", "text": "x"}), &["to", "text"]),
        (json!({"type": "join", "room": "lobby"}), &["room"]),
        (json!({"type": "leave", "room": "lobby"}), &["room"]),
        (json!({"type": "history", "room": "lobby", "limit": 1}), &["room", "limit"]),
        (json!({"type": "search", "query": "x", "limit": 1}), &["query", "limit"]),
        (json!({"type": "nick", "user": "ally"}), &["user"]),
    ];
    for (request, fields) in requests {
        for field in fields {
            let mut without = request.clone();
            without.as_object_mut().unwrap().remove(*field);
            let mut lines = vec![(without.to_string(), "bad_request")];
            for wrong in [json!(null), json!(true), json!(-1), json!([]), json!({}), json!([1, "x"])] {
                let mut other = request.clone();
                other[*field] = wrong;
                lines.push((other.to_string(), "bad_request"));
            }
            answered(&mut alice, &lines).await;
        }
    }
}
