//! Backups are made while people talk: each holds all that was acked before it was begun, and is sound.

use std::path::Path;

use super::crowd::Crowd;
use super::ledger::{Tally, assert_sound, everything, settle};
use super::{lots, moments};
use crate::backup::{back_up, restored};
use crate::process::Process;

use rand::RngExt;
use rand::rngs::SmallRng;

const LOT: usize = 4;
const FLAGS: [&str; 4] = ["--sync", "normal", "--log", "off"];

#[test]
fn under_load() {
    let mut moments = moments();
    let mut seen = Tally::default();
    for copies in lots(LOT) {
        seen += copy(copies, &mut moments);
        seen.assert_clean();
    }
    println!("backup under load, {seen}");
}

/// What the server itself keeps must not suffer either: it is killed right after the last copy.
fn copy(copies: usize, moments: &mut SmallRng) -> Tally {
    let (folder, shelf) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = |n: usize| shelf.path().join(n.to_string());
    let mut acked = Vec::new();
    let process = Process::start(folder.path(), &FLAGS);
    let mut crowd = Crowd::new(3, 1).talk(process.addr, |answers| {
        for n in 0..copies {
            let more = moments.random_range(1..1000);
            answers.acks(more);
            acked.push(acked.last().unwrap_or(&0) + more);
            let copied = back_up(folder.path(), &file(n));
            assert!(copied.status.success(), "{copied:?}");
        }
        process.kill();
    });
    for (n, acked) in acked.into_iter().enumerate() {
        assert_holds(&file(n), acked);
    }
    let process = Process::start(folder.path(), &FLAGS);
    Tally { strikes: copies, ..settle(&mut crowd, process.addr) }
}

/// A chat that starts from the copy knows so many messages, with no hole among them.
fn assert_holds(file: &Path, acked: usize) {
    let folder = restored(file);
    let process = Process::start(folder.path(), &FLAGS);
    let kept = everything(process.addr, "lobby");
    assert!(kept.len() >= acked, "{} of {acked}", kept.len());
    Tally::of([], [], &kept).assert_clean();
    process.kill();
    assert_sound(folder.path());
}
