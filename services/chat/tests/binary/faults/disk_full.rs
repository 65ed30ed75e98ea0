//! The disk fills up and is freed again under a server that goes on.

use std::io::BufRead;
use std::net::SocketAddr;

use rand::RngExt;
use rand::rngs::SmallRng;
use rusqlite::Connection;
use serde_json::{Value, json};

use super::crowd::{Crowd, WINDOW};
use super::disk::Disk;
use super::ledger::{Tally, assert_sound, everything, settle};
use super::{lots, moments, or_skip};
use crate::process::{Client, Process};

const LOT: usize = 5;
const FLAGS: [&str; 4] = ["--sync", "full", "--log", "off"];
/// A log that is worth a pass of the checkpointer, in bytes.
const LONG: u64 = 6 << 20;

#[test]
fn a_disk_of_memory() {
    fill("tmpfs", || Disk::memory("16m"));
}

#[test]
fn an_ext4() {
    fill("ext4", Disk::ext4);
}

fn fill(kind: &str, disk: impl Fn() -> Result<Disk, String>) {
    let mut moments = moments();
    let mut seen = Tally::default();
    for times in lots(LOT) {
        let Some(disk) = or_skip("full disk", disk()) else { return };
        seen += fill_lot(&disk, times, &mut moments);
        seen.assert_clean();
        assert_sound(&disk.data());
    }
    println!("full {kind}, {seen}");
}

/// What the database has no room for was tried again as soon as it had failed, for as long as the disk was full.
#[test]
fn what_there_is_no_room_for_is_not_tried_over_and_over() {
    let Some(disk) = or_skip("full disk", Disk::memory("32m")) else { return };
    let process = Process::start(&disk.data(), &FLAGS);
    let mut alice = long_log(&disk, &process);
    let before = checkpoints(&process);
    for _ in 0..200 {
        // The writer looks at the log after each.
        alice.send(&json!({"type": "search", "query": "x", "limit": 1}).to_string()).unwrap();
        alice.until("search").unwrap();
    }
    let more = checkpoints(&process) - before;
    assert!(more < 100.0, "{more} more, and the log is as it was");
}

/// Nothing is lost, but the service ended as if it had failed.
#[test]
fn it_ends_in_good_order_without_room_for_the_log() {
    let Some(disk) = or_skip("full disk", Disk::memory("32m")) else { return };
    let (mut process, log) = Process::start_logging(&disk.data(), &["--sync", "full", "--log", "warn"]);
    let mut alice = long_log(&disk, &process);
    alice.send(&json!({"type": "history", "room": "lobby", "limit": 1}).to_string()).unwrap();
    let last = alice.until("history").unwrap()["messages"][0]["id"].as_u64().unwrap();
    process.terminate();
    assert_eq!(process.ended(), Some(0));
    let mut said = log.lines().map(Result::unwrap);
    assert!(said.any(|line| line.contains("WARN") && line.contains("the log stays")), "it says so");
    let process = Process::start(&disk.data(), &FLAGS);
    let kept = everything(process.addr, "lobby");
    assert_eq!(kept.last().map(|message| message.id), Some(last));
    process.kill();
    assert_sound(&disk.data());
}

/// Somebody who has spoken until there was no room, neither for another word nor for what is in the log, of which
/// there is more than a pass is made for.
fn long_log(disk: &Disk, process: &Process) -> Client {
    let (mut alice, _) = Client::program(process.addr, "alice", json!({})).unwrap();
    let slack = disk.data().join("slack");
    std::fs::write(&slack, [0; 64 * 1024]).unwrap();
    let looking = Connection::open(disk.data().join("chat.db")).unwrap();
    looking.execute_batch("BEGIN; SELECT count(*) FROM rooms").unwrap();
    while disk.data().join("chat.db-wal").metadata().unwrap().len() < LONG {
        assert_eq!(say(&mut alice)["type"], "ack");
    }
    disk.fill();
    drop(looking);
    // Room for a few words, each of which is reason to try to bring the log in.
    std::fs::remove_file(slack).unwrap();
    let refusal = std::iter::repeat_with(|| say(&mut alice)).find(|answer| answer["type"] != "ack").unwrap();
    assert_eq!(refusal["code"], "no_space", "{refusal}");
    alice
}

/// Says something long, and returns the answer.
fn say(client: &mut Client) -> Value {
    let say = json!({"type": "say", "room": "lobby", "text": "x".repeat(1000)});
    client.send(&say.to_string()).unwrap();
    std::iter::repeat_with(|| client.object().unwrap()).find(|object| object["type"] != "message").unwrap()
}

/// How often the log was brought in, or tried to be.
fn checkpoints(process: &Process) -> f64 {
    let by =
        |thread| process.metric(&format!("chat_checkpoint_duration_seconds_count{{thread=\"{thread}\"}}"));
    by("checkpointer") + by("writer")
}

fn fill_lot(disk: &Disk, times: usize, moments: &mut SmallRng) -> Tally {
    let process = Process::start(&disk.data(), &FLAGS);
    let addr = process.addr;
    let mut crowd = Crowd::new(3, 1).talk(addr, |answers| {
        for time in 1..times {
            answers.acks(moments.random_range(10..400));
            disk.fill();
            answers.everybody(Some("no_space"), 1);
            assert_can_read(addr, &format!("reader{time}"));
            disk.free();
            // More than was still under way when there was room again.
            answers.everybody(None, 3 * WINDOW);
        }
        answers.acks(moments.random_range(10..400));
        disk.fill();
        answers.everybody(Some("no_space"), 1);
        assert!(
            process.metric("chat_messages_rejected_total{reason=\"no_space\"}") >= 3.0,
            "one each at least"
        );
        process.kill();
    });
    for writer in &crowd.writers {
        assert!(writer.refused.keys().all(|code| code == "no_space"), "{:?}", writer.refused);
    }
    // It also starts on a full disk.
    let process = Process::start(&disk.data(), &FLAGS);
    assert_can_read(process.addr, "reader");
    disk.free();
    Tally { strikes: times, ..settle(&mut crowd, process.addr) }
}

/// Whoever does not write notices nothing.
fn assert_can_read(addr: SocketAddr, name: &str) {
    let (mut reader, room) = Client::program(addr, name, json!({"last": 5})).unwrap();
    assert!(room["last_id"].as_u64().unwrap() > 0);
    let questions = [
        json!({"type": "history", "room": "lobby", "limit": 10}),
        json!({"type": "search", "query": "writer0", "limit": 10}),
        json!({"type": "who", "room": "lobby"}),
        json!({"type": "ping", "ref": "still there"}),
    ];
    for question in &questions {
        reader.send(&question.to_string()).unwrap();
    }
    assert_eq!(reader.until("history").unwrap()["messages"].as_array().unwrap().len(), 10);
    reader.until("search").unwrap();
    let users = &reader.until("who").unwrap()["users"];
    assert!(users.as_array().unwrap().contains(&json!(name)), "{users}");
    assert_eq!(reader.until("pong").unwrap()["ref"], "still there");
}
