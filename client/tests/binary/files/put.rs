//! Sending, against a server that the test plays.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpListener;

use crate::files::{HELLO, hash, large, path};
use crate::scripted::{expect, serve, signal, start};

#[test]
fn a_small_file_is_sent_at_once_and_compared() {
    let (at, playing) = serve(vec![
        |mut peer| {
            assert_eq!(peer.line(), "UPLOAD 5 a b.txt");
            assert_eq!(peer.bytes(5), HELLO);
            peer.say(format!("OK 5 {} a b.txt\n", hash(HELLO)));
        },
        |mut peer| {
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
        assert_eq!(peer.line(), "UPLOAD ? x");
        assert_eq!(peer.rest(), HELLO);
        peer.say(format!("OK 5 {} x\n", hash(HELLO)));
    }]);
    let (out, _) = expect(0, &["--file", &at, "--json", "put", "-", "--as", "x"], HELLO);
    playing.join().unwrap();
    let stored: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(stored, serde_json::json!({"name": "x", "size": 5, "hash": hash(HELLO)}));
}

/// The end of the stream would be the end of the file.
#[test]
fn a_pipe_that_is_not_sent_to_its_end_is_reset() {
    for name in ["INT", "KILL"] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap().to_string();
        let mut child = start(&["--file", &at, "put", "-", "--as", "x"]);
        child.stdin.as_ref().unwrap().write_all(HELLO).unwrap();
        let mut sent = [0; b"UPLOAD ? x\nhello".len()];
        let (mut stream, _) = listener.accept().unwrap();
        stream.read_exact(&mut sent).unwrap();
        signal(&child, name);
        let end = stream.read(&mut sent).map_err(|error| error.kind());
        assert_eq!(end, Err(ErrorKind::ConnectionReset), "{name}");
        child.wait().unwrap();
    }
}

#[test]
fn a_large_file_goes_on_where_it_was_cut() {
    let (at, playing) = serve(vec![
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
    let (at, playing) = serve(vec![|mut peer| {
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
