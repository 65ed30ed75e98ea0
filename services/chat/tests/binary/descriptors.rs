//! Descriptors: every connection is one, and there are only so many.

use std::io::BufRead;
use std::time::Duration;

use serde_json::json;

use super::process::{Client, Process};

/// How many descriptors a test leaves a service, of which connections may have half.
const SPARE: u64 = 16;
/// Connections that come in one go.
const CROWD: usize = 250;
/// The pause after the first accept that failed.
const SHORTEST: Duration = Duration::from_millis(10);

/// A thousand who come at once and go at once, each kind in its way.
#[test]
fn a_crowd_that_comes_and_goes_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path(), &["--sync", "normal", "--log", "off"]);
    let (mut warm, _) = Client::program(process.addr, "warm", json!({})).unwrap();
    warm.send(&json!({"type": "say", "room": "lobby", "text": "x"}).to_string()).unwrap();
    warm.until("ack").unwrap();
    let before = process.metric("process_open_fds");

    let connect = || -> Vec<Client> { (0..CROWD).map(|_| Client::connect(process.addr).unwrap()).collect() };
    drop(connect());
    connect().into_iter().for_each(Client::reset);
    for mut client in connect() {
        client.send_bytes(b"half a na").unwrap();
    }
    for (n, mut client) in connect().into_iter().enumerate() {
        client.send(&format!("crowd{n}\nhi")).unwrap();
        client.reset();
    }

    let all = 4.0 * CROWD as f64;
    process.metric_is("chat_connections_total{result=\"accepted\"}", |count| count == all + 1.0);
    process.metric_is("chat_connections", |open| open == 1.0);
    process.metric_is("chat_users", |users| users == 1.0);
    let ended = |reason| process.metric(&format!("chat_disconnects_total{{reason=\"{reason}\"}}"));
    assert_eq!(ended("quit") + ended("lost"), all);
    process.metric_is("process_open_fds", |open| open <= before);
}

/// A connection to the database opened the log when it was first asked, and there was nothing left to open it with.
#[test]
fn history_and_search_need_no_more_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let (process, log) = Process::start_logging(folder.path(), &["--sync", "normal", "--log", "warn"]);
    let (mut alice, _) = Client::program(process.addr, "alice", json!({})).unwrap();
    process.spare_descriptors(SPARE);
    let _crowd: Vec<Client> = (0..40).map(|_| Client::connect(process.addr).unwrap()).collect();
    let mut pauses = log.lines().map(|line| pause_of(&line.unwrap()));
    assert_eq!(pauses.next(), Some(SHORTEST), "none is left");
    alice.send(&json!({"type": "say", "room": "lobby", "text": "apple"}).to_string()).unwrap();
    alice.until("ack").unwrap();
    let logs = process.open_files("chat.db-wal");
    for question in [
        json!({"type": "search", "query": "apple", "limit": 1}),
        json!({"type": "history", "room": "lobby", "limit": 1}),
    ] {
        alice.send(&question.to_string()).unwrap();
        let mut heard = std::iter::repeat_with(|| alice.object().unwrap());
        let answer = heard.find(|object| object["type"] != "message").unwrap();
        assert_eq!(answer["messages"][0]["text"], "apple", "{answer}");
    }
    assert_eq!(process.open_files("chat.db-wal"), logs, "the last descriptors are there for something else");
}

/// Its port for that could not accept, either, and whoever looks after services took this one for dead.
#[test]
fn it_tells_how_it_is_without_any_left() {
    let folder = tempfile::tempdir().unwrap();
    let (process, log) = Process::start_logging(folder.path(), &["--sync", "normal", "--log", "warn"]);
    process.spare_descriptors(SPARE);
    let mut crowd: Vec<Client> = (0..40).map(|_| Client::connect(process.addr).unwrap()).collect();
    // Who does not would have to leave again.
    crowd.iter_mut().enumerate().for_each(|(n, client)| client.send(&format!("crowd{n}")).unwrap());
    assert_eq!(pause_of(&log.lines().next().unwrap().unwrap()), SHORTEST);
    for _ in 0..100 {
        assert!(process.metric("accept_errors_total{kind=\"descriptors\"}") > 0.0);
        assert!(process.metric("process_open_fds") > 0.0);
    }
    drop(crowd);
    let _alice = Client::program(process.addr, "alice", json!({})).unwrap();
}

/// Whoever can't be accepted waits, and so does the service: longer and longer, not by trying at once again.
#[test]
fn without_descriptors_it_pauses_and_comes_back_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let (process, log) = Process::start_logging(folder.path(), &["--sync", "normal", "--log", "warn"]);
    let (mut alice, _) = Client::program(process.addr, "alice", json!({})).unwrap();
    let (mut bob, _) = Client::program(process.addr, "bob", json!({})).unwrap();
    assert_eq!(process.metric("accept_errors_total{kind=\"descriptors\"}"), 0.0);
    process.spare_descriptors(SPARE);
    let crowd: Vec<Client> = (0..40).map(|_| Client::connect(process.addr).unwrap()).collect();

    let mut pauses = log.lines().map(|line| pause_of(&line.unwrap()));
    let (mut last, mut seen) = (Duration::ZERO, 0.0);
    while last < Duration::from_millis(160) {
        let pause = pauses.next().unwrap();
        // It begins anew after somebody who was let in.
        assert!(pause == SHORTEST || pause == last * 2, "{pause:?} after {last:?}");
        (last, seen) = (pause, seen + 1.0);
    }
    for _ in 0..100 {
        alice.send(&json!({"type": "say", "room": "lobby", "text": "still here"}).to_string()).unwrap();
        alice.until("ack").unwrap();
        assert_eq!(bob.until("message").unwrap()["text"], "still here");
    }

    drop(crowd);
    let (_carol, room) = Client::program(process.addr, "carol", json!({})).unwrap();
    assert_eq!(room["members"], json!(["alice", "bob"]));
    process.metric_is("chat_connections", |open| open == 3.0);
    let refused = process.metric("accept_errors_total{kind=\"descriptors\"}");
    assert_eq!(process.metric("log_messages_total{level=\"warn\"}"), refused);
    process.kill();
    assert_eq!(refused, seen + pauses.count() as f64, "it tries once a pause");
}

fn pause_of(line: &str) -> Duration {
    assert!(line.contains("can't accept"), "{line}");
    let (_, pause) = line.rsplit_once("pause=").unwrap();
    humantime::parse_duration(pause).unwrap()
}
