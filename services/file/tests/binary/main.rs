//! The real binary: flags, a conversation, a signal, and what is left of it after kills and power cuts.
#![allow(clippy::unwrap_used, reason = "a test that can't go on says so")]

mod faults;
mod memory;
mod process;
mod resumes;
mod verify;
mod versions;

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;

use rustix::process::Signal;

use process::{Process, output};

fn names(folder: &Path) -> BTreeSet<String> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn help_and_version() {
    let help = output(&["--help"]);
    let text = String::from_utf8(help.stdout).unwrap();
    assert!(help.status.success());
    for flag in [
        "--data",
        "--max-file",
        "--quota",
        "--keep-free",
        "--transfers",
        "--known-hashes",
        "--partial-keep",
        "--unterminated-after",
        "--registry",
        "PARLANCE_DATA",
    ] {
        assert!(text.contains(flag), "{flag} is not in {text}");
    }
    let version = output(&["--version"]);
    assert!(version.status.success() && version.stdout.starts_with(b"file "));
}

#[test]
fn it_serves_until_it_is_told_to_end() {
    let data = tempfile::tempdir().unwrap();
    let process = Process::start(&data.path().join("made/on/the/way"), &[]);
    let heard = process.talk(b"UPLOAD 5 a b.txt\nhelloDOWNLOAD a b.txt\nRANGE 1 2 a b.txt\nDELETE a b.txt\n");
    let hash = blake3::hash(b"hello");
    let expected = format!(
        "OK 5 {hash} a b.txt\nFILE 5 {hash} a b.txt\nhelloPART 1 2 5 {hash} a b.txt\nelOK deleted a b.txt\n"
    );
    assert_eq!(heard, expected);
    assert!(output(&["--admin", &process.admin, "healthcheck"]).status.success());
    process.awaits("file_disconnects_total{reason=\"quit\"} 1");
    let mut idle = process.dial();
    // Only who was let in is told.
    process.awaits("file_connections 1");
    assert_eq!(process.signal(Signal::TERM), Some(0));
    let mut heard = String::new();
    idle.read_to_string(&mut heard).unwrap();
    assert_eq!(heard, "INFO:server is going away\n");
}

#[test]
fn it_is_ready_while_its_folder_is_there() {
    let top = tempfile::tempdir().unwrap();
    let (data, aside) = (top.path().join("data"), top.path().join("aside"));
    let process = Process::start(&data, &[]);
    process.awaits_readiness("200", "");
    fs::rename(&data, &aside).unwrap();
    process.awaits_readiness("503", "the data folder is gone");
    fs::rename(&aside, &data).unwrap();
    process.awaits_readiness("200", "");
    assert!(process.talk(b"UPLOAD 2 a\nhi").starts_with("OK 2 "));
}

/// The disk is everybody's, so the room on it is not the same twice; but it is never more than the disk.
#[test]
fn it_tells_what_is_free_on_the_disk() {
    let data = tempfile::tempdir().unwrap();
    let disk = rustix::fs::statvfs(data.path()).unwrap();
    let process = Process::start(data.path(), &[]);
    let sample = "file_storage_bytes{state=\"free\"}";
    process.awaits_bytes(sample, 1.0);
    let told: f64 =
        process.metrics().lines().find_map(|line| line.strip_prefix(sample)?.trim().parse().ok()).unwrap();
    assert!(told <= (disk.f_blocks * disk.f_frsize) as f64, "{told}");
}

#[test]
fn the_client_of_the_original_design_needs_no_line_end() {
    let data = tempfile::tempdir().unwrap();
    let process = Process::start(data.path(), &["--unterminated-after", "100"]);
    let ask = |request: &str| {
        let mut stream = process.dial();
        stream.write_all(request.as_bytes()).unwrap();
        let mut heard = String::new();
        stream.read_to_string(&mut heard).unwrap();
        heard
    };
    assert_eq!(ask("UPLOAD:notes.txt:two\nlines\n"), "File notes.txt uploaded successfully\n");
    assert_eq!(ask("DOWNLOAD:notes.txt"), "FILE:two\nlines\n");
    assert_eq!(ask("DOWNLOAD:nothing"), "ERROR:File not found\n");
}

#[test]
fn a_refusal_is_read_although_the_body_is_still_coming() {
    let data = tempfile::tempdir().unwrap();
    let process = Process::start(data.path(), &["--max-file", "1MiB"]);
    let mut stream = process.dial();
    stream.write_all(b"UPLOAD 3000000 a\n").unwrap();
    stream.write_all(&[b'x'; 700_000]).unwrap();
    let mut heard = String::new();
    stream.read_to_string(&mut heard).unwrap();
    assert_eq!(heard, "ERROR:too_large a file has at most 1048576 bytes here\n");
}

#[test]
fn a_kill_in_the_middle_of_uploads_leaves_what_was_there() {
    let data = tempfile::tempdir().unwrap();
    let process = Process::start(data.path(), &[]);
    assert!(process.talk(b"UPLOAD 3 a\noldUPLOAD 4 d/b\nkept").starts_with("OK 3 "));
    let (mut plain, mut resumed) = (process.dial(), process.dial());
    plain.write_all(b"UPLOAD 1000000 a\n").unwrap();
    plain.write_all(&[b'n'; 600_000]).unwrap();
    let whole = vec![b'r'; 1_000_000];
    let resume = format!("RESUME 1000000 {} c\n", blake3::hash(&whole));
    resumed.write_all(resume.as_bytes()).unwrap();
    resumed.write_all(&whole[..600_000]).unwrap();
    // Nearly all of it has gone to the disk; what fills no piece yet has not.
    process.awaits_bytes("file_transferred_bytes_total{direction=\"upload\"}", 900_000.0);
    assert_eq!(names(data.path()).len(), 4);
    process.signal(Signal::KILL);

    let process = Process::start(data.path(), &[]);
    assert_eq!(fs::read(data.path().join("a")).unwrap(), b"old");
    assert_eq!(fs::read(data.path().join("d/b")).unwrap(), b"kept");
    let hidden: Vec<_> = names(data.path()).into_iter().filter(|name| name.starts_with('.')).collect();
    assert_eq!(
        hidden,
        [format!(".parlance-partial-{}-127.0.0.1", blake3::hash(&whole))],
        "only what can be resumed"
    );
    let mut stream = process.dial();
    stream.write_all(resume.as_bytes()).unwrap();
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line).unwrap();
    let offset: usize = line.trim_end().strip_prefix("CONTINUE ").unwrap().parse().unwrap();
    assert!((300_000..=600_000).contains(&offset), "{offset} were there");
    stream.write_all(&whole[offset..]).unwrap();
    let mut reply = String::new();
    BufReader::new(&stream).read_line(&mut reply).unwrap();
    assert_eq!(reply, format!("OK 1000000 {} c\n", blake3::hash(&whole)));
    assert_eq!(names(data.path()), ["a", "c", "d"].map(str::to_owned).into());
}

#[test]
fn a_bad_flag_is_named() {
    let data = tempfile::tempdir().unwrap();
    let taken = data.path().join("file");
    fs::write(&taken, b"").unwrap();
    let held = Process::start(data.path(), &[]);
    let bad = [
        ("--data", taken.to_str().unwrap()),
        ("--data", "/proc/nothing/here"),
        ("--data", data.path().to_str().unwrap()),
        ("--listen", held.addr.as_str()),
        ("--max-file", "big"),
        ("--quota", "-1"),
        ("--keep-free", "half"),
        ("--transfers", "0"),
        ("--known-hashes", "0"),
        ("--partial-keep", "soon"),
        ("--unterminated-after", "-5"),
        ("--unterminated-after", "0"),
    ];
    let elsewhere = tempfile::tempdir().unwrap();
    for (flag, value) in bad {
        let mut args = vec!["--registry", "none"];
        for (name, usual) in [
            ("--listen", "127.0.0.1:0"),
            ("--admin", "127.0.0.1:0"),
            ("--data", elsewhere.path().to_str().unwrap()),
        ] {
            if name != flag {
                args.extend([name, usual]);
            }
        }
        let value = format!("{flag}={value}");
        args.push(&value);
        let refused = output(&args);
        let said = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(2), "{value}: {said}");
        let error = said.lines().find(|line| line.starts_with("error: ")).unwrap_or_default();
        assert!(error.contains(flag), "{flag} is not named by: {said}");
    }
}
