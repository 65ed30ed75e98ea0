//! Several files at once, and downloads that an earlier run began.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Barrier};
use std::time::Duration;

use crate::files::{hash, large, path};
use crate::scripted::{Peer, client, expect, serve, signal, start};

/// How much of the large file the first run gets.
const CUT: usize = 2_000_000;

/// Waits until something is so, far longer than any machine needs.
fn until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..1200 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("in vain: {what}");
}

/// The part of a file in this folder, by its name.
fn part(folder: &Path) -> Option<std::fs::DirEntry> {
    let mut entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries.find(|entry| entry.file_name().to_string_lossy().ends_with(".part"))
}

/// Runs `get big` until so much of it is here, and then kills it with this signal.
fn cut_with(name: &str, folder: &Path) -> String {
    let (at, playing) = serve(vec![|mut peer| {
        assert_eq!(peer.line(), "DOWNLOAD big");
        peer.say(format!("FILE 3000000 {} big\n", hash(&large())));
        peer.say(&large()[..CUT]);
        peer.rest();
    }]);
    let child = start(&["--file", &at, "get", "big", "--to", folder.to_str().unwrap()]);
    until("the part", || part(folder).is_some_and(|part| part.metadata().unwrap().len() == CUT as u64));
    signal(&child, name);
    let output = child.wait_with_output().unwrap();
    playing.join().unwrap();
    assert!(!folder.join("big").exists());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn the_next_run_goes_on_where_one_was_killed() {
    for name in ["KILL", "INT"] {
        let folder = tempfile::tempdir().unwrap();
        let err = cut_with(name, folder.path());
        assert_eq!(err.contains("the same command goes on from there"), name == "INT", "{err}");
        let (at, playing) = serve(vec![
            |mut peer| {
                assert_eq!(peer.line(), "STAT big");
                peer.say(format!("STAT 3000000 {} 2026-11-22T08:30:00Z big\n", hash(&large())));
            },
            |mut peer| {
                assert_eq!(peer.line(), "RANGE 2000000 1000000 big");
                peer.say(format!("PART 2000000 1000000 3000000 {} big\n", hash(&large())));
                peer.say(&large()[CUT..]);
            },
        ]);
        let (_, err) =
            expect(0, &["--file", &at, "get", "big", "--to", folder.path().to_str().unwrap()], b"");
        playing.join().unwrap();
        assert!(err.contains("1.91 MiB of big are here already"), "{err}");
        assert!(std::fs::read(folder.path().join("big")).unwrap() == large());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no part stays");
    }
}

#[test]
fn a_part_of_an_older_file_is_not_taken_for_the_new_one() {
    let folder = tempfile::tempdir().unwrap();
    cut_with("KILL", folder.path());
    let (at, playing) = serve(vec![
        |mut peer| {
            assert_eq!(peer.line(), "STAT big");
            peer.say(format!("STAT 5 {} 2026-11-22T08:30:00Z big\n", hash(b"hello")));
        },
        |mut peer| {
            assert_eq!(peer.line(), "DOWNLOAD big");
            peer.say(format!("FILE 5 {} big\nhello", hash(b"hello")));
        },
    ]);
    expect(0, &["--file", &at, "get", "big", "--to", folder.path().to_str().unwrap()], b"");
    playing.join().unwrap();
    assert_eq!(std::fs::read(folder.path().join("big")).unwrap(), b"hello");
}

#[test]
fn a_part_that_leads_to_another_hash_is_thrown_away() {
    let folder = tempfile::tempdir().unwrap();
    cut_with("KILL", folder.path());
    let (at, playing) = serve(vec![
        |mut peer| {
            peer.line();
            peer.say(format!("STAT 3000000 {} 2026-11-22T08:30:00Z big\n", hash(&large())));
        },
        |mut peer| {
            peer.line();
            peer.say(format!("PART 2000000 1000000 3000000 {} big\n", hash(&large())));
            peer.say(vec![7; 1_000_000]);
        },
    ]);
    let (_, err) = expect(5, &["--file", &at, "get", "big", "--to", folder.path().to_str().unwrap()], b"");
    playing.join().unwrap();
    assert!(err.contains("big arrived damaged"), "{err}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "neither the file nor a part of it");
}

/// A service that answers each of so many requests only when all of them are there.
fn all_at_once(count: usize, answer: fn(&mut Peer)) -> (String, Vec<std::thread::JoinHandle<()>>) {
    let listener = Arc::new(TcpListener::bind("127.0.0.1:0").unwrap());
    let at = listener.local_addr().unwrap().to_string();
    let together = Arc::new(Barrier::new(count));
    let playing = (0..count).map(|_| {
        let (listener, together) = (Arc::clone(&listener), Arc::clone(&together));
        std::thread::spawn(move || {
            let mut peer = Peer::of(listener.accept().unwrap().0);
            together.wait();
            answer(&mut peer);
        })
    });
    (at, playing.collect())
}

#[test]
fn several_files_are_fetched_and_sent_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let (at, playing) = all_at_once(3, |peer| {
        let name = peer.line().strip_prefix("DOWNLOAD ").unwrap().to_owned();
        peer.say(format!("FILE 1 {} {name}\n{name}", hash(name.as_bytes())));
    });
    let get = ["--file", &at, "get", "a", "b", "c", "--jobs", "3", "--to", folder.path().to_str().unwrap()];
    let (out, _) = expect(0, &get, b"");
    playing.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(out.lines().count(), 3, "{out}");
    for name in ["a", "b", "c"] {
        assert_eq!(std::fs::read_to_string(folder.path().join(name)).unwrap(), name);
    }
    let (at, playing) = all_at_once(3, |peer| {
        let name = peer.line().strip_prefix("STAT ").unwrap().to_owned();
        peer.say("ERROR:not_found there is no such file\n");
        assert_eq!(peer.line(), format!("UPLOAD 1 {name}"));
        assert_eq!(peer.bytes(1), name.as_bytes());
        peer.say(format!("OK 1 {} {name}\n", hash(name.as_bytes())));
    });
    let [a, b, c] = ["a", "b", "c"].map(|name| path(&folder, name));
    let (out, _) = expect(0, &["--file", &at, "put", &a, &b, &c], b"");
    playing.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(out.matches("stored ").count(), 3, "{out}");
}

#[test]
fn one_file_that_fails_stops_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let (at, playing) = all_at_once(2, |peer| match peer.line().as_str() {
        "DOWNLOAD a" => peer.say("ERROR:not_found there is no such file\n"),
        _ => peer.say(format!("FILE 1 {} b\nb", hash(b"b"))),
    });
    let (out, err) =
        expect(1, &["--file", &at, "get", "a", "b", "--to", folder.path().to_str().unwrap()], b"");
    playing.into_iter().for_each(|thread| thread.join().unwrap());
    assert!(out.starts_with("fetched ") && folder.path().join("b").exists(), "{out}");
    assert!(err.contains("client: there is no such file: a (not_found)\n"), "{err}");
    assert!(err.ends_with("client: 1 of 2 files failed\n"), "{err}");
}

#[test]
fn two_files_of_one_name_are_told_before_anything_is_fetched() {
    let at = crate::scripted::nobody();
    let (_, err) = expect(2, &["--file", &at, "get", "a/x", "b/x"], b"");
    assert!(err.contains("two of them would be ./x"), "{err}");
}

/// A folder on a disk of one mebibyte, if one may be made here.
fn tiny_disk() -> Option<tempfile::TempDir> {
    let folder = tempfile::tempdir().unwrap();
    let mount = ["-t", "tmpfs", "-o", "size=1m", "tmpfs", folder.path().to_str().unwrap()];
    match Command::new("mount").args(mount).output() {
        Ok(done) if done.status.success() => Some(folder),
        _ => {
            use std::io::Write;
            std::io::stderr().write_all(b"SKIPPED: no disk can be mounted here to be full\n").unwrap();
            None
        }
    }
}

#[test]
fn a_disk_that_fills_is_told_and_leaves_nothing_behind() {
    let Some(folder) = tiny_disk() else { return };
    let old = folder.path().join("big");
    std::fs::write(&old, "old").unwrap();
    let (at, playing) = serve(vec![|mut peer| {
        peer.line();
        peer.say(format!("FILE 3000000 {} big\n", hash(&large())));
        peer.say(large());
        peer.close();
    }]);
    let to = folder.path().to_str().unwrap().to_owned();
    let output = client(&["--file", &at, "get", "big", "--force", "--to", &to], b"");
    playing.join().unwrap();
    let kept = std::fs::read(&old).unwrap();
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    assert!(Command::new("umount").arg(&to).status().unwrap().success());
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{err}");
    assert!(err.contains("big: No space left on device"), "{err}");
    assert_eq!((kept.as_slice(), left), (&b"old"[..], 1));
}
