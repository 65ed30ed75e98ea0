//! Sending, against a server that the test plays.

use std::io::{ErrorKind, Write};
use std::net::TcpListener;

use crate::files::{HELLO, hash, large, nothing_there, path, there};
use crate::scripted::{Peer, expect, serve, signal, start};

#[test]
fn a_small_file_is_sent_at_once_and_compared() {
    let (at, playing) = serve(vec![
        |mut peer| {
            nothing_there(&mut peer, "a b.txt");
            assert_eq!(peer.line(), "UPLOAD 5 a b.txt");
            assert_eq!(peer.bytes(5), HELLO);
            peer.say(format!("OK 5 {} a b.txt\n", hash(HELLO)));
        },
        |mut peer| {
            nothing_there(&mut peer, "notes/x");
            assert_eq!(peer.line(), "UPLOAD 5 notes/x");
            peer.bytes(5);
            peer.say(format!("OK 5 {} notes/x\n", hash(b"other")));
        },
    ]);
    let folder = tempfile::tempdir().unwrap();
    let file = path(&folder, "a b.txt");
    std::fs::write(&file, HELLO).unwrap();
    let (out, _) = expect(0, &["--file", &at, "put", &file], b"");
    assert_eq!(out, format!("stored a b.txt, 5 B, blake3 {}\n", hash(HELLO)));
    let (_, err) = expect(5, &["--file", &at, "put", &file, "--as", "notes/x"], b"");
    assert!(err.contains("arrived damaged"), "{err}");
    playing.join().unwrap();
}

#[test]
fn a_pipe_is_sent_to_its_end() {
    let (at, playing) = serve(vec![|mut peer| {
        nothing_there(&mut peer, "x");
        assert_eq!(peer.line(), "UPLOAD ? x");
        assert_eq!(peer.rest(), HELLO);
        peer.say(format!("OK 5 {} x\n", hash(HELLO)));
    }]);
    let (out, _) = expect(0, &["--file", &at, "--json", "put", "-", "--as", "x"], HELLO);
    playing.join().unwrap();
    let stored: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(stored, serde_json::json!({"result": "stored", "name": "x", "size": 5, "hash": hash(HELLO)}));
}

/// The end of the stream would be the end of the file.
#[test]
fn a_pipe_that_is_not_sent_to_its_end_is_reset() {
    for name in ["INT", "KILL"] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap().to_string();
        let mut child = start(&["--file", &at, "put", "-", "--as", "x"]);
        child.stdin.as_ref().unwrap().write_all(HELLO).unwrap();
        let mut peer = Peer::of(listener.accept().unwrap().0);
        nothing_there(&mut peer, "x");
        peer.bytes(b"UPLOAD ? x\nhello".len());
        signal(&child, name);
        assert_eq!(peer.end().map_err(|error| error.kind()), Err(ErrorKind::ConnectionReset), "{name}");
        child.wait().unwrap();
    }
}

#[test]
fn a_large_file_goes_on_where_it_was_cut() {
    let (at, playing) = serve(vec![
        |mut peer| nothing_there(&mut peer, "big"),
        |mut peer| {
            assert_eq!(peer.line(), format!("RESUME 3000000 {} big", hash(&large())));
            peer.say("CONTINUE 0\n");
            assert_eq!(peer.bytes(1_000_000), large()[..1_000_000]);
            peer.close();
        },
        |mut peer| {
            peer.line();
            peer.say("CONTINUE 900000\n");
            assert_eq!(peer.bytes(2_100_000), large()[900_000..]);
            peer.say(format!("OK 3000000 {} big\n", hash(&large())));
        },
    ]);
    let folder = tempfile::tempdir().unwrap();
    let file = path(&folder, "big");
    std::fs::write(&file, large()).unwrap();
    let (out, err) = expect(0, &["--file", &at, "put", &file], b"");
    playing.join().unwrap();
    assert!(out.starts_with("stored big, "), "{out}");
    assert!(err.contains("going on from there"), "{err}");
}

#[test]
fn a_service_that_says_nothing_is_not_waited_for() {
    let (at, playing) = serve(vec![|mut peer| nothing_there(&mut peer, "big"), |mut peer| {
        assert!(peer.line().starts_with("RESUME 3000000 "));
        peer.rest();
    }]);
    let folder = tempfile::tempdir().unwrap();
    let file = path(&folder, "big");
    std::fs::write(&file, large()).unwrap();
    let (_, err) = expect(3, &["--file", &at, "--timeout", "100ms", "put", &file], b"");
    assert!(err.contains("within 100ms"), "{err}");
    playing.join().unwrap();
}

#[test]
fn a_refusal_in_front_of_a_body_is_heard() {
    let (at, playing) = serve(vec![|mut peer| {
        nothing_there(&mut peer, "a");
        peer.line();
        peer.say("ERROR:too_large at most 1 KiB\n");
        peer.rest();
    }]);
    let folder = tempfile::tempdir().unwrap();
    let file = path(&folder, "a");
    std::fs::write(&file, vec![0; 1_000_000]).unwrap();
    let (_, err) = expect(1, &["--file", &at, "put", &file], b"");
    assert_eq!(err, "client: at most 1 KiB (too_large)\n");
    playing.join().unwrap();
}

/// Plays a service where another file has the name `a`, and the new one takes its place.
fn gives_way(mut peer: Peer) {
    there(&mut peer, "a", b"other");
    assert!(peer.line().ends_with(" a"));
    assert_eq!(peer.bytes(5), HELLO);
    peer.say(format!("OK 5 {} a\n", hash(HELLO)));
}

#[test]
fn what_is_replaced_is_told() {
    let ends = |mut peer: Peer| {
        there(&mut peer, "a", b"other");
        assert_eq!(peer.line(), "UPLOAD ? a");
        assert_eq!(peer.rest(), HELLO);
        peer.say(format!("OK 5 {} a\n", hash(HELLO)));
    };
    let (at, playing) = serve(vec![gives_way, gives_way, ends]);
    let folder = tempfile::tempdir().unwrap();
    let file = path(&folder, "a");
    std::fs::write(&file, HELLO).unwrap();
    let (out, _) = expect(0, &["--file", &at, "put", &file], b"");
    assert_eq!(out, format!("replaced a, 5 B, blake3 {}\n", hash(HELLO)));
    let (out, _) = expect(0, &["--file", &at, "--json", "put", &file], b"");
    let done: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(done["result"], "replaced");
    let (out, _) = expect(0, &["--file", &at, "put", "-", "--as", "a"], HELLO);
    assert!(out.starts_with("replaced a, "), "{out}");
    playing.join().unwrap();
}

#[test]
fn a_large_file_that_is_replaced_is_told_too() {
    let (at, playing) = serve(vec![|mut peer| there(&mut peer, "big", HELLO), |mut peer| {
        peer.line();
        peer.say("CONTINUE 0\n");
        peer.bytes(3_000_000);
        peer.say(format!("OK 3000000 {} big\n", hash(&large())));
    }]);
    let folder = tempfile::tempdir().unwrap();
    let file = path(&folder, "big");
    std::fs::write(&file, large()).unwrap();
    let (out, _) = expect(0, &["--file", &at, "put", &file], b"");
    playing.join().unwrap();
    assert!(out.starts_with("replaced big, "), "{out}");
}

/// A file that is being changed, or whose disk can't be read.
#[test]
fn what_the_service_can_not_tell_of_stops_only_whoever_would_keep_it() {
    fn does_not_know(peer: &mut Peer) {
        assert_eq!(peer.line(), "STAT a");
        peer.say("ERROR:unavailable the file is being changed, try again later\n");
    }
    let replaced = |mut peer: Peer| {
        does_not_know(&mut peer);
        assert_eq!(peer.line(), "UPLOAD 5 a");
        peer.bytes(5);
        peer.say(format!("OK 5 {} a\n", hash(HELLO)));
    };
    let kept = |mut peer: Peer| {
        does_not_know(&mut peer);
        assert_eq!(peer.rest(), b"", "nothing is sent");
    };
    let (at, playing) = serve(vec![replaced, kept]);
    let folder = tempfile::tempdir().unwrap();
    let file = path(&folder, "a");
    std::fs::write(&file, HELLO).unwrap();
    expect(0, &["--file", &at, "put", &file], b"");
    let (_, err) = expect(1, &["--file", &at, "put", "-n", &file], b"");
    assert!(err.contains("being changed"), "{err}");
    playing.join().unwrap();
}

#[test]
fn with_no_clobber_what_is_there_is_kept() {
    let other = |mut peer: Peer| {
        there(&mut peer, "a", b"other");
        assert_ne!(peer.end().ok(), Some(1), "nothing is sent");
    };
    let free = |mut peer: Peer| {
        nothing_there(&mut peer, "b");
        assert_eq!(peer.line(), "UPLOAD 5 b");
        peer.bytes(5);
        peer.say(format!("OK 5 {} b\n", hash(HELLO)));
    };
    let (at, playing) = serve(vec![other, other, other, free]);
    let folder = tempfile::tempdir().unwrap();
    let [a, b] = ["a", "b"].map(|name| path(&folder, name));
    std::fs::write(&a, HELLO).unwrap();
    std::fs::write(&b, HELLO).unwrap();
    let (_, err) = expect(7, &["--file", &at, "put", "-n", &a], b"");
    let taken =
        "client: a is there already, and --no-clobber keeps it; --as sends this one under another name\n";
    assert_eq!(err, taken);
    let (_, err) = expect(7, &["--file", &at, "--json", "put", "--no-clobber", "-", "--as", "a"], HELLO);
    let failure: serde_json::Value = serde_json::from_str(&err).unwrap();
    assert_eq!(failure["code"], "taken");
    let (out, err) = expect(7, &["--file", &at, "put", "-n", "--jobs", "1", &a, &b], b"");
    assert!(out.starts_with("stored b, "), "one that is kept stops no other: {out}");
    assert_eq!(err, format!("{taken}client: 1 of 2 files failed\n"));
    playing.join().unwrap();
}

#[test]
fn what_is_there_already_is_not_sent_again() {
    let (at, playing) = serve(vec![
        |mut peer| there(&mut peer, "a", HELLO),
        |mut peer| there(&mut peer, "a", HELLO),
        |mut peer| there(&mut peer, "a", &large()),
    ]);
    let folder = tempfile::tempdir().unwrap();
    let file = path(&folder, "a");
    std::fs::write(&file, HELLO).unwrap();
    for how in [&[][..], &["--no-clobber"]] {
        let (out, _) = expect(0, &[&["--file", &at, "put", &file], how].concat(), b"");
        assert_eq!(out, format!("unchanged a, 5 B, blake3 {}\n", hash(HELLO)));
    }
    std::fs::write(&file, large()).unwrap();
    let (out, _) = expect(0, &["--file", &at, "put", &file], b"");
    assert!(out.starts_with("unchanged a, "), "{out}");
    playing.join().unwrap();
}
