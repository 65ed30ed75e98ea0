//! A registry that grants everything.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use engine::Timestamp;
use engine::registry::{Change, Event, Label, Request};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use wire::registry::{Snapshot, decode, write_event};

type Lines = mpsc::UnboundedSender<Vec<u8>>;

#[derive(Default)]
struct House {
    rev: u64,
    joined: u64,
    watchers: Vec<Lines>,
}

/// What goes wrong, by the number of the join, from 1.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Slips {
    /// It is told to nobody.
    pub(crate) untold: u64,
    /// It is told twice.
    pub(crate) twice: u64,
}

/// A registry with slips.
pub(crate) async fn registry(slips: Slips) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let house = Arc::new(Mutex::new(House::default()));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, Arc::clone(&house), slips));
        }
    });
    address
}

async fn serve(stream: TcpStream, house: Arc<Mutex<House>>, slips: Slips) {
    let (read, mut write) = stream.into_split();
    let (lines, mut queue) = mpsc::unbounded_channel::<Vec<u8>>();
    tokio::spawn(async move {
        while let Some(line) = queue.recv().await {
            if write.write_all(&line).await.is_err() {
                return;
            }
        }
    });
    let mut heard = BufReader::new(read).lines();
    while let Ok(Some(line)) = heard.next_line().await {
        let request = decode(&line).request.unwrap();
        house.lock().unwrap().answer(request, &lines, slips);
    }
}

impl House {
    fn answer(&mut self, request: Request, own: &Lines, slips: Slips) {
        self.rev += 1;
        let extra =
            if matches!(request, Request::Register(_)) { ",\"lease\":17,\"ttl_ms\":15000" } else { "" };
        let reply = format!("{{\"ok\":true,\"rev\":{},\"epoch\":\"e\"{extra}}}\n", self.rev);
        own.send(reply.into_bytes()).unwrap();
        match request {
            Request::Watch { .. } => {
                let mut snapshot = Vec::new();
                Snapshot::new("e".into(), 0, Arc::default(), Vec::new()).write(&mut snapshot);
                own.send(snapshot).unwrap();
                self.watchers.push(own.clone());
            }
            Request::Join { user, room, .. } => {
                self.joined += 1;
                let instance = Label::parse("fake").unwrap();
                let change =
                    Change::Joined { user, room: Some(room), instance, since: Timestamp(0), held: false };
                let mut line = Vec::new();
                write_event(&mut line, &Event { rev: self.rev, change });
                let times =
                    if self.joined == slips.untold { 0 } else { 1 + u64::from(self.joined == slips.twice) };
                for _ in 0..times {
                    self.watchers.iter().for_each(|watcher| drop(watcher.send(line.clone())));
                }
            }
            _ => {}
        }
    }
}
