//! `put`, `get`, `ls`, `rm` and `stat` against a server that the test plays.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpListener;
use std::path::Path;

use crate::scripted::{AT, client, expect, nobody, serve, signal, start};

const HELLO: &[u8] = b"hello";

pub(crate) fn hash(bytes: &[u8]) -> String {
    // What the service would say; the digest of `hello` is written out so that not both sides can be wrong.
    match bytes {
        HELLO => "ea8f163db38682925e4491c5e58d4bb3506ef8c14eb78a86e908c5624a67200f".into(),
        other => blake3::hash(other).to_string(),
    }
}

pub(crate) fn path(folder: &tempfile::TempDir, name: &str) -> String {
    folder.path().join(name).to_str().unwrap().to_owned()
}

/// More than what is sent at once, and not the same anywhere.
pub(crate) fn large() -> Vec<u8> {
    (0..3_000_000u32).flat_map(|n| (n.wrapping_mul(2_654_435_761)).to_le_bytes()).take(3_000_000).collect()
}

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

#[test]
fn a_file_lands_whole_or_not_at_all() {
    let (at, playing) = serve(vec![
        |mut peer| {
            assert_eq!(peer.line(), "DOWNLOAD a");
            peer.say(format!("FILE 5 {} a\nhello", hash(HELLO)));
        },
        |mut peer| {
            peer.line();
            peer.say(format!("FILE 5 {} a\nhellO", hash(HELLO)));
        },
        |mut peer| {
            peer.line();
            peer.say(format!("FILE 5 {} a\n", hash(HELLO)));
            peer.close();
        },
        |mut peer| {
            peer.line();
            peer.say("ERROR:not_found there is no such file\n");
        },
    ]);
    let folder = tempfile::tempdir().unwrap();
    let to = path(&folder, "a");
    let get = ["--file", &at, "get", "a", "--to", folder.path().to_str().unwrap()];
    let (out, _) = expect(0, &get, b"");
    assert_eq!(out, format!("fetched {to}, 5 B, blake3 {} verified\n", hash(HELLO)));
    assert_eq!(std::fs::read(&to).unwrap(), HELLO);

    let (_, err) = expect(2, &get, b"");
    assert!(err.contains("is there already; --force replaces it"), "{err}");

    let force: Vec<&str> = get.iter().copied().chain(["--force"]).collect();
    for (code, words) in [
        (5, "arrived damaged"),
        (4, "in the middle of the file"),
        (1, "there is no such file: a (not_found)"),
    ] {
        let (_, err) = expect(code, &force, b"");
        assert!(err.contains(words), "{err}");
        assert_eq!(std::fs::read(&to).unwrap(), HELLO, "the old file stays");
    }
    playing.join().unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing temporary stays");
}

#[test]
fn a_download_goes_on_where_it_was_cut_and_never_with_another_file() {
    let (at, playing) = serve(vec![
        |mut peer| {
            assert_eq!(peer.line(), "DOWNLOAD a");
            peer.say(format!("FILE 5 {} a\nhe", hash(HELLO)));
            peer.close();
        },
        |mut peer| {
            assert_eq!(peer.line(), "RANGE 2 3 a");
            peer.say(format!("PART 2 3 5 {} a\nllo", hash(HELLO)));
        },
        |mut peer| {
            peer.line();
            peer.say(format!("FILE 5 {} a\nhe", hash(HELLO)));
            peer.close();
        },
        |mut peer| {
            peer.line();
            peer.say(format!("PART 2 3 5 {} a\nllO", hash(b"hellO")));
        },
    ]);
    let folder = tempfile::tempdir().unwrap();
    let get = ["--file", &at, "get", "a", "--force", "--to", folder.path().to_str().unwrap()];
    let (_, err) = expect(0, &get, b"");
    assert!(err.contains("going on from there"), "{err}");
    assert_eq!(std::fs::read(folder.path().join("a")).unwrap(), HELLO);
    let (_, err) = expect(1, &get, b"");
    assert!(err.contains("a is another file now; fetch it again"), "{err}");
    assert_eq!(std::fs::read(folder.path().join("a")).unwrap(), HELLO);
    playing.join().unwrap();
}

#[test]
fn folders_go_and_come_whole_and_what_is_here_already_stays() {
    let (at, playing) = serve(vec![
        |mut peer| {
            assert_eq!(peer.line(), "UPLOAD 5 notes/a");
            peer.bytes(5);
            peer.say(format!("OK 5 {} notes/a\n", hash(HELLO)));
        },
        |mut peer| {
            assert_eq!(peer.line(), "UPLOAD 5 notes/deep/b");
            peer.bytes(5);
            peer.say(format!("OK 5 {} notes/deep/b\n", hash(HELLO)));
        },
        |mut peer| {
            assert_eq!(peer.line(), "LIST notes/");
            peer.say(format!("LIST 2\n5 {0} {AT} notes/a\n5 {0} {AT} notes/deep/b\n", hash(HELLO)));
        },
        |mut peer| {
            assert_eq!(peer.line(), "DOWNLOAD notes/deep/b");
            peer.say(format!("FILE 5 {} notes/deep/b\nhello", hash(HELLO)));
        },
    ]);
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::create_dir_all(from.path().join("notes/deep")).unwrap();
    std::fs::create_dir(to.path().join("notes")).unwrap();
    for file in [from.path().join("notes/a"), from.path().join("notes/deep/b"), to.path().join("notes/a")] {
        std::fs::write(file, HELLO).unwrap();
    }
    let (out, _) = expect(0, &["--file", &at, "put", "-r", "--jobs", "1", &path(&from, "notes")], b"");
    assert_eq!(out.matches("stored notes/").count(), 2, "{out}");
    let (out, _) =
        expect(0, &["--file", &at, "get", "-r", "notes", "--to", to.path().to_str().unwrap()], b"");
    assert!(out.contains("unchanged ") && out.contains("fetched "), "one is here already: {out}");
    assert_eq!(std::fs::read(to.path().join("notes/deep/b")).unwrap(), HELLO);
    playing.join().unwrap();
}

#[test]
fn a_folder_without_the_flag_is_told() {
    let (at, playing) = serve(vec![
        |mut peer| {
            assert_eq!(peer.line(), "DOWNLOAD notes");
            peer.say("ERROR:not_found there is no such file\n");
        },
        |mut peer| {
            assert_eq!(peer.line(), "LIST notes/");
            peer.say(format!("LIST 1\n5 {} {AT} notes/a\n", hash(HELLO)));
        },
    ]);
    let (_, err) = expect(1, &["--file", &at, "get", "notes"], b"");
    playing.join().unwrap();
    assert_eq!(err, "client: notes is a folder; -r fetches it with all that is in it (not_found)\n");
}

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

#[test]
fn a_file_can_go_to_a_pipe() {
    let (at, playing) = serve(vec![|mut peer| {
        peer.line();
        peer.say(format!("FILE 5 {} a\nhello", hash(HELLO)));
    }]);
    let output = client(&["--file", &at, "get", "a", "--to", "-"], b"");
    playing.join().unwrap();
    assert_eq!((output.status.code(), &output.stdout[..]), (Some(0), HELLO));
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
        (vec!["get", "../x"], "no part of a name is . or .."),
        (vec!["rm", "/etc/passwd"], "does not begin with a slash"),
    ] {
        let args: Vec<&str> = ["--file", &at].into_iter().chain(args).collect();
        let (_, err) = expect(2, &args, b"");
        assert!(err.contains(words), "{err}");
    }
    assert!(!Path::new("x").exists());
}
