//! The power is cut: an ext4 of the test's own forgets all that was not flushed, and the process dies.

use std::path::Path;
use std::process::{Command, Stdio};

use rand::RngExt;
use rand::rngs::SmallRng;
use strike::disk::{Disk, run};
use strike::{lots, moments, or_skip, rounds};

use super::ledger::Tally;
use super::uploaders::{Uploads, upload};
use crate::process::{Process, serving};

const LOT: usize = 10;
const QUIET: [&str; 2] = ["--log", "off"];

#[test]
fn nothing_acked_is_lost_and_nothing_is_torn() {
    let Some(seen) = cut(|data| Process::start(data, &QUIET)) else { return };
    println!("power cut, {seen}");
    seen.assert_clean();
}

#[test]
fn the_last_upload_is_not_lost() {
    let Some(seen) = cut_after_uploads(|data| Process::start(data, &QUIET)) else { return };
    println!("power cut after an upload, {seen}");
    seen.assert_clean();
}

/// Otherwise the cut is none, and the tests above say nothing.
#[test]
fn without_the_flush_of_the_folder_the_last_upload_is_lost() {
    let Some(start) = start_without_folders() else { return };
    let Some(seen) = cut_after_uploads(start) else { return };
    println!("power cut after an upload without the folder's flush, {seen}");
    // ext4 also flushes by itself, every five seconds; hardly each time in between.
    assert!(seen.lost > 0, "void: this cut loses nothing, {seen}");
}

#[test]
fn without_the_flush_of_the_folder_nothing_is_torn() {
    let Some(start) = start_without_folders() else { return };
    let Some(seen) = cut(start) else { return };
    println!("power cut without the folder's flush, {seen}");
    assert_eq!(seen.torn, 0, "files are flushed before they have a name, {seen}");
}

/// What starts a server that flushes no folder. Folders alone are flushed by `fsync`: `strace` lets each of them
/// pass without having done a thing.
fn start_without_folders() -> Option<fn(&Path) -> Process> {
    or_skip("skipped fsync", run(without_folders().arg("true")))?;
    Some(|data| {
        let mut command = without_folders();
        command.arg(env!("CARGO_BIN_EXE_file")).args(serving(data)).args(QUIET);
        Process::run(command.stderr(Stdio::null()))
    })
}

/// A command to run another, no `fsync` of which does anything; `strace` is its child, not its parent.
fn without_folders() -> Command {
    let mut strace = Command::new("strace");
    strace.args(["-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync"]);
    strace.args(["-e", "inject=fsync:retval=0"]).env_clear().env("PATH", "/usr/bin:/bin");
    strace
}

/// Nothing is written after the upload: whatever is flushed to ext4 takes with it all that was renamed before.
fn cut_after_uploads(start: impl Fn(&Path) -> Process) -> Option<Tally> {
    let mut seen = Tally::default();
    for _ in 0..rounds(LOT) {
        let mut disk = or_skip("power cut", Disk::ext4())?;
        seen += cut_after_an_upload(&mut disk, &start);
    }
    Some(seen)
}

fn cut_after_an_upload(disk: &mut Disk, start: impl Fn(&Path) -> Process) -> Tally {
    let process = start(&disk.data());
    let switch = disk.switch();
    let reply = process.talk(b"UPLOAD 4 last\nword");
    assert!(reply.starts_with("OK 4 "), "{reply}");
    process.kill();
    switch.cut();
    disk.restore();
    let found = std::fs::read(disk.data().join("last")).ok();
    let (lost, torn) = (found.is_none(), found.is_some_and(|found| found != b"word"));
    Tally { strikes: 1, acked: 1, lost: lost.into(), torn: torn.into(), ..Tally::default() }
}

fn cut(start: impl Fn(&Path) -> Process) -> Option<Tally> {
    let mut moments = moments();
    let mut seen = Tally::default();
    for cuts in lots(LOT) {
        let mut disk = or_skip("power cut", Disk::ext4())?;
        seen += cut_lot(&mut disk, &start, cuts, &mut moments);
    }
    Some(seen)
}

fn cut_lot(disk: &mut Disk, start: impl Fn(&Path) -> Process, cuts: usize, moments: &mut SmallRng) -> Tally {
    let mut uploads = Uploads::new();
    let mut seen = Tally::default();
    for cut in 0..cuts {
        let process = start(&disk.data());
        let (addr, switch) = (process.addr.clone(), disk.switch());
        let after = moments.random_range(1..60);
        let mut acked = 0;
        uploads.extend(upload(&addr, &uploads, cut as u64, |oks| {
            acked = oks.iter().take(after).count();
            // The process must not see the cut: a flush that is under way would be told that it was done.
            process.kill_at_once();
            switch.cut();
            process.kill();
            acked += oks.iter().count();
        }));
        disk.restore();
        let process = Process::start(&disk.data(), &QUIET);
        seen += Tally { strikes: 1, acked, ..Tally::take(&mut uploads, &process, &disk.data()) };
        process.kill();
    }
    seen
}
