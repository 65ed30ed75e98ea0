//! Folders, there and back.

use crate::files::{HELLO, hash, path};
use crate::scripted::{AT, expect, serve};

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
