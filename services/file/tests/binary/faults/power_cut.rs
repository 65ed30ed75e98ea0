//! The power is cut: an ext4 of the test's own forgets all that was not flushed, and the process dies.

use std::path::Path;
use std::process::{Command, Stdio};

use rand::RngExt;
use rand::rngs::SmallRng;
use strike::disk::{Disk, run};
use strike::{lots, moments, or_skip};

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

/// Otherwise the cut is none, and the test above says nothing. Folders alone are flushed by `fsync`: `strace`
/// lets each of them pass without having done a thing.
#[test]
fn without_the_flush_of_the_folder_something_is_lost() {
    let has_strace = run(without_folders().arg("true"));
    if or_skip("skipped fsync", has_strace).is_none() {
        return;
    }
    let start = |data: &Path| {
        let mut command = without_folders();
        command.arg(env!("CARGO_BIN_EXE_file")).args(serving(data)).args(QUIET);
        Process::run(command.stderr(Stdio::null()))
    };
    let Some(seen) = cut(start) else { return };
    println!("power cut without the folder's flush, {seen}");
    assert!(seen.lost > 0, "void: this cut loses nothing, {seen}");
    assert_eq!(seen.torn, 0, "files are flushed before they have a name, {seen}");
}

/// A command to run another, no `fsync` of which does anything; `strace` is its child, not its parent.
fn without_folders() -> Command {
    let mut strace = Command::new("strace");
    strace.args(["-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync"]);
    strace.args(["-e", "inject=fsync:retval=0"]).env_clear().env("PATH", "/usr/bin:/bin");
    strace
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
