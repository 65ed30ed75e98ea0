//! `chat backup FILE`: all that was acked before, in one sound file, or no file.

use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::json;
use tempfile::TempDir;

use super::process::{Client, Process, chat, output};

/// Backs a folder up into a file.
pub(crate) fn back_up(data: &Path, file: &Path) -> Output {
    output(&["backup", file.to_str().unwrap(), "--data", data.to_str().unwrap()])
}

/// Backs up in vain: the exit code, and one line that names what it is about.
fn refused(data: &Path, file: &Path, exit: i32, about: &str) -> String {
    let ended = back_up(data, file);
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(exit), "{said}");
    let is_one_line = said.starts_with("error: ") && said.lines().count() == 1;
    assert!(is_one_line && said.contains(about), "{about} is not named by: {said}");
    assert_eq!(ended.stdout, b"");
    said
}

/// A folder in which so much was said, and whose server was ended.
fn spoken(messages: u64) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::start(folder.path(), &["--sync", "normal"]);
    say(&process, messages);
    process.terminate();
    assert_eq!(process.ended(), Some(0));
    folder
}

fn say(process: &Process, messages: u64) {
    let (mut client, _) = Client::program(process.addr, "alice", json!({})).unwrap();
    for n in 0..messages {
        client
            .send(&json!({"type": "say", "room": "lobby", "text": format!("word{n}")}).to_string())
            .unwrap();
        client.until("ack").unwrap();
    }
}

/// It was 101, though all was well.
#[test]
fn the_exit_code_tells_it_to_whoever_reads_nothing() {
    let (folder, copies) = (spoken(1), tempfile::tempdir().unwrap());
    let (nobody, told) = std::io::pipe().unwrap();
    drop(nobody);
    let file = copies.path().join("copy");
    let mut backup = chat(&["backup", file.to_str().unwrap(), "--data", folder.path().to_str().unwrap()]);
    assert_eq!(backup.stdout(told).status().unwrap().code(), Some(0));
}

/// A data folder whose database is this file.
pub(crate) fn restored(file: &Path) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(file, folder.path().join("chat.db")).unwrap();
    folder
}

/// What is in a folder.
fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

#[test]
fn help_says_how_to_restore() {
    let help = output(&["backup", "--help"]);
    let text = String::from_utf8(help.stdout).unwrap();
    for words in ["FILE", "--data", "restore", "Exit 0"] {
        assert!(text.contains(words), "{words} is not in {text}");
    }
}

#[test]
fn a_chat_goes_on_from_the_copy() {
    let folder = spoken(20);
    let file = folder.path().join("copy");
    let copied = back_up(folder.path(), &file);
    let said = String::from_utf8(copied.stdout).unwrap();
    assert!(said.starts_with(&format!("{}: 20 messages, ", file.display())), "{said}");
    let restored = restored(&file);
    let process = Process::start(restored.path(), &[]);
    let (mut client, room) = Client::program(process.addr, "bob", json!({})).unwrap();
    assert_eq!(room["last_id"], 20);
    client.send(&json!({"type": "search", "query": "word7", "limit": 5}).to_string()).unwrap();
    assert_eq!(client.until("search").unwrap()["messages"][0]["id"], 8);
    client.send(&json!({"type": "say", "room": "lobby", "text": "on we go"}).to_string()).unwrap();
    assert_eq!(client.until("ack").unwrap()["id"], 21);
}

/// What the killed process had acked is still in its write-ahead log.
#[test]
fn of_a_killed_server_the_log_is_copied_too() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path(), &["--sync", "normal"]);
    say(&process, 30);
    process.kill();
    let before = names(folder.path());
    let copies = tempfile::tempdir().unwrap();
    assert!(back_up(folder.path(), &copies.path().join("copy")).status.success());
    assert_eq!(names(folder.path()), before, "the folder is left as it was");
    let restored = restored(&copies.path().join("copy"));
    let process = Process::start(restored.path(), &[]);
    assert_eq!(Client::program(process.addr, "bob", json!({})).unwrap().1["last_id"], 30);
}

#[test]
fn nothing_is_overwritten() {
    let folder = spoken(1);
    let file = folder.path().join("precious");
    fs::write(&file, "years of work").unwrap();
    let said = refused(folder.path(), &file, 2, "FILE");
    assert!(said.contains("already"), "{said}");
    refused(folder.path(), &folder.path().join("chat.db"), 2, "FILE");
    refused(folder.path(), folder.path(), 2, "FILE");
    std::os::unix::fs::symlink("nowhere", folder.path().join("link")).unwrap();
    refused(folder.path(), &folder.path().join("link"), 2, "FILE");
    assert_eq!(fs::read_to_string(&file).unwrap(), "years of work");
}

#[test]
fn a_place_that_cannot_be_written_to_is_named() {
    let folder = spoken(1);
    refused(folder.path(), &folder.path().join("nowhere/copy"), 2, "FILE");
    refused(folder.path(), Path::new("/proc/copy"), 2, "FILE");
    assert!(!folder.path().join("nowhere").exists());
}

#[test]
fn a_folder_without_a_history_is_named() {
    let (empty, copies) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = copies.path().join("copy");
    refused(empty.path(), &file, 2, "--data");
    refused(&empty.path().join("nowhere"), &file, 2, "--data");
    assert_eq!(names(empty.path()), [""; 0], "nothing is made there");

    fs::write(empty.path().join("chat.db"), "dear diary, ".repeat(1000)).unwrap();
    refused(empty.path(), &file, 2, "--data");
    fs::remove_file(empty.path().join("chat.db")).unwrap();
    let db = rusqlite::Connection::open(empty.path().join("chat.db")).unwrap();
    db.execute_batch("CREATE TABLE recipes (name TEXT)").unwrap();
    assert!(refused(empty.path(), &file, 2, "--data").contains("another program"));
    assert_eq!(names(copies.path()), [""; 0]);
}

/// A copy of what is broken would look like a backup until it is needed.
#[test]
fn a_corrupt_history_is_not_copied() {
    let folder = spoken(500);
    let path = folder.path().join("chat.db");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 8192].fill(0xa5);
    fs::write(&path, bytes).unwrap();
    let copies = tempfile::tempdir().unwrap();
    assert!(refused(folder.path(), &copies.path().join("copy"), 1, "backup").contains("corrupt"));
    assert_eq!(names(copies.path()), [""; 0]);
}

/// What a backup leaves that was killed does not stop the next one, and one at a time writes a file.
#[test]
fn a_half_copy_is_nobodys() {
    let (folder, copies) = (spoken(3), tempfile::tempdir().unwrap());
    let (file, partial) = (copies.path().join("copy"), copies.path().join("copy.partial"));
    fs::write(&partial, "half a copy".repeat(1000)).unwrap();
    let other = fs::File::open(&partial).unwrap();
    other.lock().unwrap();
    assert!(refused(folder.path(), &file, 2, "FILE").contains("another backup"));
    drop(other);
    assert!(back_up(folder.path(), &file).status.success());
    assert_eq!(names(copies.path()), ["copy"]);
    Process::start(restored(&file).path(), &[]);
}

#[test]
fn a_command_line_that_makes_no_sense() {
    for args in [&["backup"][..], &["backup", "a", "b"], &["backup", "--sync-all", "a"]] {
        let ended = chat(args).output().unwrap();
        assert_eq!(ended.status.code(), Some(2), "{args:?}");
    }
}
