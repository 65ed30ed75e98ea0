//! Several servers on one folder, as `docker compose up --scale chat=3` starts them.

use std::path::Path;

use serde_json::json;

use super::process::{Client, Process, chat, refused, serving};

const TWO: [&str; 2] = ["--replicas", "2"];

/// What a server calls itself.
fn name(process: &Process) -> String {
    let mut client = Client::connect(process.addr).unwrap();
    client.send(&json!({"type": "hello", "user": "alice", "rooms": []}).to_string()).unwrap();
    let welcome = client.until("welcome").unwrap();
    welcome["server"].as_str().unwrap().to_owned()
}

/// Says something and returns its id.
fn say(process: &Process, user: &str) -> u64 {
    let (mut client, _) = Client::program(process.addr, user, json!({})).unwrap();
    client.send(&json!({"type": "say", "room": "lobby", "text": "hi"}).to_string()).unwrap();
    client.until("ack").unwrap()["id"].as_u64().unwrap()
}

fn refused_on(data: &Path) -> String {
    refused(
        "--replicas",
        &[&["--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()], &TWO[..]].concat(),
    )
}

#[test]
fn each_has_a_place_a_name_and_a_history_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let start = || Process::start(folder.path(), &TWO);
    let (first, second) = (start(), start());
    assert_eq!((name(&first), name(&second)), ("chat-1".into(), "chat-2".into()));
    assert_eq!((say(&first, "bob"), say(&first, "carol"), say(&second, "dave")), (1, 2, 1));
    let said = refused_on(folder.path());
    assert!(said.contains("so many chat servers use"), "{said}");

    first.kill();
    let again = start();
    assert_eq!(name(&again), "chat-1", "a place is free when its process is gone");
    assert_eq!(say(&again, "bob"), 3, "and its history goes on");
}

#[test]
fn a_name_that_is_given_stays_and_the_first_place_is_the_folder_itself() {
    let folder = tempfile::tempdir().unwrap();
    let single = Process::start(folder.path(), &[]);
    say(&single, "bob");
    single.kill();
    let mut command = chat(&[&serving(folder.path()), &TWO[..], &["--instance", "west"]].concat());
    let first = Process::run(&mut command);
    assert_eq!((name(&first), say(&first, "bob")), ("west".into(), 2));
}
