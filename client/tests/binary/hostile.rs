//! Servers that send garbage, half lines and endless ones, and clocks that are wrong.

use crate::scripted::{expect, serve};
use crate::terminal;

const MIB: usize = 1024 * 1024;

#[test]
fn what_is_no_chat_server_is_told() {
    let (at, playing) = serve(vec![
        |mut peer| {
            peer.say("HTTP/1.1 400 \u{1b}[31mBad Request\r\n\r\n");
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
    let stranger = format!("client: {at} does not speak as the chat service does: it");
    for (exit, words) in [
        (3, format!("{stranger} says `HTTP/1.1 400 \\u{{1b}}[31mBad Request`")),
        (4, format!("client: the connection to {at} was lost before the chat began")),
        (3, format!("{stranger} sends a line that does not end")),
    ] {
        let (_, err) = expect(exit, &["--chat", &at, "chat"], b"hello\n");
        assert_eq!(err.trim_end(), words);
    }
    playing.join().unwrap();
}

#[test]
fn a_line_that_never_ends_is_told_and_the_chat_goes_on_behind_it() {
    let (at, playing) = serve(vec![
        |mut peer| {
            peer.welcome(0);
            peer.message(1, "bob", "before it");
            peer.said();
            let chunk = vec![b'x'; MIB];
            (0..32).for_each(|_| peer.say(&chunk));
        },
        |mut peer| {
            peer.welcome(1);
            let said = peer.said();
            peer.ack(&said, 2);
        },
    ]);
    let (out, err) = expect(0, &["--chat", &at, "chat"], b"hello\n");
    playing.join().unwrap();
    assert!(out.contains("[bob] before it"), "{out}");
    let told: Vec<&str> = err.lines().collect();
    assert_eq!(
        told,
        [
            "-- the server sends a line that does not end; the connection is given up",
            "-- the connection is lost; trying again until it is back",
            "-- connected again"
        ]
    );
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
    assert!(out.contains("xxx… (10.00 MiB in all)\n") && out.len() < MIB, "nobody reads all of it");
    assert!(out.lines().any(|line| line.ends_with("[bob] after it")));
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
    let Some(terminal) = terminal::open(&args, 80, 12) else { return };
    terminal.shows("<bob> \\u{1b}]0;title\\u{7}");
    assert!(terminal.is_alternate());
    terminal.types("still here");
    terminal.press(&["Enter"]);
    let screen =
        terminal.until(|screen| screen.contains("<alice> still here") && screen.contains("tomorrow"));
    assert!(screen.contains("2099-01-01"), "the day is told: {screen}");
    assert!(screen.contains("-- the server's clock is"), "{screen}");
    terminal.press(&["C-d"]);
    terminal.shows("exit 0");
    playing.join().unwrap();
}

#[test]
fn what_is_no_file_service_is_told_and_nothing_is_left_of_it() {
    let (at, playing) = serve(vec![
        |mut peer| {
            let chunk = vec![b'x'; MIB];
            (0..10).for_each(|_| peer.say(&chunk));
        },
        |mut peer| {
            peer.line();
            peer.say(b"FILE 5 \xff\xfe\n");
        },
        |mut peer| {
            peer.line();
            peer.say("FILE 5 ea8f163db386");
            peer.close();
        },
        |mut peer| {
            peer.line();
            peer.say("FILE -5 ea8f163db38682925e4491c5e58d4bb3506ef8c14eb78a86e908c5624a67200f a\n");
        },
    ]);
    let folder = tempfile::tempdir().unwrap();
    let get = ["--file", &at, "get", "a", "--to", folder.path().to_str().unwrap()];
    let stranger = format!("client: {at} does not speak as the file service does: ");
    for (exit, words) in [
        (3, format!("{stranger}a line does not end")),
        (3, format!("{stranger}a line is not UTF-8")),
        (4, format!("client: the connection to {at} was lost before it answered")),
        (3, stranger.clone()),
    ] {
        let (_, err) = expect(exit, &get, b"");
        assert!(err.starts_with(&words), "{err}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
    playing.join().unwrap();
}

#[test]
fn a_list_that_ends_too_early_is_told() {
    let (at, playing) = serve(vec![|mut peer| {
        peer.line();
        peer.say("LIST 18446744073709551615\n");
        peer.close();
    }]);
    let (out, err) = expect(4, &["--file", &at, "ls"], b"");
    playing.join().unwrap();
    assert!(out.is_empty() && err.contains("was lost before it answered"), "{err}");
}

#[test]
fn ten_by_three_is_enough_for_the_menu() {
    let gone = crate::scripted::nobody();
    let Some(terminal) = terminal::open(&["--chat", &gone, "--info", &gone, "--file", &gone], 10, 3) else {
        return;
    };
    terminal.until(|screen| screen.replace('\n', "").contains("your choice"));
    terminal.press(&["q", "Enter"]);
    terminal.shows("exit 0");
}
