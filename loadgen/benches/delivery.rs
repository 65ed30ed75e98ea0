//! What a delivery costs the load tester itself, when they arrive coalesced:
//! `cargo bench -p loadgen --bench delivery`.
//!
//! A server as lean as can be, one thread that writes to each member every few milliseconds whatever has
//! piled up, stands in for chat, so that the two cores are nearly the load tester's own. Its CPU time is
//! that of the process that it starts, kernel and all.
//!
//! `LOADGEN_BENCH="--clients 500 --rate 300"` makes it other flags.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use engine::Timestamp;
use engine::chat::{Event, Message, Request, Told};
use engine::names::UserName;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::interval;
use wire::chat::json::{decode_hello, decode_request, encode_event};

/// 150 messages a second in one room, each to a thousand others: 150,000 deliveries a second.
const FLAGS: &str = "--clients 1001 --rooms 1 --rate 150 --ramp 2s --warmup 2s --duration 10s";
/// How long lines pile up before they are written.
const TOGETHER: Duration = Duration::from_millis(50);
const AT: Timestamp = Timestamp(1_795_335_000_123);

/// Whoever is in the room, and what it has not been written.
struct Member {
    name: UserName,
    write: tokio::net::tcp::OwnedWriteHalf,
    pending: VecDeque<u8>,
}

#[derive(Default)]
struct Room {
    said: u64,
    members: Vec<Member>,
}

type Shared = Rc<RefCell<Room>>;

fn main() {
    let chat = server();
    let flags = std::env::var("LOADGEN_BENCH").unwrap_or_default();
    let flags = FLAGS.split_whitespace().chain(flags.split_whitespace());
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadgen"));
    command
        .args(["chat", "--json", "--quiet", "--metrics-of", "none", "--chat", &chat.to_string()])
        .args(flags);
    let output = command.stderr(Stdio::inherit()).output().expect("our own binary runs");
    let report: Value = serde_json::from_slice(&output.stdout).expect("it prints a report");
    print(&report);
}

fn print(report: &Value) {
    let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
    let rows = report["rows"].as_array().map(Vec::as_slice).unwrap_or_default();
    let n = rows.iter().find(|row| row["name"] == "chat.delivery").map_or(f64::NAN, |row| number(&row["n"]));
    let (cpu, seconds) =
        (number(&report["strain"]["cpu_seconds"]), number(&report["plan"]["steady_seconds"]));
    println!("deliveries a second  {:>12.0}", n / seconds);
    println!("our cpu              {:>12.2} µs a delivery", cpu * 1e6 / n);
    println!("our cpu              {:>12.1} % of all cores", number(&report["strain"]["cpu_share"]) * 100.0);
    println!("lost                 {:>12}", report["chat"]["lost"]);
    println!("valid                {:>12}", report["verdict"]["valid"]);
}

/// Starts the server on a thread of its own.
fn server() -> SocketAddr {
    let (tell, told) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        LocalSet::new().block_on(&runtime, async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            tell.send(listener.local_addr().expect("it has one")).expect("somebody waits for it");
            let room = Shared::default();
            spawn_local(flush(Rc::clone(&room)));
            while let Ok((stream, _)) = listener.accept().await {
                spawn_local(serve(stream, Rc::clone(&room)));
            }
        });
    });
    told.recv().expect("the server starts")
}

async fn serve(stream: TcpStream, room: Shared) {
    let (read, write) = stream.into_split();
    let mut heard = BufReader::new(read).lines();
    let Ok(Some(line)) = heard.next_line().await else { return };
    let hello = decode_hello(&line).expect("it begins with a hello").hello;
    let mut pending = Vec::new();
    let (user, place) = (hello.user, hello.rooms[0].room.clone());
    let welcome =
        Event::Welcome { user: user.clone(), server: "b".into(), version: "0".into(), session: "0".into() };
    told(welcome, None, &mut pending);
    told(
        Event::Entered { room: place.clone(), members: Vec::new(), last_id: 0, gap: false },
        None,
        &mut pending,
    );
    room.borrow_mut().members.push(Member { name: user.clone(), write, pending: pending.into() });
    while let Ok(Some(line)) = heard.next_line().await {
        let tagged = decode_request(&line).expect("a request");
        let Request::Say { room: place, text } = tagged.request else { continue };
        let mut room = room.borrow_mut();
        room.said += 1;
        let id = room.said;
        let (mut ack, mut message) = (Vec::new(), Vec::new());
        told(Event::Ack { place: Some((place.clone(), id)), at: AT }, tagged.reference, &mut ack);
        let said = Message { room: place, id, from: user.clone(), text, at: AT };
        told(Event::Message { message: said, replay: false }, None, &mut message);
        for member in &mut room.members {
            member.pending.extend(if member.name == user { &ack } else { &message });
        }
    }
    room.borrow_mut().members.retain(|member| member.name != user);
    // Whatever is still read is of no interest.
    let _ = heard.into_inner().read_u8().await;
}

fn told(event: Event, reference: Option<engine::chat::Ref>, out: &mut Vec<u8>) {
    encode_event(&Told { reference, event }, out);
}

async fn flush(room: Shared) {
    let mut tick = interval(TOGETHER);
    loop {
        tick.tick().await;
        for member in &mut room.borrow_mut().members {
            let pending = member.pending.make_contiguous();
            if let Ok(written) = member.write.try_write(pending) {
                member.pending.drain(..written);
            }
        }
    }
}
