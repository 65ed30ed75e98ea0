//! Readers that do not read cost a bounded amount of memory.

use serde_json::json;

use super::process::{Client, Process};

const STALLED: usize = 30;
const LINES: usize = 6_000;

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
    assert!(process.metric("chat_disconnects_total{reason=\"slow\"}") > 0.0, "they were cut off");
}
