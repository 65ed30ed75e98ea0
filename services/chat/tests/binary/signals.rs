//! It serves until it is told to end.

use serde_json::json;

use super::process::{Client, Process, output};

#[test]
fn a_conversation_and_a_good_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::start(folder.path(), &[]);
    let admin = process.admin.to_string();
    assert!(output(&["--admin", &admin, "healthcheck"]).status.success());

    let mut alice = Client::connect(process.addr).unwrap();
    assert_eq!(alice.line().unwrap(), "USERNAME:");
    alice.send("alice\n/who").unwrap();
    assert_eq!(alice.line().unwrap(), "INFO:lobby: alice");
    let (mut bot, room) = Client::program(process.addr, "bot", json!({})).unwrap();
    assert_eq!(room["members"], json!(["alice"]));
    assert_eq!(alice.line().unwrap(), "MSG:bot joined the chat");
    bot.send(&json!({"type": "say", "room": "lobby", "text": "hi", "ref": "1"}).to_string()).unwrap();
    assert_eq!(bot.until("ack").unwrap()["id"], 1);
    assert_eq!(alice.line().unwrap(), "MSG:[bot] hi");

    process.terminate();
    let bye = bot.until("bye").unwrap();
    assert_eq!(bye["reason"], "shutdown");
    assert!(bye["retry_after_ms"].is_u64(), "{bye}");
    assert_eq!(bot.next().unwrap(), None);
    drop(bot);
    let mut last = alice.line().unwrap();
    while let Some(line) = alice.next().unwrap() {
        last = line;
    }
    assert_eq!(last, "INFO:server is going away");
    drop(alice);
    assert_eq!(process.ended(), Some(0));
    assert_eq!(output(&["--admin", &admin, "healthcheck"]).status.code(), Some(1));
    let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(!files.iter().any(|name| name == "chat.db-wal"), "a good end leaves no log behind: {files:?}");
}

/// Somebody who does not read holds the drain up, for less than the time to drain but long enough.
#[test]
fn a_second_signal_ends_it_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::start(folder.path(), &["--log", "off", "--sync", "off", "--behind", "1GiB"]);
    let (_stuck, _) = Client::program(process.addr, "stuck", json!({})).unwrap();
    let (mut writer, _) = Client::program(process.addr, "writer", json!({})).unwrap();
    let say = json!({"type": "say", "room": "lobby", "text": "x".repeat(3_900)}).to_string();
    while process.metric("chat_slow_consumers") == 0.0 {
        writer.send(&[say.as_str(); 100].join("\n")).unwrap();
        for _ in 0..100 {
            writer.until("ack").unwrap();
        }
    }
    // Signals in one breath are one: this one comes until it is another.
    assert_eq!(process.signal_until_ended(), Some(1));
}
