//! A chat server.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use engine::chat::{Event, Message, Ref, Replay, Request, Told};
use engine::names::{RoomName, UserName};
use engine::{Code, Refusal, Timestamp};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use wire::chat::json::{decode_hello, decode_request, encode_event};

const AT: Timestamp = Timestamp(1_795_335_000_123);

/// What goes wrong, by the number of the message in its room, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is delivered to nobody.
    Drop(u64),
    /// It is delivered twice.
    Double(u64),
    /// It and the next one that somebody else says change places.
    SwapWithNext(u64),
    /// One of its bytes is another.
    Corrupt(u64),
    /// It is delivered to its sender, too.
    Echo(u64),
    /// A stranger says something behind it.
    Stranger(u64),
    /// It is refused.
    Refuse(u64),
    /// At it everybody's connection ends without a word.
    HangUp(u64),
    /// The same, and it is kept and delivered, and not acknowledged.
    HangUpUnacked(u64),
    /// At it everybody is told goodbye, and every connection ends.
    Goodbye(u64),
    /// From it on nobody is at the address any more for whoever comes.
    Leave(u64),
    /// At it the server stops reading for so long.
    Stall(u64, Duration),
    /// Whoever comes back for the first time is told the first of what it missed, and goodbye.
    GoodbyeAtReturn,
    /// Nobody gets in.
    Full,
    /// Nobody gets in again.
    FullAtReturn,
}

type Lines = mpsc::UnboundedSender<Option<Vec<u8>>>;

#[derive(Default)]
struct Room {
    said: u64,
    held: Option<(String, Vec<u8>)>,
    /// Everything that was taken, for whoever asks for what it missed.
    kept: Vec<Message>,
    /// The ids under which the keys of each user were taken.
    keys: BTreeMap<(String, String), u64>,
    members: Vec<(String, Lines)>,
    /// Who has come back before.
    returned: BTreeSet<String>,
}

struct Chat {
    faults: Vec<Fault>,
    rooms: Mutex<BTreeMap<String, Room>>,
    said: watch::Sender<u64>,
    /// Until when nothing is read.
    stalled: Mutex<Instant>,
}

/// A chat server with faults; how many messages it has heard can be watched.
pub(crate) async fn chat(faults: &[Fault]) -> (SocketAddr, watch::Receiver<u64>) {
    let socket = TcpSocket::new_v4().unwrap();
    // So small that a stall is felt at once.
    socket.set_recv_buffer_size(4096).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1024).unwrap();
    let address = listener.local_addr().unwrap();
    let (said, heard) = watch::channel(0);
    let stalled = Mutex::new(Instant::now());
    let faults = faults.to_vec();
    let chat = Arc::new(Chat { faults: faults.clone(), rooms: Mutex::default(), said, stalled });
    let mut said = heard.clone();
    tokio::spawn(async move {
        let left =
            faults.into_iter().find_map(|fault| if let Fault::Leave(at) = fault { Some(at) } else { None });
        tokio::select! {
            () = accept_all(listener, chat) => {}
            _ = said.wait_for(|said| left.is_some_and(|at| *said >= at)) => {}
        }
    });
    (address, heard)
}

async fn accept_all(listener: TcpListener, chat: Arc<Chat>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(Arc::clone(&chat).serve(stream));
    }
}

impl Chat {
    async fn serve(self: Arc<Self>, stream: TcpStream) {
        stream.set_nodelay(true).unwrap();
        let (read, write) = stream.into_split();
        let (lines, queue) = mpsc::unbounded_channel();
        lines.send(Some(b"USERNAME:\n".to_vec())).unwrap();
        tokio::spawn(write_all(write, queue));
        let mut heard = BufReader::new(read).lines();
        let Ok(Some(hello)) = heard.next_line().await else { return };
        let hello = decode_hello(&hello).unwrap().hello;
        if !self.enter(&hello.user, &hello.rooms[0].room, hello.rooms[0].replay, &lines) {
            return;
        }
        while let Ok(Some(line)) = heard.next_line().await {
            let tagged = decode_request(&line).unwrap();
            let Request::Say { room, text } = tagged.request else { panic!("only says are expected") };
            self.say(&hello.user, room, text, tagged.reference, &lines);
            let until = *self.stalled.lock().unwrap();
            sleep_until(until).await;
        }
        let _ = lines.send(None);
    }

    fn enter(&self, user: &UserName, room: &RoomName, replay: Replay, lines: &Lines) -> bool {
        let returns = matches!(replay, Replay::Since(_));
        let full = if returns { Fault::FullAtReturn } else { Fault::Full };
        if self.faults.contains(&full) {
            tell(lines, Event::Refused(Refusal::new(Code::TooManyConnections, "the server is full")), None);
            lines.send(None).unwrap();
            return false;
        }
        let welcome = Event::Welcome {
            user: user.clone(),
            server: "fake".into(),
            version: "0".into(),
            session: "0".into(),
        };
        tell(lines, welcome, None);
        let mut rooms = self.rooms.lock().unwrap();
        let place = rooms.entry(room.as_str().to_owned()).or_default();
        let mut told = entered(place, room, replay);
        if self.faults.contains(&Fault::GoodbyeAtReturn)
            && returns
            && place.returned.insert(user.as_str().to_owned())
        {
            told.truncate(2);
            told.push(Event::Bye { retry_after_ms: 10 });
            // In one piece, so that it is read at once.
            lines.send(Some(told.into_iter().flat_map(|event| line(event, None)).collect())).unwrap();
            lines.send(None).unwrap();
            return false;
        }
        told.into_iter().for_each(|event| tell(lines, event, None));
        place.members.push((user.as_str().to_owned(), lines.clone()));
        true
    }

    fn say(&self, user: &UserName, name: RoomName, mut text: String, reference: Option<Ref>, own: &Lines) {
        let mut rooms = self.rooms.lock().unwrap();
        let room = rooms.get_mut(name.as_str()).unwrap();
        let key = (user.to_string(), reference.as_ref().map_or(String::new(), |key| key.as_str().to_owned()));
        if let Some(&id) = room.keys.get(&key) {
            tell(own, Event::Ack { place: Some((name, id)), at: AT }, reference);
            return;
        }
        room.said += 1;
        let id = room.said;
        let has = |fault| self.faults.contains(&fault);
        if has(Fault::Refuse(id)) {
            tell(own, Event::Refused(Refusal::new(Code::NoSpace, "the disk is full")), reference);
            return;
        }
        room.keys.insert(key, id);
        let kept = Message { room: name.clone(), id, from: user.clone(), text: text.clone(), at: AT };
        room.kept.push(kept);
        if !has(Fault::HangUpUnacked(id)) {
            tell(own, Event::Ack { place: Some((name.clone(), id)), at: AT }, reference);
        }
        if has(Fault::Corrupt(id)) {
            text.pop();
            text.push('#');
        }
        let line = message(&name, id, user, text);
        if has(Fault::Drop(id)) {
        } else if has(Fault::SwapWithNext(id)) || room.holds_one_of(user) {
            room.release();
            room.held = Some((user.to_string(), line.clone()));
        } else {
            room.deliver(user.as_str(), &line);
            room.release();
            if has(Fault::Double(id)) {
                room.deliver(user.as_str(), &line);
            }
        }
        if has(Fault::Echo(id)) {
            own.send(Some(line)).unwrap();
        }
        if has(Fault::Stranger(id)) {
            let stranger = UserName::parse("alice").unwrap();
            room.deliver("alice", &message(&name, id, &stranger, "hello \"you\"".into()));
        }
        self.interrupt(id, room);
        self.said.send_modify(|said| *said += 1);
    }

    /// The faults that concern everybody.
    fn interrupt(&self, id: u64, room: &mut Room) {
        for fault in &self.faults {
            match *fault {
                Fault::Stall(at, pause) if at == id => *self.stalled.lock().unwrap() = Instant::now() + pause,
                Fault::HangUp(at) | Fault::HangUpUnacked(at) if at == id => room.end(false),
                Fault::Goodbye(at) if at == id => room.end(true),
                _ => {}
            }
        }
    }
}

impl Room {
    fn deliver(&self, sender: &str, line: &[u8]) {
        for (_, lines) in self.members.iter().filter(|(member, _)| member != sender) {
            // A member that is gone gets nothing.
            let _ = lines.send(Some(line.to_vec()));
        }
    }

    fn holds_one_of(&self, user: &UserName) -> bool {
        self.held.as_ref().is_some_and(|(sender, _)| sender == user.as_str())
    }

    fn release(&mut self) {
        if let Some((sender, held)) = self.held.take() {
            self.deliver(&sender, &held);
        }
    }

    fn end(&mut self, politely: bool) {
        for (_, lines) in self.members.drain(..) {
            if politely {
                tell(&lines, Event::Bye { retry_after_ms: 10 }, None);
            }
            let _ = lines.send(None);
        }
    }
}

/// What somebody is told who enters: where the room is, and what it asks for of the past.
fn entered(place: &Room, room: &RoomName, replay: Replay) -> Vec<Event> {
    let past =
        place.kept.iter().filter(|message| matches!(replay, Replay::Since(since) if message.id > since));
    let entered = Event::Entered { room: room.clone(), members: Vec::new(), last_id: place.said, gap: false };
    let past = past.map(|message| Event::Message { message: message.clone(), replay: true });
    std::iter::once(entered).chain(past).collect()
}

fn message(room: &RoomName, id: u64, from: &UserName, text: String) -> Vec<u8> {
    let message = Message { room: room.clone(), id, from: from.clone(), text, at: AT };
    line(Event::Message { message, replay: false }, None)
}

fn tell(lines: &Lines, event: Event, reference: Option<Ref>) {
    let _ = lines.send(Some(line(event, reference)));
}

fn line(event: Event, reference: Option<Ref>) -> Vec<u8> {
    let mut line = Vec::new();
    encode_event(&Told { reference, event }, &mut line);
    line
}

/// Writes until the end is sent; then the connection is over, whatever the other side still says.
async fn write_all(mut write: OwnedWriteHalf, mut queue: mpsc::UnboundedReceiver<Option<Vec<u8>>>) {
    while let Some(Some(line)) = queue.recv().await {
        if write.write_all(&line).await.is_err() {
            return;
        }
    }
    let _ = write.shutdown().await;
}
