//! Folders, there and back.

use crate::files::{HELLO, hash, nothing_there, path};
use crate::scripted::{AT, Peer, expect, serve};

#[test]
fn folders_go_and_come_whole_and_what_is_here_already_stays() {
    let (at, playing) = serve(vec![
        |mut peer| {
            nothing_there(&mut peer, "notes/a");
            assert_eq!(peer.line(), "UPLOAD 5 notes/a");
            peer.bytes(5);
            peer.say(format!("OK 5 {} notes/a\n", hash(HELLO)));
        },
        |mut peer| {
            nothing_there(&mut peer, "notes/deep/b");
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

/// A folder as it may lie about, with a file of its own, a link, a pipe, and a name that has no place there.
fn mixed() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("notes");
    std::fs::create_dir(&root).unwrap();
    std::fs::write(root.join("a"), HELLO).unwrap();
    std::os::unix::fs::symlink("a", root.join("link")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(root.join("pipe")).status().unwrap().success());
    folder
}

#[test]
fn what_is_left_out_of_a_folder_is_one_line_and_fails_where_a_file_is_missed() {
    let take = |mut peer: Peer| {
        nothing_there(&mut peer, "notes/a");
        assert_eq!(peer.line(), "UPLOAD 5 notes/a");
        peer.bytes(5);
        peer.say(format!("OK 5 {} notes/a\n", hash(HELLO)));
    };
    let (at, playing) = serve(vec![take, take]);
    let folder = mixed();
    let notes = path(&folder, "notes");
    let (out, err) = expect(0, &["--file", &at, "put", "-r", &notes], b"");
    assert!(out.starts_with("stored notes/a, "), "{out}");
    let left_out = format!("-- left out 1 link: {notes}/link; 1 pipe or device: {notes}/pipe");
    assert_eq!(err, format!("{left_out}\n"));
    std::fs::write(folder.path().join("notes/.hidden"), HELLO).unwrap();
    let (out, err) = expect(6, &["--file", &at, "put", "-r", &notes], b"");
    playing.join().unwrap();
    assert!(out.starts_with("stored notes/a, "), "{out}");
    let unnamed = format!("1 name that the service does not take: {notes}/.hidden");
    assert_eq!(err, format!("{left_out}; {unnamed}\nclient: 1 file was left out\n"));
}

#[test]
fn a_folder_without_the_flag_is_told() {
    let (at, playing) = serve(vec![not_there, a_folder, not_there, a_folder, not_there, a_folder]);
    for (command, advice) in [
        ("get", "-r fetches it with all that is in it"),
        ("rm", "`client rm 'notes/**'` deletes all that is in it"),
        ("stat", "`client stat 'notes/**'` shows all that is in it"),
    ] {
        let (_, err) = expect(1, &["--file", &at, command, "notes"], b"");
        assert_eq!(err, format!("client: notes is a folder; {advice} (not_found)\n"));
    }
    playing.join().unwrap();
}

fn not_there(mut peer: Peer) {
    assert!(peer.line().ends_with(" notes"));
    peer.say("ERROR:not_found there is no such file\n");
}

fn a_folder(mut peer: Peer) {
    assert_eq!(peer.line(), "LIST notes/");
    peer.say(format!("LIST 1\n5 {} {AT} notes/a\n", hash(HELLO)));
}
