//! What peers that do not do their part cost in memory.

use serde_json::json;

use super::process::{Client, Process};

const STALLED: usize = 30;
const LINES: usize = 6_000;
/// Connections that are slow to say their name.
const SLOW: usize = 500;

#[test]
fn stalled_readers_cost_little() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path(), &["--sync", "normal", "--log", "off"]);
    let (mut writer, _) = Client::program(process.addr, "writer", json!({})).unwrap();
    let mut stalled = Vec::new();
    for n in 0..STALLED {
        stalled.push(Client::program(process.addr, &format!("stalled{n}"), json!({})).unwrap());
    }
    let before = process.metric("process_resident_memory_bytes");
    let say = json!({"type": "say", "room": "lobby", "text": "x".repeat(3_900)}).to_string();
    for _ in 0..LINES / 100 {
        writer.send(&[say.as_str(); 100].join("\n")).unwrap();
        for _ in 0..100 {
            writer.until("ack").unwrap();
        }
    }
    // 23 MB for each of them: whatever the kernel does not take for them is in one log of 1 MiB.
    let grown = process.metric("process_resident_memory_bytes") - before;
    assert!(grown < 32e6, "{grown} bytes more");
    process.metric_is("chat_disconnects_total{reason=\"slow\"}", |cut| cut > 0.0);
}

/// Whoever had sent a single byte of a line owned a buffer of 16 KiB.
#[test]
fn half_a_line_costs_what_it_is_long() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path(), &["--sync", "off", "--log", "off", "--login", "1h"]);
    // What the first of them costs, all of them share.
    let _first = halves(&process, 10, 1);
    let before = process.metric("process_resident_memory_bytes");
    let _slow = halves(&process, SLOW, 1);
    let grown = process.metric("process_resident_memory_bytes") - before;
    assert!(grown < SLOW as f64 * 8e3, "{grown} bytes more for {SLOW} connections");
}

/// So many connections that have sent so many bytes of a line, once the service has read them.
fn halves(process: &Process, count: usize, bytes: usize) -> Vec<Client> {
    let before = process.metric("chat_received_bytes_total");
    let clients = (0..count).map(|_| {
        let mut client = Client::connect(process.addr).unwrap();
        client.send_bytes(&vec![b'x'; bytes]).unwrap();
        client
    });
    let clients = clients.collect();
    process.metric_is("chat_received_bytes_total", |now| now == before + (count * bytes) as f64);
    clients
}

#[test]
fn a_line_that_never_ends_costs_little() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path(), &["--sync", "off", "--log", "off"]);
    let before = process.metric("process_resident_memory_bytes");
    let mut endless = halves(&process, 50, 0);
    for client in &mut endless {
        // A megabyte each. What comes after the limit is thrown away.
        client.send_bytes(&vec![b'x'; 1024 * 1024]).unwrap();
    }
    let grown = process.metric("process_resident_memory_bytes") - before;
    assert!(grown < 10e6, "{grown} bytes more for 50 MB");
    for mut client in endless {
        assert_eq!(client.line().unwrap(), "USERNAME:");
        assert!(client.line().unwrap().starts_with("ERROR:line_too_long "));
    }
    process.metric_is("chat_disconnects_total{reason=\"line_too_long\"}", |ended| ended == 50.0);
}
