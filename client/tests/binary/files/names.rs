//! What is meant by a name, and what is there under it.

use std::path::Path;

use crate::files::{HELLO, hash, path};
use crate::scripted::{AT, Peer, expect, nobody, serve};

#[test]
fn names_that_drive_a_terminal_are_never_printed() {
    let name = "a\u{1b}]0;title\u{7}\u{9b}31mb";
    let (at, playing) = serve(vec![
        |mut peer| {
            peer.line();
            peer.say(format!("LIST 1\n5 {} {AT} a\u{1b}]0;title\u{7}\u{9b}31mb\n", hash(HELLO)));
        },
        |mut peer| {
            peer.line();
            peer.say(format!("FILE 5 {} a\u{1b}]0;title\u{7}\u{9b}31mb\nhello", hash(HELLO)));
        },
        |mut peer| {
            peer.line();
            peer.say("ERROR:no\u{1b}[31m such\u{9b}31m luck\r\n");
        },
        |mut peer| {
            peer.line();
            peer.say("NONSENSE \u{1b}[31m\u{9b}31m\n");
        },
    ]);
    let folder = tempfile::tempdir().unwrap();
    let file = path(&folder, name);
    std::fs::write(&file, HELLO).unwrap();
    let to = folder.path().to_str().unwrap();
    for (exit, args) in [
        (3, &["ls", "-l"][..]),
        (3, &["get", "a", "--to", to]),
        (1, &["put", &file, "--as", "a"]),
        (3, &["stat", "a"]),
        (2, &["put", &file]),
        (2, &["get", name]),
    ] {
        let (out, err) = expect(exit, &[&["--file", &at], args].concat(), b"");
        assert!(!(out + &err).chars().any(|c| c.is_control() && c != '\n'), "{args:?} {err:?}");
    }
    playing.join().unwrap();
}

#[test]
fn patterns_choose_and_nothing_is_overwritten_unasked() {
    let list = |mut peer: crate::scripted::Peer| {
        assert_eq!(peer.line(), "LIST notes/");
        let rows = ["notes/a.md", "notes/b.txt", "notes/deep/c.txt"]
            .map(|name| format!("5 {} {AT} {name}\n", hash(HELLO)));
        peer.say(format!("LIST 3\n{}", rows.concat()));
    };
    let (at, playing) = serve(vec![list, list, list, |mut peer| {
        assert_eq!(peer.line(), "DELETE notes/b.txt");
        peer.say("OK deleted notes/b.txt\n");
    }]);
    let folder = tempfile::tempdir().unwrap();
    let here = path(&folder, "b.txt");
    std::fs::write(&here, "mine").unwrap();
    assert_eq!(expect(0, &["--file", &at, "ls", "notes/*.txt"], b"").0, "notes/b.txt\n");
    let to = folder.path().to_str().unwrap();
    let (_, err) = expect(2, &["--file", &at, "get", "notes/*.txt", "--to", to], b"");
    assert!(err.contains("is there already; --force replaces it"), "{err}");
    assert_eq!(std::fs::read(&here).unwrap(), b"mine");
    assert_eq!(expect(0, &["--file", &at, "rm", "notes/*.txt"], b"").0, "deleted notes/b.txt\n");
    playing.join().unwrap();
}

/// Some would not even do as a pattern.
#[test]
fn a_name_that_looks_like_a_pattern_is_a_name() {
    fn lists(mut peer: Peer) {
        assert_eq!(peer.line(), "LIST a");
        let rows = ["a1", "a[1", "a[1]"].map(|name| format!("5 {} {AT} {name}\n", hash(HELLO)));
        peer.say(format!("LIST 3\n{}", rows.concat()));
    }
    fn sends(mut peer: Peer) {
        let name = peer.line().strip_prefix("DOWNLOAD ").unwrap().to_owned();
        peer.say(format!("FILE 5 {} {name}\nhello", hash(HELLO)));
    }
    for name in ["a[1]", "a[1"] {
        let (at, playing) = serve(vec![lists, sends]);
        let folder = tempfile::tempdir().unwrap();
        let to = path(&folder, "b");
        expect(0, &["--file", &at, "get", name, "--to", &to], b"");
        playing.join().unwrap();
        assert_eq!(std::fs::read(to).unwrap(), HELLO);
    }
}

#[test]
fn what_makes_no_sense_is_told_before_anybody_is_asked() {
    let at = nobody();
    for (args, words) in [
        (vec!["put", "/no/such/file"], "/no/such/file"),
        (vec!["put", "-"], "--as NAME"),
        (vec!["put", "a", "b", "--as", "c"], "--as names one file"),
        (vec!["put", "/"], "--as NAME"),
        (vec!["put", "/etc", "--as", "x"], "is no file"),
        (vec!["get", "x", "--to", "/dev/null", "--force"], "/dev/null is no file"),
        (vec!["get", "x", "--to", "nowhere/"], "client: there is no folder nowhere/\n"),
        (vec!["get", "x", "--to", "nowhere/x"], "client: there is no folder nowhere\n"),
        (vec!["put", ".x"], "begins with a dot; another is --as NAME\n"),
        (vec!["put", "x", "--as", "../x"], "no part of a name is . or ..\n"),
        (vec!["get", "../x"], "no part of a name is . or ..\n"),
        (vec!["rm", "/etc/passwd"], "does not begin with a slash"),
    ] {
        let args: Vec<&str> = ["--file", &at].into_iter().chain(args).collect();
        let (_, err) = expect(2, &args, b"");
        assert!(err.contains(words), "{err}");
    }
    assert!(!Path::new("x").exists());
}

#[test]
fn files_are_listed_shown_and_deleted() {
    let (at, playing) = serve(vec![
        |mut peer| {
            assert_eq!(peer.line(), "LIST");
            peer.say(format!("LIST 2\n5 {0} {AT} a\n2048 {0} {AT} b c\n", hash(HELLO)));
        },
        |mut peer| {
            assert_eq!(peer.line(), "LIST b");
            peer.say(format!("LIST 1\n2048 {} {AT} b c\n", hash(HELLO)));
        },
        |mut peer| {
            assert_eq!(peer.line(), "STAT a");
            peer.say(format!("STAT 5 {} {AT} a\n", hash(HELLO)));
        },
        |mut peer| {
            assert_eq!(peer.line(), "DELETE a");
            peer.say("OK deleted a\n");
        },
        |mut peer| {
            peer.line();
            peer.say("HTTP/1.1 400 Bad Request\n");
        },
        |mut peer| peer.say("INFO:server is going away\n"),
    ]);
    assert_eq!(expect(0, &["--file", &at, "ls"], b"").0, "a\nb c\n");
    let (long, _) = expect(0, &["--file", &at, "ls", "b", "-l"], b"");
    assert_eq!(long, "    2.00 KiB  2026-11-22 08:30  b c\n");
    let (stat, _) = expect(0, &["--file", &at, "--json", "stat", "a"], b"");
    let stat: serde_json::Value = serde_json::from_str(&stat).unwrap();
    assert_eq!(stat, serde_json::json!({"name": "a", "size": 5, "hash": hash(HELLO), "modified": AT}));
    assert_eq!(expect(0, &["--file", &at, "rm", "a"], b"").0, "deleted a\n");
    let (_, err) = expect(3, &["--file", &at, "ls"], b"");
    assert!(err.contains("does not speak as the file service does"), "{err}");
    let (_, err) = expect(4, &["--file", &at, "ls"], b"");
    assert!(err.contains("was lost before it answered: server is going away"), "{err}");
    playing.join().unwrap();
}
