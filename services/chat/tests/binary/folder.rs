//! A data folder that it can't use: refused, and left as it was.

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use serde_json::json;
use tempfile::TempDir;

use super::process::{Client, Process, refused};

fn refused_on(data: &Path) -> String {
    refused("--data", &["--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()])
}

/// A database that must be refused for this reason and not be touched.
fn keeps_off(folder: &TempDir, reason: &str) {
    let path = folder.path().join("chat.db");
    let before = fs::read(&path).unwrap();
    let said = refused_on(folder.path());
    assert!(said.contains(reason), "{said}");
    assert!(fs::read(&path).unwrap() == before, "the database was touched");
    let mut left: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.retain(|name| name != "chat.lock");
    assert_eq!(left, ["chat.db"], "something was left beside it");
}

fn database(folder: &TempDir) -> Connection {
    Connection::open(folder.path().join("chat.db")).unwrap()
}

/// A folder with a database in which something has been said.
fn used_folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::start(folder.path(), &["--sync", "normal"]);
    let (mut client, _) = Client::program(process.addr, "alice", json!({})).unwrap();
    for _ in 0..200 {
        let say = json!({"type": "say", "room": "lobby", "text": "x".repeat(1000)});
        client.send(&say.to_string()).unwrap();
        client.until("ack").unwrap();
    }
    drop(client);
    process.terminate();
    assert_eq!(process.ended(), Some(0));
    folder
}

#[test]
fn a_folder_that_cannot_be_made_or_written() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "a file").unwrap();
    refused_on(&file);
    refused_on(&file.join("below"));
    assert_eq!(fs::read_to_string(&file).unwrap(), "a file");
    refused_on(Path::new("/proc/nowhere"));
}

#[test]
fn a_file_that_is_no_database() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("chat.db"), "dear diary, ".repeat(1000)).unwrap();
    keeps_off(&folder, "no database");
}

#[test]
fn a_corrupt_database() {
    let folder = used_folder();
    let path = folder.path().join("chat.db");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 20_000].fill(0xa5);
    fs::write(&path, bytes).unwrap();
    keeps_off(&folder, "corrupt");
}

#[test]
fn a_database_of_a_newer_version() {
    let folder = used_folder();
    let db = database(&folder);
    db.pragma_update(None, "user_version", 1_000).unwrap();
    // As a version that keeps another journal would leave it.
    db.pragma_update(None, "journal_mode", "delete").unwrap();
    drop(db);
    keeps_off(&folder, "1000");
}

#[test]
fn the_database_of_another_program() {
    let folder = tempfile::tempdir().unwrap();
    let db = database(&folder);
    db.execute_batch("CREATE TABLE recipes (name TEXT); INSERT INTO recipes VALUES ('soup')").unwrap();
    drop(db);
    keeps_off(&folder, "another program");
}

#[test]
fn a_folder_that_is_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path(), &[]);
    let said = refused_on(folder.path());
    assert!(said.contains("another"), "{said}");
    Client::program(process.addr, "alice", json!({})).unwrap();
}
