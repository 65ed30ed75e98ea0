//! Connections break anywhere, of those who read and of those who write: with `since` and `ref` nothing is
//! missed, nothing is doubled, and all see one order.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use super::crowd::{Listener, Told, Writer};
use super::ledger::{Tally, everything};
use super::{lots, moments};
use crate::process::{Client, Process};

const LOT: usize = 200;
const WRITERS: usize = 20;
const READERS: usize = 8;
const ROOMS: [&str; 3] = ["lobby", "kitchen", "attic"];

#[test]
fn while_twenty_write() {
    let mut moments = moments();
    let mut seen = Tally::default();
    for breaks in lots(LOT) {
        let folder = tempfile::tempdir().unwrap();
        let process = Process::start(folder.path(), &["--sync", "normal", "--log", "off"]);
        seen += storm(process.addr, breaks, &mut moments);
        seen.assert_clean();
    }
    println!("readers disconnected, {seen}");
}

fn storm(addr: SocketAddr, breaks: usize, moments: &mut SmallRng) -> Tally {
    let mut seed = || SmallRng::seed_from_u64(moments.random());
    let is_over = &AtomicBool::new(false);
    let (writers, mut readers) = thread::scope(|scope| {
        let start_writer = |n| {
            let moments = seed();
            scope.spawn(move || write(addr, Writer::new(n, ROOMS[n % ROOMS.len()], 3), is_over, moments))
        };
        let writers: Vec<_> = (0..WRITERS).map(start_writer).collect();
        let start_reader = |n| {
            let moments = seed();
            scope.spawn(move || read(addr, n, (breaks + n) / READERS, moments))
        };
        let readers: Vec<_> = (0..READERS).map(start_reader).collect();
        let readers: Vec<_> = readers.into_iter().map(|one| one.join().unwrap()).collect();
        is_over.store(true, Ordering::Relaxed);
        let writers: Vec<_> = writers.into_iter().map(|one| one.join().unwrap()).collect();
        (writers, readers)
    });
    let mut tally = Tally { strikes: breaks, ..Tally::default() };
    for (index, room) in ROOMS.into_iter().enumerate() {
        let kept = everything(addr, room);
        for reader in &mut readers {
            reader.rooms[index].catch_up(addr, room, kept.len() as u64);
        }
        let theirs = writers.iter().filter(|writer| writer.room == room);
        tally += Tally::of(theirs, readers.iter().map(|reader| &reader.rooms[index]), &kept);
    }
    tally
}

/// Talks, breaks off in the middle of a line and comes back, until the readers have had enough.
fn write(addr: SocketAddr, mut writer: Writer, is_over: &AtomicBool, mut moments: SmallRng) -> Writer {
    loop {
        let mut client = come_back(addr, &writer);
        for _ in 0..moments.random_range(1..20) {
            writer.say_window(&mut client, None).unwrap();
        }
        if is_over.load(Ordering::Relaxed) {
            writer.finish(&mut client).unwrap();
            return writer;
        }
        break_off(&mut writer, client, &mut moments);
    }
}

/// The same name each time, for a `ref` is a name's own. The server may hear late of the end of the connection
/// before.
fn come_back(addr: SocketAddr, writer: &Writer) -> Client {
    loop {
        match writer.come(addr) {
            Ok(client) => return client,
            Err(error) => assert!(error.to_string().contains("name_taken"), "{error}"),
        }
    }
}

fn break_off(writer: &mut Writer, mut client: Client, moments: &mut SmallRng) {
    let window = writer.window();
    let lines = writer.lines(&window);
    client.send_bytes(&lines[..moments.random_range(0..lines.len())]).unwrap();
    if moments.random() {
        client.reset();
    }
}

/// Somebody who listens in every room over one connection, and loses it.
struct Reader {
    number: usize,
    rooms: [Listener; ROOMS.len()],
}

/// Where a connection breaks.
struct Break {
    /// So many bytes after the greeting, or after the first that was said live.
    bytes: usize,
    is_live: bool,
    is_reset: bool,
}

fn read(addr: SocketAddr, number: usize, breaks: usize, mut moments: SmallRng) -> Reader {
    let mut reader = Reader { number, rooms: ROOMS.map(|_| Listener::new(number)) };
    for visit in 0..breaks {
        let at = Break {
            bytes: moments.random_range(0..5_000),
            is_live: moments.random(),
            is_reset: moments.random(),
        };
        reader.visit(addr, visit, &at).unwrap();
    }
    reader
}

impl Reader {
    /// Comes for what was missed, under a name of its own each time, and goes.
    fn visit(&mut self, addr: SocketAddr, visit: usize, at: &Break) -> io::Result<()> {
        let rooms: Vec<Value> = ROOMS
            .iter()
            .zip(&self.rooms)
            .map(|(room, listener)| json!({"room": room, "since": listener.last()}))
            .collect();
        let user = format!("reader{}.{visit}", self.number);
        let hello = json!({"type": "hello", "user": user, "rooms": rooms}).to_string() + "\n";
        let mut client = Client::connect(addr)?;
        client.send_bytes(hello.as_bytes())?;
        self.hear(&mut client, at)?;
        if at.is_reset {
            client.reset();
        }
        Ok(())
    }

    /// Takes whole lines until the connection breaks; the rest of a line is lost.
    fn hear(&mut self, client: &mut Client, at: &Break) -> io::Result<()> {
        let mut left = if at.is_live { usize::MAX } else { at.bytes };
        let (mut chunk, mut line) = ([0; 4096], Vec::new());
        while left > 0 {
            let most = left.min(chunk.len());
            let read = client.read(&mut chunk[..most])?;
            if read == 0 {
                return Ok(());
            }
            left -= read;
            for byte in &chunk[..read] {
                line.push(*byte);
                if *byte == b'\n' && self.take(&std::mem::take(&mut line)) && left > at.bytes {
                    left = at.bytes;
                }
            }
        }
        Ok(())
    }

    /// Takes a line; whether it was said live.
    fn take(&mut self, line: &[u8]) -> bool {
        let object: Value = serde_json::from_slice(line).unwrap_or_default();
        let Some(index) = ROOMS.iter().position(|room| object["room"] == *room) else { return false };
        match object["type"].as_str() {
            Some("room") => self.rooms[index].gaps += usize::from(object["gap"] == true),
            Some("message") => {
                self.rooms[index].heard.push(Told::new(&object));
                return object["replay"].is_null();
            }
            _ => {}
        }
        false
    }
}
