//! The disk fails to flush: what that has lost can't be known, so every sender who waits is refused, and the
//! process ends and comes back clean. `strace` makes the system call fail.

use std::net::SocketAddr;
use std::ops::Range;
use std::path::Path;
use std::process::{Command, Stdio};

use rand::RngExt;
use rand::rngs::SmallRng;
use serde_json::json;
use tempfile::TempDir;

use super::crowd::{Crowd, WINDOW};
use super::disk::run;
use super::ledger::{Tally, assert_sound, everything, settle};
use super::{lots, moments, or_skip};
use crate::process::{Client, Process, serving};

const LOT: usize = 5;
const FULL: [&str; 4] = ["--sync", "full", "--log", "off"];
const NORMAL: [&str; 4] = ["--sync", "normal", "--log", "off"];

/// A command to run another, with every flush failing this way; `strace` is its child, not its parent.
fn failing(how: &str) -> Command {
    let mut strace = Command::new("strace");
    strace.args(["-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync"]);
    strace.args(["-e", &format!("inject=fsync,fdatasync:error=EIO:{how}")]).env_clear();
    strace
}

fn start_failing(data: &Path, flags: &[&str], how: &str) -> Process {
    let mut command = failing(how);
    command.arg(env!("CARGO_BIN_EXE_chat")).args(serving(data)).args(flags);
    // What it says of its end is not news.
    Process::run(command.stderr(Stdio::null()))
}

/// A folder that was left by a kill after one message, so that a start need flush nothing and the next commit
/// goes on with the log; `None` where no flush can be made to fail.
fn folder() -> Option<TempDir> {
    or_skip("failing fsync", run(failing("when=1").args([env!("CARGO_BIN_EXE_chat"), "--version"])))?;
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path(), &FULL);
    say_again(process.addr, "first", 0..1);
    process.kill();
    Some(folder)
}

#[test]
fn nothing_acked_is_lost() {
    let mut moments = moments();
    let mut seen = Tally::default();
    for failures in lots(LOT) {
        let Some(folder) = folder() else { return };
        seen += fail(folder.path(), failures, &mut moments);
        seen.assert_clean();
        assert_sound(folder.path());
    }
    println!("failed fsync, {seen}");
}

fn fail(folder: &Path, failures: usize, moments: &mut SmallRng) -> Tally {
    let mut crowd = Crowd::new(3, 1);
    for failure in 1..=failures {
        // Flushes are counted by thread: these are the writer's.
        let mut process = start_failing(folder, &FULL, &format!("when={}+", moments.random_range(1..50)));
        crowd = crowd.talk(process.addr, |_| assert_eq!(process.ended(), Some(1)));
        let refused: usize = crowd.writers.iter().flat_map(|writer| writer.refused.values()).sum();
        assert!(refused >= failure, "somebody waited for that commit");
        for writer in &crowd.writers {
            assert!(writer.refused.keys().all(|code| code == "unavailable"), "{:?}", writer.refused);
            assert_eq!((writer.half_answered, writer.byes.len()), (0, failure), "{}", writer.name);
        }
    }
    let process = Process::start(folder, &FULL);
    Tally { strikes: failures, ..settle(&mut crowd, process.addr) }
}

/// A checkpoint flushes too, also where a commit does not.
#[test]
fn a_checkpoint_that_fails_ends_it_too() {
    let Some(folder) = folder() else { return };
    let mut process = start_failing(folder.path(), &NORMAL, "when=1+");
    let mut crowd = Crowd::new(3, 1).talk(process.addr, |_| assert_eq!(process.ended(), Some(1)));
    let process = Process::start(folder.path(), &NORMAL);
    settle(&mut crowd, process.addr).assert_clean();
}

/// Runs it with these faults in what is written to the log, and to the file that tells whether there is room.
fn start_failing_writes(data: &Path, faults: &[&str]) -> Process {
    let mut strace = Command::new("strace");
    strace.args(["-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=write,pwrite64"]).env_clear();
    for file in ["chat.db-wal", "chat.probe"] {
        strace.arg("-P").arg(data.canonicalize().unwrap().join(file));
    }
    for fault in faults {
        strace.args(["-e", &format!("inject={fault}")]);
    }
    strace.arg(env!("CARGO_BIN_EXE_chat")).args(serving(data)).args(NORMAL);
    Process::run(strace.stderr(Stdio::null()))
}

/// SQLite says of a quota only that a write has failed, and the writers must go on once there is room again.
#[test]
fn a_quota_that_is_used_up_is_no_space() {
    let Some(folder) = folder() else { return };
    let faults = ["pwrite64:error=EDQUOT:when=100..300", "write:error=EDQUOT"];
    let process = start_failing_writes(folder.path(), &faults);
    let mut crowd = Crowd::new(3, 1).talk(process.addr, |answers| {
        answers.everybody(Some("no_space"), 1);
        answers.everybody(None, 3 * WINDOW);
        process.kill();
    });
    for writer in &crowd.writers {
        assert!(writer.refused.keys().all(|code| code == "no_space"), "{:?}", writer.refused);
    }
    let process = Process::start(folder.path(), &NORMAL);
    settle(&mut crowd, process.addr).assert_clean();
}

/// Whatever it was writing, a message or what it does beside them.
#[test]
fn a_write_that_fails_ends_it() {
    let Some(folder) = folder() else { return };
    for first in [1, 30, 60] {
        let fault = format!("pwrite64:error=EIO:when={first}+");
        let mut process = start_failing_writes(folder.path(), &[&fault]);
        let mut crowd = Crowd::new(3, 1).talk(process.addr, |_| assert_eq!(process.ended(), Some(1)));
        let process = Process::start(folder.path(), &NORMAL);
        crowd.finish(process.addr);
        process.kill();
        assert_sound(folder.path());
    }
}

/// The first flush takes so long that everybody has spoken before it fails.
#[test]
fn everybody_who_waits_is_refused() {
    let Some(folder) = folder() else { return };
    let mut process = start_failing(folder.path(), &FULL, "delay_enter=2000000:when=1+");
    let come = |name: &String| Client::program(process.addr, name, json!({})).unwrap().0;
    let names: Vec<String> = (0..8).map(|n| format!("sender{n}")).collect();
    let mut senders: Vec<Client> = names.iter().map(come).collect();
    for sender in &mut senders {
        sender.send(&[0, 1, 2, 3, 4].map(say).join("\n")).unwrap();
    }
    while process.metric("chat_messages_received_total{kind=\"room\"}") < 40.0 {}
    let mut not_kept = Vec::new();
    for (name, sender) in names.iter().zip(&mut senders) {
        for n in 0..5 {
            let refusal = sender.until("error").unwrap();
            assert_eq!([&refusal["ref"], &refusal["code"]], [&json!(n.to_string()), &json!("unavailable")]);
            if refusal["message"].as_str().unwrap().contains("nothing was kept") {
                not_kept.push((name.clone(), text(n)));
            }
        }
        sender.until("bye").unwrap();
        assert_eq!(sender.next().unwrap(), None);
    }
    assert_eq!(process.ended(), Some(1));
    drop(senders);

    // What stood in the log when the flush failed is found there by the next start.
    let process = Process::start(folder.path(), &FULL);
    let kept = everything(process.addr, "lobby");
    let is_kept =
        |(name, text): &(String, String)| kept.iter().any(|told| (&told.from, &told.text) == (name, text));
    assert!(!not_kept.iter().any(is_kept), "{kept:?}");
    for name in &names {
        say_again(process.addr, name, 0..5);
    }
    let (_, room) = Client::program(process.addr, "counter", json!({})).unwrap();
    assert_eq!(room["last_id"], 41, "each was said once in all");
}

/// Says numbers until they are acked.
fn say_again(addr: SocketAddr, name: &str, numbers: Range<u32>) {
    let (mut sender, _) = Client::program(addr, name, json!({})).unwrap();
    for n in numbers {
        sender.send(&say(n)).unwrap();
        sender.until("ack").unwrap();
    }
}

fn say(n: u32) -> String {
    json!({"type": "say", "room": "lobby", "text": text(n), "ref": n.to_string()}).to_string()
}

fn text(n: u32) -> String {
    format!("number {n}")
}
