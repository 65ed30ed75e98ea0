//! Servers that send garbage, half lines and endless ones, and clocks that are wrong.

use crate::scripted::{expect, serve};
use crate::terminal::Terminal;

const MIB: usize = 1024 * 1024;

#[test]
fn what_is_no_chat_server_is_told() {
    let (at, playing) = serve(vec![
        |mut peer| {
            peer.say("HTTP/1.1 400 Bad Request\r\n\r\n");
            peer.close();
        },
        |mut peer| {
            peer.say(vec![0xff; 4096]);
            peer.close();
        },
        |mut peer| {
            // No line at all, as long as the client takes it.
            let chunk = vec![b'x'; MIB];
            (0..32).for_each(|_| peer.say(&chunk));
        },
    ]);
    for _ in 0..3 {
        let (_, err) = expect(4, &["--chat", &at, "chat"], b"hello\n");
        assert!(err.contains(&format!("the connection to {at} was lost before the chat began")), "{err}");
    }
    playing.join().unwrap();
}

#[test]
fn a_chat_goes_on_after_garbage_half_lines_and_huge_ones() {
    let (at, playing) = serve(vec![
        |mut peer| {
            peer.welcome(0);
            peer.say(b"\xff\xfe\x00garbage\n{\"type\":\"no such thing\"}\n{not json}\n[]\n\n");
            peer.message(1, "bob", &"x".repeat(10 * MIB));
            peer.message(2, "bob", "after it");
            peer.said();
            peer.say("{\"type\":\"message\",\"room\":\"lobby\",\"id\":3,\"fr");
            peer.close();
        },
        |mut peer| {
            let hello = peer.welcome(3);
            assert_eq!(hello["rooms"], serde_json::json!([{"room": "lobby", "since": 2}]));
            peer.message(3, "bob", "whole");
            let said = peer.said();
            peer.ack(&said, 4);
        },
    ]);
    let (out, err) = expect(0, &["--chat", &at, "chat"], b"hello\n");
    playing.join().unwrap();
    assert!(out.len() > 10 * MIB && out.lines().any(|line| line.ends_with("[bob] after it")));
    assert_eq!(out.lines().filter(|line| line.ends_with("[bob] whole")).count(), 1);
    assert!(err.contains("connected again"), "{err}");
}

#[test]
fn a_screen_stays_in_use_whatever_comes() {
    let (at, playing) = serve(vec![|mut peer| {
        peer.welcome(3);
        peer.say(b"\xff\xfe\x00garbage\n{\"type\":\"no such thing\"}\n");
        peer.message(1, "bob", &"x".repeat(10 * MIB));
        peer.message(2, "bob", "\u{1b}]0;title\u{7}\u{1b}[?1049l\u{9b}31m");
        let said = peer.said();
        assert_eq!(said["text"], "still here");
        peer.ack(&said, 3);
        // A clock that is a day ahead.
        peer.say("{\"type\":\"message\",\"room\":\"lobby\",\"id\":4,\"from\":\"bob\",\"text\":\"tomorrow\",\"at\":\"2099-01-01T00:00:00Z\"}\n");
        peer.rest();
    }]);
    let gone = crate::scripted::nobody();
    let args = ["--chat", &at, "--info", &gone, "--timeout", "10m", "chat"];
    let Some(terminal) = Terminal::open(&args, 80, 12) else { return };
    terminal.shows("<bob> \\u{1b}]0;title\\u{7}");
    assert!(terminal.is_alternate());
    terminal.types("still here");
    terminal.press(&["Enter"]);
    let screen =
        terminal.until(|screen| screen.contains("<alice> still here") && screen.contains("tomorrow"));
    assert!(screen.contains("2099-01-01"), "the day is told: {screen}");
    terminal.press(&["C-d"]);
    terminal.shows("exit 0");
    playing.join().unwrap();
}
