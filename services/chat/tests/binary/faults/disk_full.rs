//! The disk fills up and is freed again under a server that goes on.

use std::net::SocketAddr;

use rand::RngExt;
use rand::rngs::SmallRng;
use serde_json::json;

use super::crowd::{Crowd, WINDOW};
use super::disk::Disk;
use super::ledger::{Tally, assert_sound, settle};
use super::{lots, moments, or_skip};
use crate::process::{Client, Process};

const LOT: usize = 5;
const FLAGS: [&str; 4] = ["--sync", "full", "--log", "off"];

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
