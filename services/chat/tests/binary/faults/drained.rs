//! SIGTERM under load: whatever was acked is kept, whatever was read is answered, and everybody is told when
//! to come back.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, Instant};

use rand::RngExt;
use rand::rngs::SmallRng;

use super::crowd::Crowd;
use super::ledger::{Tally, assert_sound, settle};
use super::{lots, moments};
use crate::process::{Process, chat, serving};

const LOT: usize = 10;
const WRITERS: usize = 3;
const LISTENERS: usize = 8;

#[test]
fn under_load() {
    let mut moments = moments();
    let (mut seen, mut slowest) = (Tally::default(), Duration::ZERO);
    for drains in lots(LOT) {
        let folder = tempfile::tempdir().unwrap();
        let (tally, took) = drain(folder.path(), drains, &mut moments);
        seen += tally;
        slowest = slowest.max(took);
        seen.assert_clean();
        assert_sound(folder.path());
    }
    println!("SIGTERM under load, {seen}; the slowest took {slowest:?}");
}

fn drain(folder: &Path, drains: usize, moments: &mut SmallRng) -> (Tally, Duration) {
    let mut crowd = Crowd::new(WRITERS, LISTENERS);
    let mut slowest = Duration::ZERO;
    for drain in 1..=drains {
        let mut process = start(folder);
        crowd = crowd.talk(process.addr, |answers| {
            answers.acks(moments.random_range(1..1000));
            let began = Instant::now();
            process.terminate();
            assert_eq!(process.ended(), Some(0));
            slowest = slowest.max(began.elapsed());
        });
        assert_eq!(fs::read_to_string(folder.join("said")).unwrap(), "", "the time to drain was enough");
        assert!(!folder.join("chat.db-wal").exists(), "a good end leaves no log behind");
        assert_told(&crowd, drain);
    }
    let process = start(folder);
    (Tally { strikes: drains, ..settle(&mut crowd, process.addr) }, slowest)
}

/// A server whose warnings are kept.
fn start(folder: &Path) -> Process {
    let said = File::create(folder.join("said")).unwrap();
    Process::run(chat(&serving(folder)).args(["--sync", "normal", "--log", "warn"]).stderr(said))
}

fn assert_told(crowd: &Crowd, drains: usize) {
    let byes = crowd.writers.iter().map(|writer| &writer.byes);
    let byes: Vec<_> = byes.chain(crowd.listeners.iter().map(|listener| &listener.byes)).collect();
    assert!(byes.iter().all(|byes| byes.len() == drains), "{byes:?}");
    let waits: BTreeSet<_> = byes.iter().map(|byes| byes[drains - 1]).collect();
    assert!(waits.len() > byes.len() / 2, "they would all come back at once: {waits:?}");
    for writer in &crowd.writers {
        assert_eq!(writer.half_answered, 0, "{}: what was read is answered", writer.name);
    }
}
