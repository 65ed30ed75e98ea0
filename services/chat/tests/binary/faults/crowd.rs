//! People who talk and listen through one server's life after another, and remember what they were told.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use serde_json::{Value, json};

use crate::process::Client;

/// Messages that a writer of a crowd says at a time, and then waits for the answers.
pub(super) const WINDOW: usize = 40;

/// Writers who say numbers, each until it is acked, and listeners, all in the lobby.
pub(super) struct Crowd {
    pub(super) writers: Vec<Writer>,
    pub(super) listeners: Vec<Listener>,
}

impl Crowd {
    pub(super) fn new(writers: usize, listeners: usize) -> Self {
        Crowd {
            writers: (0..writers).map(|n| Writer::new(n, "lobby", WINDOW)).collect(),
            listeners: (0..listeners).map(Listener::new).collect(),
        }
    }

    /// Lets everybody come and talk while something happens to the server, and until it is gone. It happens when
    /// all have come, or could not: whoever is not in yet is told nothing of it.
    pub(super) fn talk(self, addr: SocketAddr, happens: impl FnOnce(&Answers)) -> Self {
        let (tell, told) = channel();
        let (coming, all_have_come) = channel();
        let listeners: Vec<_> = self
            .listeners
            .into_iter()
            .map(|one| {
                let coming = Coming(coming.clone());
                thread::spawn(move || one.listen(addr, coming))
            })
            .collect();
        let answers = Answers { told, writers: self.writers.len() };
        let writers: Vec<_> = self
            .writers
            .into_iter()
            .map(|one| {
                let (tell, coming) = (tell.clone(), Coming(coming.clone()));
                thread::spawn(move || one.speak(addr, &tell, coming))
            })
            .collect();
        // Whoever waits for an answer is to learn that the last writer has gone.
        drop(tell);
        drop(coming);
        all_have_come.recv().expect_err("nothing is ever sent, but it ends");
        happens(&answers);
        Crowd {
            writers: writers.into_iter().map(|one| one.join().unwrap()).collect(),
            listeners: listeners.into_iter().map(|one| one.join().unwrap()).collect(),
        }
    }

    /// Says again what has no ack yet, until it has one.
    pub(super) fn finish(&mut self, addr: SocketAddr) {
        for writer in &mut self.writers {
            let mut client = writer.come(addr).unwrap();
            writer.finish(&mut client).unwrap();
        }
    }
}

/// Held by whoever is on the way in.
struct Coming(#[expect(dead_code, reason = "it is held, and let go")] Sender<Infallible>);

/// What a writer was told of a message: that it is acked, or the code of the refusal.
type Answer = (usize, Option<String>);

/// What the writers are told, as it comes.
pub(super) struct Answers {
    told: Receiver<Answer>,
    writers: usize,
}

impl Answers {
    /// Waits for so many acks.
    pub(super) fn acks(&self, mut count: usize) {
        while count > 0 {
            count -= usize::from(self.next().1.is_none());
        }
    }

    /// Waits until every writer has been told this so often: an ack, or the code of a refusal.
    pub(super) fn everybody(&self, wanted: Option<&str>, times: usize) {
        let mut missing: BTreeMap<usize, usize> = (0..self.writers).map(|n| (n, times)).collect();
        while !missing.is_empty() {
            let (writer, answer) = self.next();
            if answer.as_deref() == wanted
                && let Some(left) = missing.get_mut(&writer)
            {
                *left -= 1;
                missing.retain(|_, left| *left > 0);
            }
        }
    }

    fn next(&self) -> Answer {
        self.told.recv().expect("the server is there until something happens to it")
    }
}

/// Somebody who says numbers.
pub(super) struct Writer {
    number: usize,
    pub(super) name: String,
    pub(super) room: &'static str,
    /// Messages at a time.
    at_once: usize,
    next: u64,
    /// Said and not acked; to be said again.
    open: BTreeSet<u64>,
    /// What was said, in order, also again.
    pub(super) said: Vec<u64>,
    /// The id that each number got.
    pub(super) acked: BTreeMap<u64, u64>,
    /// How often each code was the answer.
    pub(super) refused: BTreeMap<String, usize>,
    /// Windows of which only a part was answered when the server said good-bye.
    pub(super) half_answered: usize,
    /// The waits that a server which went away has asked for.
    pub(super) byes: Vec<u64>,
}

impl Writer {
    pub(super) fn new(number: usize, room: &'static str, at_once: usize) -> Self {
        Writer {
            number,
            name: format!("writer{number}"),
            room,
            at_once,
            next: 0,
            open: BTreeSet::new(),
            said: Vec::new(),
            acked: BTreeMap::new(),
            refused: BTreeMap::new(),
            half_answered: 0,
            byes: Vec::new(),
        }
    }

    /// The words of a number: of many lengths, as people's are.
    pub(super) fn text(&self, number: u64) -> String {
        format!("{}/{number} {}", self.name, "x".repeat(number as usize * 7 % 120))
    }

    fn speak(mut self, addr: SocketAddr, tell: &Sender<Answer>, coming: Coming) -> Self {
        let entered = self.come(addr);
        drop(coming);
        if let Ok(mut client) = entered {
            // A server that is gone ends it.
            while self.say_window(&mut client, Some(tell)).is_ok() {}
        }
        self
    }

    pub(super) fn come(&self, addr: SocketAddr) -> io::Result<Client> {
        Client::enter(addr, &self.name, json!({"room": self.room})).map(|(client, _)| client)
    }

    /// Says again what is open, and something new beside it, until all of that is answered.
    pub(super) fn say_window(
        &mut self,
        client: &mut Client,
        tell: Option<&Sender<Answer>>,
    ) -> io::Result<()> {
        let window = self.window();
        // Whoever can't speak any more may still hear why.
        let _ = client.send_bytes(&self.lines(&window));
        self.hear(client, &window, tell)
    }

    /// The numbers to be said next.
    pub(super) fn window(&mut self) -> Vec<u64> {
        while self.open.len() < self.at_once {
            self.open.insert(self.next);
            self.next += 1;
        }
        self.open.iter().copied().collect()
    }

    /// Numbers as they go over the wire.
    pub(super) fn lines(&mut self, numbers: &[u64]) -> Vec<u8> {
        self.said.extend(numbers);
        let line = |number: &u64| {
            let say = json!({"type": "say", "room": self.room, "text": self.text(*number), "ref": number.to_string()});
            say.to_string() + "\n"
        };
        numbers.iter().map(line).collect::<String>().into_bytes()
    }

    /// Hears the answers to what was said, which come in its order.
    fn hear(&mut self, client: &mut Client, said: &[u64], tell: Option<&Sender<Answer>>) -> io::Result<()> {
        let mut waiting = said.iter();
        while let Some(number) = waiting.as_slice().first() {
            let object = client.object()?;
            let refused = match object["type"].as_str().unwrap() {
                "ack" => None,
                "error" => Some(object["code"].as_str().unwrap().to_owned()),
                "bye" => {
                    self.byes.push(object["retry_after_ms"].as_u64().unwrap());
                    self.half_answered += usize::from(waiting.len() < said.len());
                    continue;
                }
                _ => continue,
            };
            assert_eq!(object["ref"], number.to_string(), "answers keep the order of the messages: {object}");
            waiting.next();
            match &refused {
                None => self.take_ack(*number, &object),
                Some(code) => *self.refused.entry(code.clone()).or_default() += 1,
            }
            if let Some(tell) = tell {
                // Nobody need wait for it.
                let _ = tell.send((self.number, refused));
            }
        }
        Ok(())
    }

    fn take_ack(&mut self, number: u64, ack: &Value) {
        self.open.remove(&number);
        self.acked.insert(number, ack["id"].as_u64().unwrap());
    }

    /// Says again what has no ack yet, until it has one.
    pub(super) fn finish(&mut self, client: &mut Client) -> io::Result<()> {
        let open: Vec<u64> = self.open.iter().copied().collect();
        client.send_bytes(&self.lines(&open))?;
        self.hear(client, &open, None)
    }
}

/// A message as it was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) id: u64,
    pub(super) from: String,
    pub(super) text: String,
}

impl Told {
    pub(super) fn new(message: &Value) -> Self {
        let field = |name: &str| message[name].as_str().unwrap().to_owned();
        Told { id: message["id"].as_u64().unwrap(), from: field("from"), text: field("text") }
    }
}

/// Somebody who listens, and comes back for what was missed.
pub(super) struct Listener {
    name: String,
    pub(super) heard: Vec<Told>,
    /// How often something was missed for good.
    pub(super) gaps: usize,
    /// The waits that a server which went away has asked for.
    pub(super) byes: Vec<u64>,
}

impl Listener {
    pub(super) fn new(number: usize) -> Self {
        Listener { name: format!("listener{number}"), heard: Vec::new(), gaps: 0, byes: Vec::new() }
    }

    fn listen(mut self, addr: SocketAddr, coming: Coming) -> Self {
        // A server that is gone ends it.
        let _ = self.try_listen(addr, coming);
        self
    }

    fn try_listen(&mut self, addr: SocketAddr, coming: Coming) -> io::Result<()> {
        let entered = Client::program(addr, &self.name, json!({"since": self.last()}));
        drop(coming);
        let (mut client, room) = entered?;
        self.gaps += usize::from(room["gap"] == true);
        loop {
            let object = client.object()?;
            match object["type"].as_str() {
                Some("message") => self.heard.push(Told::new(&object)),
                Some("bye") => self.byes.push(object["retry_after_ms"].as_u64().unwrap()),
                _ => {}
            }
        }
    }

    /// The newest id.
    pub(super) fn last(&self) -> u64 {
        self.heard.last().map_or(0, |message| message.id)
    }

    /// Hears the rest of a room, up to an id.
    pub(super) fn catch_up(&mut self, addr: SocketAddr, room: &str, last: u64) {
        let entry = json!({"room": room, "since": self.last()});
        let (mut client, is) = Client::enter(addr, &format!("{}-{room}", self.name), entry).unwrap();
        assert_eq!(is["gap"], false);
        while self.last() < last {
            self.heard.push(Told::new(&client.until("message").unwrap()));
        }
    }
}
