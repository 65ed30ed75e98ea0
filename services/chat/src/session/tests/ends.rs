//! Why a session ended, and what the peer was told of it.

use std::time::Duration;

use wire::chat::foreign::Foreign;

use super::{House, PIPE};
use crate::ended::Ended;

#[tokio::test]
async fn somebody_leaves_in_order() {
    let house = House::new();
    let alice = house.person("alice").await;
    alice.far.send("/quit\n").await;
    assert_eq!(alice.end().await, (vec![], Ended::Quit));
    let bob = house.person("bob").await;
    bob.far.send("last words\nhalf a li").await;
    bob.far.finish();
    assert_eq!(bob.end().await, (vec![], Ended::Quit));
    assert_eq!(house.metric("chat_users"), 0.0);
    assert_eq!(house.metric("chat_rooms"), 0.0);
}

/// They waited for as long as the drain after the bug lasted.
#[tokio::test]
async fn nobody_waits_for_a_room_that_a_bug_has_ended() {
    let (house, late) = House::late(&[]);
    let alice = house.person("alice").await;
    let bob = house.person("bob").await;
    alice.far.send("/join there\n").await;
    late.fail();
    bob.far.send("/join there\n/who\n/quit\n").await;
    assert_eq!(bob.end().await.1, Ended::Quit);
    alice.far.send("/quit\n").await;
    assert_eq!(alice.end().await.1, Ended::Quit);
}

#[tokio::test]
async fn somebody_vanishes() {
    let house = House::new();
    let watcher = house.person("watcher").await;
    let alice = house.person("alice").await;
    assert_eq!(watcher.far.line().await, "MSG:alice joined the chat");
    assert_eq!(alice.vanish().await, Ended::Lost);
    assert_eq!(watcher.far.line().await, "MSG:alice left the chat");
    assert_eq!(house.dial().vanish().await, Ended::Lost);
}

#[tokio::test]
async fn nobody_says_a_name() {
    let house = House::new();
    let caller = house.dial();
    caller.far.finish();
    assert_eq!(caller.end().await, (vec!["USERNAME:".to_owned()], Ended::Quit));
}

#[tokio::test(start_paused = true)]
async fn a_name_must_come_in_time() {
    let house = House::new();
    let person = house.dial();
    person.far.send("half a na").await;
    let (lines, ended) = person.end().await;
    assert_eq!(ended, Ended::LoginTimeout);
    assert_eq!(lines[0], "USERNAME:");
    assert!(lines[1].starts_with("ERROR:login_timeout "), "{lines:?}");
    let program = house.dial();
    program.far.send("{\n").await;
    let (lines, ended) = program.end().await;
    assert_eq!(ended, Ended::LoginTimeout);
    assert!(lines[2].starts_with(r#"{"type":"error","code":"login_timeout","#), "{lines:?}");
}

/// They had a tenth of `--slow`, which is about another kind of peer.
#[tokio::test(start_paused = true)]
async fn whoever_is_not_slow_has_a_second_for_the_last_words() {
    let house = House::with(&["--slow", "1s"]);
    let began = tokio::time::Instant::now();
    let deaf = house.dial();
    assert_eq!(deaf.ended.await.unwrap(), Ended::LoginTimeout);
    // The timer's own step is a millisecond.
    assert!((11_000..=11_002).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_byte_a_second_puts_nothing_off() {
    let house = House::new();
    let slow = house.dial();
    for second in 0..10 {
        assert!(!slow.ended.is_finished(), "{second} s are no reason to end it");
        slow.far.send("a").await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let (lines, ended) = slow.end().await;
    assert_eq!(ended, Ended::LoginTimeout, "{lines:?}");
}

#[tokio::test]
async fn another_protocol_is_known_and_the_peer_let_go() {
    let house = House::new();
    for (sent, protocol) in [
        (&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], Foreign::Tls),
        (b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", Foreign::Http),
        (b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", Foreign::Http),
        (b"SSH-2.0-OpenSSH_9.2\r\n", Foreign::Ssh),
    ] {
        let caller = house.dial_over("127.0.0.1:50000", 4096);
        caller.far.send(sent).await;
        let (lines, ended) = caller.end().await;
        assert_eq!((lines, ended), (vec!["USERNAME:".to_owned()], Ended::Foreign(protocol)));
    }
}

#[tokio::test]
async fn three_names_are_enough() {
    let house = House::new();
    let caller = house.dial();
    caller.far.send("-\n[x]\n\n").await;
    let (lines, ended) = caller.end().await;
    assert_eq!(ended, Ended::TooManyAttempts);
    let codes: Vec<&str> = lines.iter().map(|line| line.split(' ').next().unwrap()).collect();
    let wanted = [
        "USERNAME:",
        "ERROR:bad_name",
        "USERNAME:",
        "ERROR:bad_name",
        "USERNAME:",
        "ERROR:bad_name",
        "ERROR:too_many_attempts",
    ];
    assert_eq!(codes, wanted);
}

#[tokio::test]
async fn a_line_is_too_long() {
    let house = House::new();
    let alice = house.person("alice").await;
    alice.far.send(vec![b'x'; 4096]).await;
    let (lines, ended) = alice.end().await;
    assert_eq!(ended, Ended::LineTooLong);
    assert!(lines.len() == 1 && lines[0].starts_with("ERROR:line_too_long "), "{lines:?}");
}

#[tokio::test]
async fn the_server_goes_away() {
    let house = House::new();
    let (alice, nameless) = (house.person("alice").await, house.dial());
    assert_eq!(nameless.far.line().await, "USERNAME:");
    house.0.life.drain.begin();
    for caller in [alice, nameless] {
        assert_eq!(caller.end().await, (vec!["INFO:server is going away".to_owned()], Ended::Shutdown));
    }
}

/// They held it up for `--slow` and the last words.
#[tokio::test(start_paused = true)]
async fn whoever_reads_nothing_holds_the_end_up_for_two_seconds() {
    let house = House::new();
    let deaf = house.dial();
    deaf.far.send("{\"type\":\"hello\",\"user\":\"deaf\"}\n").await;
    house.metric_is("chat_slow_consumers", |slow| slow == 1.0).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let began = tokio::time::Instant::now();
    house.0.life.drain.begin();
    assert_eq!(deaf.ended.await.unwrap(), Ended::Shutdown);
    // A second for the answer and one for the good-bye; the timer's own step is a millisecond.
    assert!((2_000..=2_003).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
}

/// Held back by flood control, on a clock that only moves when everybody waits.
#[tokio::test(start_paused = true)]
async fn whoever_floods_ends_in_order_all_the_same() {
    let house = House::with(&["--trusted", "none", "--flood", "1:10"]);
    let stranger = house.dial_over("192.0.2.1:50000", PIPE);
    let began = tokio::time::Instant::now();
    let line = "{\"type\":\"direct\",\"to\":\"nobody\",\"text\":\"x\"}\n";
    stranger.far.send("{\"type\":\"hello\",\"user\":\"alice\"}\n").await;
    assert_eq!(stranger.far.line().await, "USERNAME:");
    assert!(stranger.far.line().await.contains("welcome"));
    for _ in 0..40 {
        stranger.far.send(line).await;
        assert!(stranger.far.line().await.contains("no_such_user"));
    }
    stranger.far.finish();
    assert_eq!(stranger.end().await, (vec![], Ended::Quit));
    assert!(began.elapsed().as_secs() >= 30, "{:?}", began.elapsed());
}
