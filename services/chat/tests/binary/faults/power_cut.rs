//! The power is cut: an ext4 of the test's own forgets all that was not flushed, and the process dies.

use rand::RngExt;
use rand::rngs::SmallRng;
use rustix::process::Signal;

use super::crowd::Crowd;
use super::disk::Disk;
use super::ledger::{Tally, assert_sound, settle};
use super::{lots, moments, or_skip};
use crate::process::Process;

const LOT: usize = 10;

#[test]
fn with_full_nothing_is_lost() {
    let Some(seen) = cut("full") else { return };
    println!("power cut with --sync full, {seen}");
    seen.assert_clean();
}

/// Otherwise the cut is none, and the test above says nothing.
#[test]
fn with_normal_something_is_lost() {
    let Some(seen) = cut("normal") else { return };
    println!("power cut with --sync normal, {seen}");
    assert!(seen.lost > 0, "void: this cut loses nothing, {seen}");
}

fn cut(sync: &str) -> Option<Tally> {
    let mut moments = moments();
    let mut seen = Tally::default();
    for cuts in lots(LOT) {
        let mut disk = or_skip("power cut", Disk::ext4())?;
        seen += cut_lot(&mut disk, sync, cuts, &mut moments);
    }
    Some(seen)
}

fn cut_lot(disk: &mut Disk, sync: &str, cuts: usize, moments: &mut SmallRng) -> Tally {
    let flags = ["--sync", sync, "--log", "off"];
    let mut crowd = Crowd::new(3, 1);
    for _ in 0..cuts {
        let process = Process::start(&disk.data(), &flags);
        let switch = disk.switch();
        crowd = crowd.talk(process.addr, |answers| {
            answers.acks(moments.random_range(1..400));
            // The process must not see the cut: a flush that is under way would be told that it was done.
            process.signal(Signal::KILL);
            switch.cut();
            drop(process);
        });
        disk.restore();
    }
    let process = Process::start(&disk.data(), &flags);
    let tally = Tally { strikes: cuts, ..settle(&mut crowd, process.addr) };
    process.kill();
    assert_sound(&disk.data());
    tally
}
