//! `client chat` and `client say` against a server that the test plays.

use std::io::{BufRead, BufReader};

use crate::scripted::{AT, Peer, expect, interrupt, nobody, serve, start};

#[test]
fn a_pipe_says_its_lines_waits_for_their_acks_and_leaves() {
    let (at, playing) = serve(vec![|mut peer| {
        let hello = peer.welcome(0);
        assert_eq!(hello["rooms"], serde_json::json!([{"room": "lobby", "last": 20}]));
        let said: Vec<_> = (0..2).map(|_| peer.object()).collect();
        assert_eq!((said[0]["text"].as_str(), said[1]["text"].as_str()), (Some("one"), Some("two")));
        peer.message(1, "bob", "\u{1b}[2Jhello\u{9b}");
        said.iter().zip(2..).for_each(|(said, id)| peer.ack(said, id));
        assert_eq!(peer.rest(), b"");
    }]);
    let (out, err) = expect(0, &["--chat", &at, "chat"], b"one\n\ntwo\n");
    playing.join().unwrap();
    assert!(out.contains("-- you are alice"), "{out}");
    assert!(out.contains("-- lobby: bob is here"), "{out}");
    assert!(out.contains("[bob] \\u{1b}[2Jhello\\u{9b}\n"), "{out}");
    assert_eq!(err, "");
}

#[test]
fn objects_for_programs() {
    let (at, playing) = serve(vec![|mut peer| {
        peer.welcome(0);
        peer.message(1, "bob", "a\u{9b}");
        let said = peer.object();
        peer.ack(&said, 2);
    }]);
    let (out, _) = expect(0, &["--chat", &at, "--json", "chat"], b"one\n");
    playing.join().unwrap();
    let kinds: Vec<String> = out
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["type"].to_string())
        .collect();
    assert_eq!(kinds, ["\"welcome\"", "\"room\"", "\"message\"", "\"ack\""]);
    assert!(out.contains("a\\u009b"), "{out}");
}

#[test]
fn a_lost_connection_is_made_again_and_nothing_is_said_or_shown_twice() {
    let (at, playing) = serve(vec![
        |mut peer| {
            peer.welcome(0);
            peer.message(1, "bob", "first");
            let said = peer.object();
            assert_eq!(said["text"], "kept, but its ack is lost");
            peer.close();
        },
        |mut peer| {
            let hello = peer.welcome(2);
            assert_eq!(hello["rooms"], serde_json::json!([{"room": "lobby", "since": 1}]));
            peer.message(2, "alice", "kept, but its ack is lost");
            peer.message(3, "bob", "second");
            let said = peer.object();
            assert_eq!(said["text"], "kept, but its ack is lost");
            peer.ack(&said, 2);
        },
    ]);
    let (out, err) = expect(0, &["--chat", &at, "chat"], b"kept, but its ack is lost\n");
    playing.join().unwrap();
    let said: Vec<&str> = out.lines().filter_map(|line| line.split_once('[')).map(|(_, said)| said).collect();
    assert_eq!(said, ["bob] first", "bob] second"]);
    assert!(err.contains("connection is lost") && err.contains("connected again"), "{err}");
}

#[test]
fn refused_lines_are_told_and_counted() {
    let (at, playing) = serve(vec![|mut peer| {
        peer.welcome(0);
        let said = peer.object();
        let key = &said["ref"];
        peer.say(format!(
            "{{\"type\":\"error\",\"ref\":{key},\"code\":\"no_space\",\"message\":\"the disk is full\"}}\n"
        ));
    }]);
    let (_, err) = expect(1, &["--chat", &at, "chat"], b"one\n/nonsense\n");
    playing.join().unwrap();
    assert!(err.contains("-- the disk is full (no_space)"), "{err}");
    assert!(err.contains("-- there is no /nonsense; see /help (unknown_command)"), "{err}");
    assert!(err.contains("client: 2 lines were refused"), "{err}");
}

#[test]
fn say_is_quiet_and_tells_when_it_was_refused() {
    let (at, playing) = serve(vec![
        |mut peer| {
            assert_eq!(peer.welcome(7)["rooms"], serde_json::json!([{"room": "lobby"}]));
            let said = peer.object();
            assert_eq!(said["text"], "lunch is ready");
            peer.ack(&said, 8);
        },
        |mut peer| {
            peer.welcome(7);
            let said = peer.object();
            peer.ack(&said, 9);
        },
        |mut peer| {
            peer.welcome(7);
            let said = peer.object();
            let key = &said["ref"];
            peer.say(format!("{{\"type\":\"error\",\"ref\":{key},\"code\":\"no_space\",\"message\":\"the disk is full\"}}\n"));
        },
    ]);
    let words = ["--chat", &at, "say", "lobby", "lunch", "is", "ready"];
    assert_eq!(expect(0, &words, b""), (String::new(), String::new()));
    let (out, _) = expect(0, &["--chat", &at, "--json", "say", "lobby", "x"], b"");
    let ack: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&ack["type"], &ack["id"], &ack["at"]), (&"ack".into(), &9.into(), &AT.into()));
    let (_, err) = expect(1, &words, b"");
    assert_eq!(err, "client: the disk is full (no_space)\n");
    playing.join().unwrap();
}

#[test]
fn a_name_that_was_asked_for_and_is_taken_is_told() {
    let refuse = |mut peer: crate::scripted::Peer| {
        peer.say("USERNAME:\n");
        peer.line();
        peer.say("{\"type\":\"error\",\"code\":\"name_taken\",\"message\":\"taken\"}\n");
        peer.rest();
    };
    let (at, playing) = serve(vec![refuse]);
    let (_, err) = expect(1, &["--chat", &at, "--user", "carol", "chat"], b"");
    playing.join().unwrap();
    assert!(err.contains("somebody is called carol already; choose another with --user NAME"), "{err}");
}

#[test]
fn a_server_that_is_missing_silent_or_full_is_told_apart() {
    let address = nobody();
    let (_, err) = expect(3, &["--chat", &address, "chat"], b"");
    let wanted = format!(
        "client: nothing listens on {address}; start it with `docker compose up` or `cargo run --release`"
    );
    assert!(err.starts_with(&wanted), "{err}");

    let (at, playing) = serve(vec![
        |mut peer| drop(peer.rest()),
        |mut peer| peer.say("ERROR:too_many_connections the server is full\n"),
        |peer| peer.close(),
    ]);
    let (_, err) = expect(3, &["--chat", &at, "--timeout", "100ms", "chat"], b"");
    assert!(err.contains("no answer from"), "{err}");
    let (_, err) = expect(1, &["--chat", &at, "chat"], b"");
    assert_eq!(err, "client: the server is full (too_many_connections)\n");
    expect(4, &["--chat", &at, "chat"], b"");
    playing.join().unwrap();
}

#[test]
fn a_tail_goes_on_where_it_was_told_and_where_it_was_cut() {
    let (at, playing) = serve(vec![
        |mut peer| {
            assert_eq!(peer.welcome(8)["rooms"], serde_json::json!([{"room": "lobby", "since": 6}]));
            peer.message(7, "bob", "seven");
            peer.message(8, "bob", "eight");
            peer.close();
        },
        |mut peer| {
            assert_eq!(peer.welcome(9)["rooms"], serde_json::json!([{"room": "lobby", "since": 8}]));
            peer.message(9, "bob", "nine");
            peer.rest();
        },
    ]);
    let mut child = start(&["--chat", &at, "--json", "tail", "lobby", "--since", "6"]);
    let objects: Vec<serde_json::Value> = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .take(3)
        .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
        .collect();
    let said: Vec<_> =
        objects.iter().map(|object| (object["id"].as_u64(), object["text"].as_str())).collect();
    assert_eq!(said, [(Some(7), Some("seven")), (Some(8), Some("eight")), (Some(9), Some("nine"))]);
    interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    playing.join().unwrap();
}

/// Answers a request for history that says `wanted` with messages of these ids.
fn page(peer: &mut Peer, wanted: &str, ids: std::ops::Range<u64>) -> serde_json::Value {
    let asked = peer.object();
    assert_eq!((&asked["type"], asked[wanted].is_null()), (&"history".into(), false), "{asked}");
    let message = |id| serde_json::json!({"room": "lobby", "id": id, "from": "bob", "text": format!("line {id}"), "at": AT});
    let messages: Vec<_> = ids.map(message).collect();
    let page =
        serde_json::json!({"type": "history", "ref": asked["ref"], "room": "lobby", "messages": messages});
    peer.say(format!("{page}\n"));
    asked
}

#[test]
fn a_tail_that_does_not_follow_ends_with_the_newest() {
    let (at, playing) = serve(vec![
        |mut peer| {
            peer.welcome(8);
            assert_eq!(page(&mut peer, "after", 7..9)["after"], 6);
            assert_eq!(page(&mut peer, "after", 9..9)["after"], 8);
            peer.rest();
        },
        |mut peer| {
            peer.welcome(2000);
            assert_eq!(page(&mut peer, "limit", 1001..2001)["limit"], 1000);
            let asked = page(&mut peer, "before", 801..1001);
            assert_eq!((&asked["before"], &asked["limit"]), (&1001.into(), &200.into()));
            peer.rest();
        },
    ]);
    let (out, _) = expect(0, &["--chat", &at, "--json", "tail", "lobby", "--since", "6", "--no-follow"], b"");
    let ids: Vec<_> =
        out.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()).collect();
    assert_eq!(ids.iter().map(|one| one["id"].as_u64().unwrap()).collect::<Vec<_>>(), [7, 8]);
    let (out, _) = expect(0, &["--chat", &at, "tail", "lobby", "-n", "1200", "--no-follow"], b"");
    let said: Vec<&str> =
        out.lines().filter_map(|line| line.split_once("[bob] ")).map(|(_, said)| said).collect();
    let wanted: Vec<String> = (801..2001).map(|id| format!("line {id}")).collect();
    assert_eq!(said, wanted);
    playing.join().unwrap();
}
