//! A file that is replaced again and again while others read it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::thread;

use strike::rounds;

use crate::process::Process;

/// More than is moved in one piece, and by a thread of its own.
const SIZE: usize = 700_000;

/// One version: a letter, as often as the file is long.
fn version(n: usize) -> Vec<u8> {
    vec![b'a' + (n % 26) as u8; SIZE]
}

/// A connection that waits as long as a busy disk takes to flush.
fn dial(process: &Process) -> TcpStream {
    let stream = process.dial();
    stream.set_read_timeout(None).unwrap();
    stream
}

fn write(process: &Process, from: usize, times: usize) {
    let mut stream = dial(process);
    let mut replies = BufReader::new(stream.try_clone().unwrap());
    for n in (from..).step_by(2).take(times) {
        stream.write_all(&[format!("UPLOAD {SIZE} a\n").as_bytes(), &version(n)].concat()).unwrap();
        let mut reply = String::new();
        replies.read_line(&mut reply).unwrap();
        assert_eq!(reply, format!("OK {SIZE} {} a\n", blake3::hash(&version(n))));
    }
}

/// Reads the file once: its bytes are one version, and hash to what stands in front of them.
fn read(process: &Process) -> u8 {
    let mut stream = dial(process);
    stream.write_all(b"DOWNLOAD a\n").unwrap();
    let mut stream = BufReader::new(stream);
    let (mut line, mut bytes) = (String::new(), vec![0; SIZE]);
    stream.read_line(&mut line).unwrap();
    stream.read_exact(&mut bytes).unwrap();
    assert_eq!(line, format!("FILE {SIZE} {} a\n", blake3::hash(&bytes)));
    assert!(bytes.iter().all(|byte| *byte == bytes[0]), "of one version");
    bytes[0]
}

/// Each of two writers replaces it as often as `PARLANCE_ROUNDS` says.
#[test]
fn readers_get_one_whole_version_and_two_writers_leave_one() {
    let data = tempfile::tempdir().unwrap();
    let process = Process::start(data.path(), &["--log", "off"]);
    let times = rounds(20);
    write(&process, 0, 1);
    let reads = thread::scope(|scope| {
        let server = &process;
        let writers = [0, 1].map(|from| scope.spawn(move || write(server, from, times)));
        let mut reads = 0;
        while !writers.iter().all(|writer| writer.is_finished()) || reads == 0 {
            read(server);
            reads += 1;
        }
        reads
    });
    let last = read(&process);
    let final_ones = [0, 1].map(|from| version(from + 2 * (times - 1))[0]);
    assert!(final_ones.contains(&last), "the last of one of them");
    assert_eq!(std::fs::read_dir(data.path()).unwrap().count(), 1);
    println!("{times} versions each of two writers, {reads} reads");
}
