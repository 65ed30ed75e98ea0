//! The disk fills up in the middle of an upload and is freed again.

use std::io::{BufRead, BufReader, Write};

use strike::disk::Disk;
use strike::or_skip;

use crate::process::Process;

const SIZE: usize = 3 << 20;

#[test]
fn of_memory() {
    if let Some(disk) = or_skip("full disk", Disk::memory("16m")) {
        fill(&disk);
    }
}

#[test]
fn an_ext4() {
    if let Some(disk) = or_skip("full disk", Disk::ext4()) {
        fill(&disk);
    }
}

fn fill(disk: &Disk) {
    let process = Process::start(&disk.data(), &["--log", "off"]);
    assert!(process.talk(b"UPLOAD 5 a\nhello").starts_with("OK 5 "));
    let body = vec![9; SIZE];
    let mut upload = process.dial();
    upload.write_all(format!("UPLOAD {SIZE} big\n").as_bytes()).unwrap();
    upload.write_all(&body[..SIZE / 2]).unwrap();
    process.awaits_bytes("file_transferred_bytes_total{direction=\"upload\"}", (SIZE / 3) as f64);
    disk.fill();
    // The server may close before it has read all of it.
    let _ = upload.write_all(&body[SIZE / 2..]);
    let mut line = String::new();
    BufReader::new(&upload).read_line(&mut line).unwrap();
    assert!(line.starts_with("ERROR:no_space "), "{line}");
    assert_eq!(process.talk(b"RANGE 1 3 a\n").lines().last(), Some("ell"), "whoever reads notices nothing");
    let left = std::fs::read_dir(disk.data()).unwrap().count();
    assert_eq!(left, 1, "the temporary is gone");
    process.awaits("file_transfers_total{direction=\"upload\",result=\"refused\"} 1");
    // What it has freed may be enough for a small one; this is not small.
    assert!(process.talk(format!("UPLOAD {} c\n", 1 << 30).as_bytes()).starts_with("ERROR:no_space "));
    disk.free();
    let again = [format!("UPLOAD {SIZE} big\n").as_bytes(), &body].concat();
    assert!(process.talk(&again).starts_with(&format!("OK {SIZE} ")));
}
