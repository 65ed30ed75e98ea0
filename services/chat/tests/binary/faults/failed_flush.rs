//! The disk fails to flush: what that has lost can't be known, so every sender who waits is refused, and the
//! process ends and comes back clean. `strace` makes the system call fail.

use std::path::Path;
use std::process::{Command, Stdio};

use rand::RngExt;
use rand::rngs::SmallRng;
use serde_json::json;

use super::crowd::Crowd;
use super::disk::run;
use super::ledger::{Tally, assert_sound, everything, settle};
use super::{lots, moments, or_skip};
use crate::process::{Client, Process, serving};

const LOT: usize = 5;
const FLAGS: [&str; 4] = ["--sync", "full", "--log", "off"];

/// A command to run another, with every flush failing this way; `strace` is its child, not its parent.
fn failing(how: &str) -> Command {
    let mut strace = Command::new("strace");
    strace.args(["-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync"]);
    strace.args(["-e", &format!("inject=fsync,fdatasync:error=EIO:{how}")]).env_clear();
    strace
}

fn start_failing(data: &Path, how: &str) -> Process {
    let mut command = failing(how);
    command.arg(env!("CARGO_BIN_EXE_chat")).args(serving(data)).args(FLAGS);
    // What it says of its end is not news.
    Process::run(command.stderr(Stdio::null()))
}

/// A folder with a database, so that a start need flush nothing; `None` where no flush can be made to fail.
fn folder() -> Option<tempfile::TempDir> {
    or_skip("failing fsync", run(failing("when=1").args([env!("CARGO_BIN_EXE_chat"), "--version"])))?;
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::start(folder.path(), &FLAGS);
    process.terminate();
    assert_eq!(process.ended(), Some(0));
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
        let mut process = start_failing(folder, &format!("when={}+", moments.random_range(1..50)));
        crowd = crowd.talk(process.addr, |_| assert_eq!(process.ended(), Some(1)));
        let refused: usize = crowd.writers.iter().flat_map(|writer| writer.refused.values()).sum();
        assert!(refused >= failure, "somebody waited for that commit");
        for writer in &crowd.writers {
            assert!(writer.refused.keys().all(|code| code == "unavailable"), "{:?}", writer.refused);
            assert_eq!((writer.half_answered, writer.byes.len()), (0, failure), "{}", writer.name);
        }
    }
    let process = Process::start(folder, &FLAGS);
    Tally { strikes: failures, ..settle(&mut crowd, process.addr) }
}

/// The first flush takes so long that everybody has spoken before it fails.
#[test]
fn everybody_who_waits_is_refused() {
    let Some(folder) = folder() else { return };
    let mut process = start_failing(folder.path(), "delay_enter=2000000:when=1+");
    let come = |n| Client::program(process.addr, &format!("sender{n}"), json!({})).unwrap().0;
    let mut senders: Vec<Client> = (0..8).map(come).collect();
    for sender in &mut senders {
        for n in 0..5 {
            sender.send(&say(n)).unwrap();
        }
    }
    while process.metric("chat_messages_received_total{kind=\"room\"}") < 40.0 {}
    for (number, sender) in senders.iter_mut().enumerate() {
        for n in 0..5 {
            let answer = sender.until("error").unwrap();
            assert_eq!(
                [&answer["ref"], &answer["code"]],
                [&json!(n.to_string()), &json!("unavailable")],
                "{number}"
            );
        }
        sender.until("bye").unwrap();
        assert_eq!(sender.next().unwrap(), None);
    }
    assert_eq!(process.ended(), Some(1));

    let process = Process::start(folder.path(), &FLAGS);
    for n in 0..8 {
        let (mut sender, _) = Client::program(process.addr, &format!("sender{n}"), json!({})).unwrap();
        for n in 0..5 {
            sender.send(&say(n)).unwrap();
            sender.until("ack").unwrap();
        }
    }
    assert_eq!(everything(process.addr, "lobby").len(), 40, "each was said once in all");
}

fn say(n: usize) -> String {
    json!({"type": "say", "room": "lobby", "text": format!("number {n}"), "ref": n.to_string()}).to_string()
}
