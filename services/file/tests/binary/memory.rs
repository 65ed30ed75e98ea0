//! What transfers cost.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::XattrFlags;

use crate::process::Process;

const MIB: usize = 1024 * 1024;
/// What fills no piece has not gone to the disk.
const PIECE: usize = 256 * 1024;
/// Transfers that run at once, half of them each way.
const MANY: usize = 64;

#[test]
fn sixty_four_transfers_fit_into_32_mib() {
    let data = tempfile::tempdir().unwrap();
    let process = Process::start(data.path(), &["--log", "off"]);
    fs::write(data.path().join("large"), vec![7; 16 * MIB]).unwrap();
    let mut held = Vec::new();
    for n in 0..MANY / 2 {
        let mut reader = process.dial();
        reader.write_all(b"DOWNLOAD large\n").unwrap();
        reader.read_exact(&mut [0; 100]).unwrap();
        let mut writer = process.dial();
        writer.write_all(format!("UPLOAD {} up-{n}\n", 4 * MIB).as_bytes()).unwrap();
        writer.write_all(&vec![1; 2 * MIB]).unwrap();
        held.extend([reader, writer]);
    }
    process.awaits("file_transfers_in_progress{direction=\"upload\"} 32");
    process.awaits("file_transfers_in_progress{direction=\"download\"} 32");
    let least = (MANY / 2 * 2 * MIB - MANY / 2 * PIECE) as f64;
    process.awaits_bytes("file_transferred_bytes_total{direction=\"upload\"}", least);
    let used = process.memory();
    println!("{MANY} transfers: {} KiB", used / 1024);
    assert!(used < 32 * MIB, "{used} bytes");
}

/// Gives a file the tag that it would have once it was hashed, which takes minutes for a hundred GiB of nothing.
fn tag(path: &Path) {
    let meta = fs::metadata(path).unwrap();
    let times = (meta.mtime(), meta.mtime_nsec(), meta.ctime(), meta.ctime_nsec());
    let tag = format!(
        "{} {} {}.{} {}.{}",
        blake3::hash(b"not asked for"),
        meta.size(),
        times.0,
        times.1,
        times.2,
        times.3
    );
    rustix::fs::setxattr(path, "user.parlance.blake3", tag.as_bytes(), XattrFlags::empty()).unwrap();
}

#[test]
fn a_file_of_100_gib_costs_no_more_than_a_small_one() {
    const HUGE: u64 = 100 << 30;
    let data = tempfile::tempdir().unwrap();
    let large = data.path().join("large");
    fs::File::create(&large).unwrap().set_len(HUGE).unwrap();
    tag(&large);
    let process = Process::start(data.path(), &["--log", "off"]);
    assert!(process.talk(b"UPLOAD 5 a\nhelloDOWNLOAD a\n").ends_with("hello"));
    let before = process.memory();
    let mut reader = process.dial();
    writeln!(reader, "RANGE {} 3 large\nDOWNLOAD large", HUGE - 3).unwrap();
    let mut heard = vec![0; 64 * MIB];
    reader.read_exact(&mut heard).unwrap();
    assert!(heard.starts_with(format!("PART {} 3 {HUGE} ", HUGE - 3).as_bytes()));
    process.awaits("file_transfers_in_progress{direction=\"download\"} 1");
    let used = process.memory();
    println!("{} KiB with a small file, {} KiB with one of 100 GiB", before / 1024, used / 1024);
    assert!(used < before + MIB, "{used} bytes, {before} before");
}

/// By hand as many files as `PARLANCE_ROUNDS` says.
#[test]
fn a_list_of_many_files_is_not_held_in_memory() {
    let data = tempfile::tempdir().unwrap();
    let files = strike::rounds(5000);
    for n in 0..files {
        fs::write(data.path().join(format!("{n:07} with a name of some length")), b"").unwrap();
    }
    let process = Process::start(data.path(), &["--log", "off"]);
    let list = || {
        let mut stream = process.dial();
        stream.set_read_timeout(None).unwrap();
        stream.write_all(b"LIST\n").unwrap();
        let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
        assert_eq!(lines.next().unwrap(), format!("LIST {files}"));
        let half: Vec<usize> = lines.by_ref().take(files / 2).map(|line| line.len()).collect();
        let used = process.memory();
        assert_eq!(half.len() + lines.take(files - files / 2).count(), files);
        used
    };
    let used = [list(), list()];
    println!("{files} files: {} KiB, and again {} KiB", used[0] / 1024, used[1] / 1024);
    assert!(used.iter().all(|&used| used < 32 * MIB), "{used:?} bytes");
}
