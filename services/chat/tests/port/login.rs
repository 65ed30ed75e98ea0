//! The first words: names, refusals, and who may have which.

use serde_json::json;

use super::world::World;

#[tokio::test]
async fn the_third_refusal_is_the_last() {
    let world = World::new().await;
    let mut client = world.stranger().await;
    for name in ["-x", "a b"] {
        client.send(name).await;
        client.expect_error("bad_name").await;
        client.expect("USERNAME:").await;
    }
    client.send("[x]").await;
    client.expect_error("bad_name").await;
    client.expect_error("too_many_attempts").await;
    client.expect_end().await;
}

#[tokio::test]
async fn two_refusals_are_forgiven() {
    let world = World::new().await;
    let mut client = world.stranger().await;
    for name in ["", ".hidden"] {
        client.send(name).await;
        client.expect_error("bad_name").await;
        client.expect("USERNAME:").await;
    }
    client.send("alice\r").await;
    client.send("/who").await;
    client.expect("INFO:lobby: alice").await;
}

#[tokio::test]
async fn bad_names_are_told_so() {
    let world = World::new().await;
    let bad: [&[u8]; 12] = [
        b"",
        b"-a",
        b".a",
        b"a b",
        b"a\tb",
        b"a\x07b",
        b"\x1b[2J",
        b"[a]",
        b"a:b",
        "p\u{430}ypal".as_bytes(),
        "a\u{200b}b".as_bytes(),
        &[b'a'; 33],
    ];
    for name in bad {
        let mut client = world.stranger().await;
        client.send_bytes(&[name, b"\n"].concat()).await;
        client.expect_error("bad_name").await;
    }
}

#[tokio::test]
async fn a_line_that_is_not_utf8_counts_as_a_refusal() {
    let world = World::new().await;
    let mut client = world.stranger().await;
    client.send_bytes(b"\xff\n").await;
    client.expect_error("bad_utf8").await;
    client.expect("USERNAME:").await;
    client.send_bytes(b"\xc0\xaf\n\xed\xa0\x80\n").await;
    client.expect_error("bad_utf8").await;
    client.expect("USERNAME:").await;
    client.expect_error("bad_utf8").await;
    client.expect_error("too_many_attempts").await;
    client.expect_end().await;
}

#[tokio::test]
async fn a_name_without_end_in_sight_ends_the_connection() {
    let world = World::new().await;
    let mut client = world.stranger().await;
    client.send_bytes(&[b'a'; 4096]).await;
    client.expect_error("line_too_long").await;
    client.expect_end().await;
}

#[tokio::test]
async fn names_that_are_or_look_the_same_are_taken() {
    let world = World::new().await;
    let _alice = world.person("alice").await;
    let _coco = world.person("coco").await;
    let _user1 = world.program("user1", &[]).await;
    let _strasse = world.person("straße").await;
    for name in ["alice", "ALICE", "ａｌｉｃｅ", "сосо", "userl", "STRASSE"] {
        let mut client = world.stranger().await;
        client.send(name).await;
        client.expect_error("name_taken").await;
        client.expect("USERNAME:").await;
        client.tell(json!({"type": "hello", "user": name, "rooms": []})).await;
        client.expect_refusal("name_taken", None).await;
    }
}

#[tokio::test]
async fn a_name_is_one_in_both_of_its_spellings() {
    let world = World::new().await;
    let _composed = world.person("zo\u{eb}").await;
    for name in ["zoe\u{308}", "ZOE\u{308}", "zo\u{eb}"] {
        let mut client = world.stranger().await;
        client.send(name).await;
        client.expect_error("name_taken").await;
    }
}

#[tokio::test]
async fn a_name_is_free_again_when_its_holder_has_gone() {
    let world = World::new().await;
    let mut bob = world.person("bob").await;
    for _ in 0..3 {
        let alice = world.person("alice").await;
        bob.expect("MSG:alice joined the chat").await;
        alice.reset();
        bob.expect("MSG:alice left the chat").await;
    }
    let mut alice = world.person("alice").await;
    alice.send("/nick ally").await;
    alice.expect("MSG:alice is now known as ally").await;
    world.person("alice").await;
}

#[tokio::test]
async fn names_of_many_scripts_are_welcome_and_shown_in_nfc() {
    let world = World::new().await;
    let mut alice = world.person("alice").await;
    for name in ["Алиса", "爱丽丝", "alice日本", "_", "9", "a.b-c_d", &"é".repeat(32)] {
        world.person(name).await.quit().await;
        alice.expect(&format!("MSG:{name} joined the chat")).await;
        alice.expect(&format!("MSG:{name} left the chat")).await;
    }
    world.person("zoe\u{308}").await;
    alice.expect("MSG:zo\u{eb} joined the chat").await;
}

#[tokio::test]
async fn programs_have_three_attempts_too() {
    let world = World::new().await;
    let mut client = world.stranger().await;
    client.tell(json!({"type": "hello", "user": "[x]", "rooms": [], "ref": "a"})).await;
    client.expect_refusal("bad_name", Some("a")).await;
    client.send("{not json").await;
    client.expect_refusal("bad_json", None).await;
    client.tell(json!({"type": "hello", "rooms": []})).await;
    client.expect_refusal("bad_request", None).await;
    client.expect_refusal("too_many_attempts", None).await;
    client.expect_end().await;
}

#[tokio::test]
async fn a_program_may_come_after_a_refused_line() {
    let world = World::new().await;
    let mut client = world.stranger().await;
    client.send("not a name").await;
    client.expect_error("bad_name").await;
    client.expect("USERNAME:").await;
    client.tell(json!({"type": "hello", "user": "alice", "ref": "h"})).await;
    let welcome = client.object().await;
    assert_eq!([&welcome["type"], &welcome["ref"]], [&json!("welcome"), &json!("h")]);
}

#[tokio::test]
async fn hello_says_what_is_wrong_with_it() {
    let world = World::new().await;
    let wrong = [
        (json!({"type": "hello", "user": 7}), "bad_request"),
        (json!({"type": "hello", "user": "x", "rooms": "lobby"}), "bad_request"),
        (json!({"type": "hello", "user": "x", "rooms": ["lobby"]}), "bad_request"),
        (json!({"type": "hello", "user": "x", "rooms": [{}]}), "bad_request"),
        (json!({"type": "hello", "user": "x", "rooms": [{"room": "No"}]}), "bad_room"),
        (json!({"type": "hello", "user": "x", "rooms": [{"room": "a", "since": -1}]}), "bad_request"),
        (json!({"type": "hello", "user": "x", "rooms": [{"room": "a", "since": "1"}]}), "bad_request"),
        (json!({"type": "hello", "user": "x", "rooms": [{"room": "a", "last": 1.5}]}), "bad_request"),
        (json!({"type": "hello", "user": "x", "echo": "yes"}), "bad_request"),
        (json!({"type": "say", "room": "lobby", "text": "hi"}), "bad_request"),
        (json!({"user": "x"}), "bad_request"),
        (json!({"type": "hello", "user": ""}), "bad_name"),
        (json!({"type": "hello", "user": "a\u{9}b"}), "bad_name"),
        (json!({"type": "hello", "user": "\u{1b}[2J"}), "bad_name"),
    ];
    for (hello, code) in wrong {
        let mut client = world.stranger().await;
        client.tell(hello).await;
        client.expect_refusal(code, None).await;
        client.tell(json!({"type": "hello", "user": "x", "rooms": [], "more": [1]})).await;
        assert_eq!(client.object().await["type"], "welcome");
        client.finish().await;
        client.expect_end().await;
    }
}

#[tokio::test]
async fn whoever_goes_without_a_name_was_never_here() {
    let world = World::new().await;
    let mut bob = world.person("bob").await;
    let mut client = world.stranger().await;
    client.send_bytes(b"half a na").await;
    client.finish().await;
    client.expect_end().await;
    world.stranger().await.reset();
    bob.send("/who").await;
    bob.expect("INFO:lobby: bob").await;
}
