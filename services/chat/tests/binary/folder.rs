//! A data folder that it can't use: refused, and left as it was.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use serde_json::json;
use tempfile::TempDir;

use super::process::{Client, Process, refused};

fn refused_on(data: &Path) -> String {
    refused("--data", &["--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()])
}

/// A folder whose database must be refused for this reason, with not a byte of it touched.
fn keeps_off(folder: &TempDir, reason: &str) {
    let before = files(folder);
    let said = refused_on(folder.path());
    assert!(said.contains(reason), "{said}");
    let (before, after) = (before, files(folder));
    let changed = before.keys().chain(after.keys()).find(|name| before.get(*name) != after.get(*name));
    assert_eq!(changed, None, "{said}");
}

/// What is in a folder, but for the lock.
fn files(folder: &TempDir) -> BTreeMap<OsString, Vec<u8>> {
    let entries = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap());
    entries
        .filter(|entry| entry.file_name() != "chat.lock")
        .map(|entry| (entry.file_name(), fs::read(entry.path()).unwrap()))
        .collect()
}

fn path(folder: &TempDir, suffix: &str) -> PathBuf {
    folder.path().join(format!("chat.db{suffix}"))
}

fn database(folder: &TempDir) -> Connection {
    Connection::open(path(folder, "")).unwrap()
}

/// Changes the database as a process would that is killed right after: the log stays.
fn change_and_die(folder: &TempDir, sql: &str) {
    let db = database(folder);
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).unwrap();
    db.execute_batch(sql).unwrap();
    drop(db);
    assert!(path(folder, "-wal").metadata().unwrap().len() > 0, "the change is in the log");
}

const OF_A_NEWER_VERSION: &str = "PRAGMA user_version = 1000";

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

/// Overwrites a part of a file.
fn spoil(path: &Path, part: Range<usize>) {
    let mut bytes = fs::read(path).unwrap();
    bytes[part].fill(0xa5);
    fs::write(path, bytes).unwrap();
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
    let middle = path(&folder, "").metadata().unwrap().len() as usize / 2;
    spoil(&path(&folder, ""), middle..middle + 20_000);
    keeps_off(&folder, "corrupt");
}

#[test]
fn a_database_that_was_cut_short() {
    let folder = used_folder();
    let whole = fs::read(path(&folder, "")).unwrap();
    for length in [whole.len() / 2, 4096, 4095, 1000, 100, 99, 2] {
        fs::write(path(&folder, ""), &whole[..length]).unwrap();
        keeps_off(&folder, "database");
    }
}

#[test]
fn a_corrupt_database_with_a_log_beside_it() {
    let folder = used_folder();
    change_and_die(&folder, "DELETE FROM messages WHERE text = 'nothing'; UPDATE rooms SET last_id = 201");
    let middle = path(&folder, "").metadata().unwrap().len() as usize / 2;
    spoil(&path(&folder, ""), middle..middle + 20_000);
    keeps_off(&folder, "corrupt");
}

#[test]
fn a_database_of_a_newer_version() {
    let folder = used_folder();
    database(&folder).execute_batch(OF_A_NEWER_VERSION).unwrap();
    keeps_off(&folder, "version 1000");
    // As a version that keeps another journal would leave it.
    database(&folder).pragma_update(None, "journal_mode", "delete").unwrap();
    keeps_off(&folder, "version 1000");
}

/// Only the log says so. SQLite would bring it into the database as soon as it may write.
#[test]
fn a_database_of_a_newer_version_that_was_killed() {
    let folder = used_folder();
    change_and_die(&folder, OF_A_NEWER_VERSION);
    keeps_off(&folder, "version 1000");
    fs::remove_file(path(&folder, "-shm")).unwrap();
    keeps_off(&folder, "version 1000");
}

#[test]
fn a_new_database_of_a_newer_version_that_was_killed() {
    let folder = tempfile::tempdir().unwrap();
    database(&folder).pragma_update(None, "journal_mode", "wal").unwrap();
    change_and_die(
        &folder,
        &format!("PRAGMA application_id = 0x5061726c; {OF_A_NEWER_VERSION}; CREATE TABLE things (one)"),
    );
    keeps_off(&folder, "version 1000");
}

/// Its journal would be rolled back by whoever opens it.
#[test]
fn a_database_of_a_newer_version_that_was_killed_in_a_transaction() {
    let folder = used_folder();
    database(&folder).execute_batch(OF_A_NEWER_VERSION).unwrap();
    keeps_off(&half_done(&folder), "version 1000");
}

#[test]
fn ones_own_that_was_killed_in_a_transaction_is_rolled_back() {
    let folder = half_done(&used_folder());
    let process = Process::start(folder.path(), &[]);
    let (mut reader, _) = Client::program(process.addr, "reader", json!({"since": 199})).unwrap();
    assert_eq!(reader.until("message").unwrap()["text"], "x".repeat(1000));
}

/// The database as a process would leave it that keeps a rollback journal and was killed over it.
fn half_done(folder: &TempDir) -> TempDir {
    let db = database(folder);
    db.execute_batch("PRAGMA journal_mode = delete; PRAGMA cache_size = 1; PRAGMA cache_spill = 1").unwrap();
    db.execute_batch("BEGIN; UPDATE messages SET text = 'half done'").unwrap();
    let killed = tempfile::tempdir().unwrap();
    for suffix in ["", "-journal"] {
        fs::copy(path(folder, suffix), path(&killed, suffix)).unwrap();
    }
    let bytes = fs::read(path(&killed, "")).unwrap();
    assert!(bytes.windows(9).any(|window| window == b"half done"), "some of it is in the file");
    killed
}

/// SQLite throws a log away that lies beside an empty database.
#[test]
fn a_log_that_has_lost_its_database() {
    let folder = used_folder();
    change_and_die(&folder, "UPDATE rooms SET last_id = 201");
    for length in [1, 0] {
        fs::write(path(&folder, ""), vec![b'S'; length]).unwrap();
        keeps_off(&folder, "write-ahead log");
    }
    fs::remove_file(path(&folder, "")).unwrap();
    keeps_off(&folder, "write-ahead log");
}

#[test]
fn the_database_of_another_program() {
    let folder = tempfile::tempdir().unwrap();
    let db = database(&folder);
    db.execute_batch("CREATE TABLE recipes (name TEXT); INSERT INTO recipes VALUES ('soup')").unwrap();
    drop(db);
    keeps_off(&folder, "another program");
    database(&folder).pragma_update(None, "journal_mode", "wal").unwrap();
    change_and_die(&folder, "INSERT INTO recipes VALUES ('cake')");
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

/// It looks into the database by way of a URI.
#[test]
fn a_folder_with_a_strange_name_that_was_left_by_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("file:100% #1?mode=memory&ä");
    for last_id in 0..3 {
        let process = Process::start(&data, &[]);
        let (mut client, room) = Client::program(process.addr, "alice", json!({})).unwrap();
        assert_eq!(room["last_id"], last_id);
        client.send(&json!({"type": "say", "room": "lobby", "text": "here"}).to_string()).unwrap();
        client.until("ack").unwrap();
        process.kill();
    }
    assert!(data.join("chat.db-wal").exists());
}

/// Somebody looks at the database with a program of their own, and has the index of its log open.
#[test]
fn a_database_that_is_being_read() {
    let folder = used_folder();
    let db = database(&folder);
    db.execute_batch("UPDATE rooms SET last_id = 300; BEGIN; SELECT * FROM rooms").unwrap();
    database(&folder).execute_batch("UPDATE rooms SET last_id = 301").unwrap();
    let process = Process::start(folder.path(), &[]);
    let (_, room) = Client::program(process.addr, "alice", json!({})).unwrap();
    assert_eq!(room["last_id"], 301);
}

/// As a kill leaves it that comes before the first commit, or a power cut that comes before the first flush.
#[test]
fn a_log_that_holds_nothing() {
    let folder = used_folder();
    change_and_die(&folder, "UPDATE rooms SET last_id = 300");
    let log = fs::read(path(&folder, "-wal")).unwrap();
    for cut in [&log[..1], &log[..32], &log[..33], &vec![0; 5000], &vec![0xa5; 5000]] {
        fs::write(path(&folder, "-wal"), cut).unwrap();
        let process = Process::start(folder.path(), &[]);
        let (_, room) = Client::program(process.addr, "alice", json!({})).unwrap();
        assert_eq!(room["last_id"], 200);
        process.kill();
    }
}
