//! Lines: their length, their bytes, their ends.

use serde_json::{Value, json};

use super::world::{Client, World};

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
async fn a_megabyte_without_an_end_is_ended_at_the_limit() {
    let world = World::new().await;
    for named in [true, false] {
        let mut client = if named { world.person("alice").await } else { world.stranger().await };
        let sent = world.metric("chat_sent_bytes_total").await;
        client.send_bytes(&vec![b'x'; 1024 * 1024]).await;
        client.expect_error("line_too_long").await;
        client.finish().await;
        client.expect_end().await;
        let words = world.metric("chat_sent_bytes_total").await - sent;
        assert!(words < 100.0, "it is told once: {words} bytes");
    }
    world.metric_is("chat_disconnects_total{reason=\"line_too_long\"}", |ended| ended == 2.0).await;
    world.metric_is("chat_connections", |open| open == 0.0).await;
}

/// What is no UTF-8, however it goes wrong (Unicode 3.9, table 3-7).
#[tokio::test]
async fn every_way_to_miss_utf8_is_told() {
    let world = World::new().await;
    let mut person = world.person("person").await;
    let mut program = world.program("program", &["lobby"]).await;
    person.expect("MSG:program joined the chat").await;
    let wrong: [&[u8]; 20] = [
        b"\x80",
        b"\xbf\xbf",
        b"\xc0\xaf",
        b"\xc0\x80",
        b"\xc1\xbf",
        b"\xe0\x80\xaf",
        b"\xe0\x9f\xbf",
        b"\xf0\x80\x80\xaf",
        b"\xf0\x8f\xbf\xbf",
        b"\xed\xa0\x80",
        b"\xed\xbf\xbf",
        b"\xed\xa0\xbd\xed\xb8\x80",
        b"\xe2\x82",
        b"\xf0\x9f\xa6",
        b"\xc3",
        b"\xf4\x90\x80\x80",
        b"\xf5\x80\x80\x80",
        b"\xf8\x88\x80\x80\x80",
        b"\xfe",
        b"\xff",
    ];
    for bytes in wrong {
        for around in [[&b""[..], b""], [b"before ", b" after"], [b"/me ", b""], [b"", b"\r"]] {
            person.send_bytes(&[around[0], bytes, around[1], b"\n"].concat()).await;
            person.expect_error_because("bad_utf8", &bytes.escape_ascii().to_string()).await;
        }
        let say = [&b"{\"type\":\"say\",\"room\":\"lobby\",\"text\":\""[..], bytes, b"\"}\n"];
        program.send_bytes(&say.concat()).await;
        program.expect_refusal_because("bad_utf8", None, &bytes.escape_ascii().to_string()).await;
    }
    let times = wrong.len() as f64 * 5.0;
    world.metric_is("chat_messages_rejected_total{reason=\"bad_utf8\"}", |n| n == times).await;
    assert_eq!(program.say("lobby", "well \u{10ffff}").await, 1);
    person.expect("MSG:[program] well \u{10ffff}").await;
}

#[tokio::test]
async fn a_cr_inside_a_line_is_none_before_its_end() {
    let world = World::new().await;
    let mut bob = world.person("bob").await;
    let mut alice = world.person("alice").await;
    bob.expect("MSG:alice joined the chat").await;
    for line in ["a\rb", "\ra", "a\rMSG:[bob] hi", "a\r\r", "/me a\rb", "/msg bob a\rb", "\r\r"] {
        alice.send(line).await;
        alice.expect_error_because("bad_text", line).await;
    }
    alice.send("/nick a\rb").await;
    alice.expect_error("bad_name").await;
    alice.send("/join a\rb").await;
    alice.expect_error("bad_room").await;
    let mut bot = world.program("bot", &["lobby"]).await;
    bot.send("{\"type\":\"say\",\"room\":\"lobby\",\"text\":\"a\rb\"}").await;
    bot.expect_refusal("bad_json", None).await;
    bot.send("{\"type\":\r\"ping\"}\r").await;
    bot.expect_object(json!({"type": "pong"})).await;
    let mut stranger = world.stranger().await;
    stranger.send("a\rb").await;
    stranger.expect_error("bad_name").await;
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
async fn ten_thousand_requests_in_one_write_are_all_answered_in_order() {
    let world = World::new().await;
    let mut alice = world.program("alice", &["lobby"]).await;
    let request = |n: u64| match n % 4 {
        0 => json!({"type": "say", "room": "lobby", "text": "x", "ref": n.to_string()}),
        1 => json!({"type": "ping", "ref": n.to_string()}),
        2 => json!({"type": "dance", "ref": n.to_string()}),
        _ => json!({"type": "who", "room": "lobby", "ref": n.to_string()}),
    };
    let lines: String = (0..10_000).map(|n| request(n).to_string() + "\n").collect();
    for (n, answer) in alice.exchange(lines.as_bytes(), 10_000).await.into_iter().enumerate() {
        let object: Value = serde_json::from_str(&answer).unwrap();
        let kind = ["ack", "pong", "error", "who"][n % 4];
        assert_eq!([&object["type"], &object["ref"]], [&json!(kind), &json!(n.to_string())]);
    }
}

/// What a session hears when its bytes come so many at a time.
async fn heard(script: &str, piece: usize) -> String {
    let world = World::new().await;
    let mut bob = world.program("bob", &["lobby"]).await;
    bob.say("lobby", "said before").await;
    let mut client = Client::connect(world.addr()).await;
    for piece in script.as_bytes().chunks(piece) {
        client.send_bytes(piece).await;
    }
    client.finish().await;
    client.rest().await
}

/// Every moment in it as `…`.
fn without_moments(heard: &str) -> String {
    let parts = heard.split("\"at\":\"");
    let parts = parts.enumerate().map(|(n, part)| if n > 0 { part.split_once('"').unwrap().1 } else { part });
    parts.collect::<Vec<_>>().join("\"at\":\"…\"")
}

#[tokio::test]
async fn a_byte_a_segment_is_as_good_as_a_line() {
    let people = "-\nalice\r\nschön\r\n/me wei\u{df}\n/msg bob 日本\n\n/nope\n//x\n\u{1b}\n/who\n/nick älice\n\
        /rooms\n/history\n/search schön\n/join dev\nhi\n/history 1\n/help\n/join lobby\n/quit\n";
    let programs = [
        json!({"type": "hello", "user": "[x]"}),
        json!({"type": "hello", "user": "alice", "rooms": [{"room": "lobby", "since": 0}], "echo": false}),
        json!({"type": "say", "room": "lobby", "text": "schön 🦀", "ref": "1"}),
        json!({"type": "say", "room": "lobby", "text": "schön 🦀", "ref": "1"}),
        json!({"type": "direct", "to": "bob", "text": "日本"}),
        json!({"type": "join", "room": "dev", "last": 5, "ref": "2"}),
        json!({"type": "say", "room": "dev", "text": "hi"}),
        json!({"type": "history", "room": "lobby", "limit": 10}),
        json!({"type": "search", "query": "schön", "limit": 10}),
        json!({"type": "who"}),
        json!({"type": "rooms"}),
        json!({"type": "nick", "user": "älice"}),
        json!({"type": "dance"}),
        json!(["no", "object"]),
        json!({"type": "leave", "room": "dev"}),
        json!({"type": "ping"}),
    ];
    let programs: String = programs.iter().map(|object| format!("{object}\r\n")).collect();
    for (script, lines) in [(people, 27), (&programs, 19)] {
        let whole = heard(script, usize::MAX).await;
        assert_eq!(whole.lines().count(), lines, "{whole}");
        assert_eq!(without_moments(&heard(script, 1).await), without_moments(&whole));
    }
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
