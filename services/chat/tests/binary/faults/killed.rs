//! `kill -9` under load, again and again: nothing that was acked is lost, nothing is said twice, and no
//! id is missing.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use crate::process::{Client, Process};

const KILLS: usize = 25;
const WRITERS: usize = 3;
/// Messages of one writer that wait for their acks at a time.
const WINDOW: usize = 40;

/// Somebody who says numbers, each until it is acked.
#[derive(Default)]
struct Writer {
    name: String,
    next: u64,
    unacked: VecDeque<u64>,
    /// The id that each number got.
    acked: BTreeMap<u64, u64>,
}

impl Writer {
    /// Speaks until the server is gone.
    fn speak(mut self, addr: SocketAddr, acks: &Sender<()>) -> Self {
        // A server that is gone ends the round, wherever it is.
        let _ = self.try_speak(addr, acks);
        self
    }

    fn try_speak(&mut self, addr: SocketAddr, acks: &Sender<()>) -> io::Result<()> {
        let (mut client, _) = Client::program(addr, &self.name, json!({}))?;
        let again: Vec<u64> = self.unacked.iter().copied().collect();
        self.send(&mut client, &again)?;
        loop {
            let fresh: Vec<u64> = (self.next..).take(WINDOW - self.unacked.len()).collect();
            self.next += fresh.len() as u64;
            self.unacked.extend(&fresh);
            self.send(&mut client, &fresh)?;
            while !self.unacked.is_empty() {
                let ack = client.until("ack")?;
                let number = self.unacked.pop_front().unwrap();
                assert_eq!(ack["ref"], number.to_string(), "acks keep the order of the messages");
                self.acked.insert(number, ack["id"].as_u64().unwrap());
                // The last round ends without a listener.
                let _ = acks.send(());
            }
        }
    }

    fn send(&self, client: &mut Client, numbers: &[u64]) -> io::Result<()> {
        let say =
            |n: &u64| json!({"type": "say", "room": "lobby", "text": self.text(*n), "ref": n.to_string()});
        let lines: Vec<String> = numbers.iter().map(|n| say(n).to_string()).collect();
        if lines.is_empty() { Ok(()) } else { client.send(&lines.join("\n")) }
    }

    fn text(&self, number: u64) -> String {
        format!("{}/{number}", self.name)
    }
}

#[test]
fn nothing_acked_is_lost_and_nothing_is_doubled() {
    let folder = tempfile::tempdir().unwrap();
    let mut moments = SmallRng::seed_from_u64(9);
    let mut writers: Vec<Writer> =
        (0..WRITERS).map(|n| Writer { name: format!("writer{n}"), ..Writer::default() }).collect();
    for _ in 0..KILLS {
        let process = Process::start(folder.path(), &["--sync", "normal", "--log", "off"]);
        let (acks, acked) = channel();
        let addr = process.addr;
        let threads: Vec<_> = writers
            .into_iter()
            .map(|writer| {
                let acks = acks.clone();
                thread::spawn(move || writer.speak(addr, &acks))
            })
            .collect();
        for _ in 0..moments.random_range(1..400) {
            acked.recv().unwrap();
        }
        process.kill();
        writers = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    }
    let process = Process::start(folder.path(), &["--sync", "normal", "--log", "off"]);
    check(&writers, &everything(process.addr));
}

/// All that the lobby keeps.
fn everything(addr: SocketAddr) -> Vec<Value> {
    let (mut reader, room) = Client::program(addr, "reader", json!({"since": 0})).unwrap();
    assert_eq!(room["gap"], false);
    (0..room["last_id"].as_u64().unwrap()).map(|_| reader.until("message").unwrap()).collect()
}

fn check(writers: &[Writer], kept: &[Value]) {
    for (index, message) in kept.iter().enumerate() {
        assert_eq!(message["id"], index as u64 + 1, "ids have no gap");
    }
    for writer in writers {
        assert!(writer.acked.len() >= KILLS, "{} had its say", writer.name);
        for (number, id) in &writer.acked {
            let message = &kept[*id as usize - 1];
            assert_eq!(
                [&message["from"], &message["text"]],
                [&json!(writer.name), &json!(writer.text(*number))]
            );
        }
        let mut said = kept.iter().filter(|message| message["from"] == writer.name.as_str());
        for number in 0..writer.next {
            match said.next() {
                Some(message) => assert_eq!(message["text"], writer.text(number), "once, and in order"),
                None => assert!(writer.unacked.contains(&number), "{number} was acked"),
            }
        }
        assert_eq!(said.next(), None);
    }
}
