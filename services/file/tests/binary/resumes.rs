//! Uploads over connections that break.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use rand::RngExt;
use rustix::net::sockopt::set_socket_linger;
use strike::{moments, rounds};

use crate::process::Process;

const KIB: usize = 1024;

fn noise(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new().finalize_xof().fill(&mut bytes);
    bytes
}

/// A connection that wants to go on with an upload, and where it is to go on.
fn go_on(process: &Process, whole: &[u8]) -> (TcpStream, usize) {
    let mut stream = process.dial();
    writeln!(stream, "RESUME {} {} a", whole.len(), blake3::hash(whole)).unwrap();
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line).unwrap();
    let offset = line.trim_end().strip_prefix("CONTINUE ").unwrap_or_else(|| panic!("{line}"));
    (stream, offset.parse().unwrap())
}

fn finish(process: &Process, whole: &[u8]) {
    let (mut stream, offset) = go_on(process, whole);
    stream.write_all(&whole[offset..]).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut heard = String::new();
    stream.read_to_string(&mut heard).unwrap();
    assert_eq!(heard, format!("OK {} {} a\n", whole.len(), blake3::hash(whole)));
}

#[test]
fn a_connection_that_is_cut_at_every_kilobyte_loses_none() {
    let data = tempfile::tempdir().unwrap();
    let process = Process::start(data.path(), &["--log", "off"]);
    let whole = noise(200 * KIB + 1);
    for sent in (0..whole.len()).step_by(KIB) {
        let (mut stream, offset) = go_on(&process, &whole);
        assert_eq!(offset, sent, "all that came before an orderly end is kept");
        stream.write_all(&whole[offset..(offset + KIB).min(whole.len() - 1)]).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut heard = String::new();
        stream.read_to_string(&mut heard).unwrap();
        assert!(heard.starts_with("ERROR:bad_request "), "{heard}");
    }
    finish(&process, &whole);
    assert!(std::fs::read(data.path().join("a")).unwrap() == whole);
}

/// By hand as often as `PARLANCE_ROUNDS` says.
#[test]
fn connections_that_break_at_random_never_spoil_the_file() {
    let data = tempfile::tempdir().unwrap();
    let process = Process::start(data.path(), &["--log", "off"]);
    let (mut moments, whole) = (moments(), noise(2000 * KIB));
    let (mut before, breaks) = (0, rounds(50));
    for _ in 0..breaks {
        let (mut stream, offset) = go_on(&process, &whole);
        assert!(offset <= whole.len() && offset <= before, "{offset} were there, {before} were sent");
        let more = moments.random_range(0..whole.len() / 8).min(whole.len() - 1 - offset);
        stream.write_all(&whole[offset..offset + more]).unwrap();
        before = before.max(offset + more);
        if moments.random() {
            set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
        }
    }
    finish(&process, &whole);
    assert!(std::fs::read(data.path().join("a")).unwrap() == whole);
    println!("{breaks} connections broken");
}
