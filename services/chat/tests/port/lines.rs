//! Lines: their length, their bytes, their ends.

use serde_json::json;

use super::world::World;

#[tokio::test]
async fn the_longest_line_passes_and_one_byte_more_ends_it() {
    let world = World::new().await;
    let mut bob = world.person("bob").await;
    let mut alice = world.person("alice").await;
    bob.expect("MSG:alice joined the chat").await;
    let longest = "x".repeat(4095);
    alice.send(&longest).await;
    bob.expect(&format!("MSG:[alice] {longest}")).await;
    alice.send_bytes(format!("before\n{longest}y\nafter\n").as_bytes()).await;
    alice.expect_error("line_too_long").await;
    alice.expect_end().await;
    bob.expect("MSG:[alice] before").await;
    bob.expect("MSG:alice left the chat").await;
}

#[tokio::test]
async fn an_end_is_not_waited_for_in_a_line_that_is_too_long() {
    let world = World::new().await;
    let mut bot = world.program("bot", &["lobby"]).await;
    bot.tell(json!({"type": "say", "room": "lobby", "text": "before", "ref": "b"})).await;
    bot.send_bytes(&[b'{'; 4096]).await;
    bot.expect_object(json!({"type": "ack", "ref": "b", "room": "lobby", "id": 1})).await;
    bot.expect_refusal("line_too_long", None).await;
    bot.expect_end().await;
}

/// The words must reach a peer that is still sending: no reset overtakes them.
#[tokio::test]
async fn the_last_words_reach_whoever_still_sends() {
    let world = World::new().await;
    for _ in 0..10 {
        let mut alice = world.person("alice").await;
        alice.send_bytes(&vec![b'x'; 300_000]).await;
        alice.expect_error("line_too_long").await;
        alice.finish().await;
        alice.expect_end().await;
    }
}

#[tokio::test]
async fn a_line_that_is_not_utf8_is_dropped_and_the_next_is_read() {
    let world = World::new().await;
    let mut bob = world.person("bob").await;
    let mut alice = world.person("alice").await;
    bob.expect("MSG:alice joined the chat").await;
    alice.send_bytes(b"\xff\xfe\nwell\n\xe2\x82\n").await;
    alice.expect_error("bad_utf8").await;
    alice.expect_error("bad_utf8").await;
    bob.expect("MSG:[alice] well").await;

    let mut bot = world.program("bot", &["lobby"]).await;
    bot.send_bytes(b"{\"type\":\"say\",\"room\":\"lobby\",\"text\":\"\xff\"}\n").await;
    bot.expect_refusal("bad_utf8", None).await;
    assert_eq!(bot.say("lobby", "x").await, 2);
}

#[tokio::test]
async fn nothing_drives_a_terminal() {
    let world = World::new().await;
    let mut bob = world.person("bob").await;
    let mut alice = world.person("alice").await;
    bob.expect("MSG:alice joined the chat").await;
    let wrong = [
        "\u{1b}[2J",
        "bell\u{7}",
        "nul\u{0}",
        "del\u{7f}",
        "csi\u{9b}31m",
        "a\rb",
        "/me \u{1b}c",
        "/msg bob \u{1b}c",
    ];
    for line in wrong {
        alice.send(line).await;
        alice.expect_error("bad_text").await;
    }
    alice.send("tabs\tare fine, so is \u{1f980}").await;
    bob.expect("MSG:[alice] tabs\tare fine, so is \u{1f980}").await;
}

#[tokio::test]
async fn one_cr_before_the_end_is_dropped() {
    let world = World::new().await;
    let mut bob = world.person("bob").await;
    let mut alice = world.stranger().await;
    alice.send_bytes(b"alice\r\nhi\r\n/who\r\n").await;
    bob.expect("MSG:alice joined the chat").await;
    bob.expect("MSG:[alice] hi").await;
    alice.expect("INFO:lobby: alice, bob").await;
    alice.send_bytes(b"two\r\r\n").await;
    alice.expect_error("bad_text").await;
}

#[tokio::test]
async fn ten_thousand_lines_in_one_write_all_arrive_in_order() {
    let world = World::new().await;
    let mut bob = world.program("bob", &["lobby"]).await;
    let mut alice = world.stranger().await;
    let lines: String = (0..10_000).map(|n| format!("line {n}\n")).collect();
    let script = format!("alice\n{lines}/quit\n");
    tokio::join!(alice.send_bytes(script.as_bytes()), async {
        bob.until("joined").await;
        for n in 0..10_000_u64 {
            let message = bob.object().await;
            assert_eq!([&message["id"], &message["text"]], [&json!(n + 1), &json!(format!("line {n}"))]);
        }
    });
    alice.expect_end().await;
}

#[tokio::test]
async fn a_byte_a_segment_is_as_good_as_a_line() {
    let world = World::new().await;
    let mut bob = world.program("bob", &["lobby"]).await;
    let mut alice = world.stranger().await;
    for byte in "alice\r\nschön\n/me wei\u{df}\n".bytes() {
        alice.send_bytes(&[byte]).await;
        tokio::task::yield_now().await;
    }
    bob.until("joined").await;
    assert_eq!(bob.object().await["text"], "schön");
    assert_eq!(bob.object().await["text"], "* weiß");
}

#[tokio::test]
async fn whoever_ends_their_side_gets_every_answer() {
    let world = World::new().await;
    let mut alice = world.program("alice", &["lobby"]).await;
    let lines: String = (0..500)
        .map(|n| {
            json!({"type": "say", "room": "lobby", "text": "x", "ref": format!("{n}")}).to_string() + "\n"
        })
        .collect();
    alice.send_bytes(format!("{lines}{}\n{{\"type\":\"ping\"", json!({"type": "ping"})).as_bytes()).await;
    alice.finish().await;
    for n in 0..500_u64 {
        alice
            .expect_object(json!({"type": "ack", "ref": format!("{n}"), "room": "lobby", "id": n + 1}))
            .await;
    }
    alice.expect_object(json!({"type": "pong"})).await;
    alice.expect_end().await;
}

/// `printf 'alice\nhi\n' | nc host 9001`
#[tokio::test]
async fn a_script_can_say_its_line_and_go() {
    let world = World::new().await;
    let mut bob = world.person("bob").await;
    let mut alice = world.stranger().await;
    alice.send_bytes(b"alice\nhi\nhalf a li").await;
    alice.finish().await;
    alice.expect_end().await;
    bob.expect("MSG:alice joined the chat").await;
    bob.expect("MSG:[alice] hi").await;
    bob.expect("MSG:alice left the chat").await;
}
