//! `kill -9`, under load and while it starts: nothing that was acked is lost, nothing is said twice, and no id
//! is missing.

use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::SmallRng;
use serde_json::json;

use super::crowd::Crowd;
use super::ledger::{Tally, assert_sound, everything, settle};
use super::{lots, moments};
use crate::process::{Client, Process, chat, serving};

const LOT: usize = 25;
const FLAGS: [&str; 4] = ["--sync", "normal", "--log", "off"];

#[test]
fn under_load() {
    let mut moments = moments();
    let mut seen = Tally::default();
    for kills in lots(LOT) {
        let folder = tempfile::tempdir().unwrap();
        seen += kill(folder.path(), kills, &mut moments);
        seen.assert_clean();
        assert_sound(folder.path());
    }
    println!("kill -9 under load, {seen}");
}

fn kill(folder: &Path, kills: usize, moments: &mut SmallRng) -> Tally {
    let mut crowd = Crowd::new(3, 1);
    for _ in 0..kills {
        let process = Process::start(folder, &FLAGS);
        crowd = crowd.talk(process.addr, |answers| {
            answers.acks(moments.random_range(1..1000));
            process.kill();
        });
    }
    let process = Process::start(folder, &FLAGS);
    Tally { strikes: kills, ..settle(&mut crowd, process.addr) }
}

#[test]
fn while_it_starts() {
    let mut moments = moments();
    for kills in lots(LOT) {
        let folder = tempfile::tempdir().unwrap();
        for said in 0..kills {
            let mut child = chat(&serving(folder.path())).args(FLAGS).stdout(Stdio::null()).spawn().unwrap();
            thread::sleep(Duration::from_micros(moments.random_range(0..30_000)));
            child.kill().unwrap();
            child.wait().unwrap();
            // Every third time it gets somewhere, so that there is a log to come back to.
            if said % 3 == 2 {
                say_one(folder.path());
            }
        }
        let process = Process::start(folder.path(), &FLAGS);
        assert_eq!(everything(process.addr, "lobby").len(), kills / 3);
    }
}

fn say_one(folder: &Path) {
    let process = Process::start(folder, &FLAGS);
    let (mut client, _) = Client::program(process.addr, "alice", json!({})).unwrap();
    client.send(&json!({"type": "say", "room": "lobby", "text": "still here"}).to_string()).unwrap();
    client.until("ack").unwrap();
    process.kill();
}
