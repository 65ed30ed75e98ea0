//! A person's chat, whatever happens to the connection: what to send, what to show, when to try again.
//!
//! The machine is told what happened and what time it is, and leaves its effects in a list; whoever
//! drives it carries them out and wakes it at [`Model::deadline`]. Times count from any one moment.

mod hearing;
mod life;
mod place;
mod requests;
mod words;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use engine::Refusal;
use engine::chat::{Entry, Hello, Ref, Replay, Request, Tagged};
use engine::names::{RoomName, UserName};
use wire::chat::json::{Opening, decode_event, encode_hello, encode_request};

use self::life::{Life, Pulse};
use self::place::Place;
use self::requests::Requests;
use super::command::{Command, parse};
use crate::backoff::Backoff;
use crate::naming::Naming;

pub(crate) use self::words::{Connection, Effect, End, Note, Start};

/// Requests without an answer, beyond which no more input is taken.
const WINDOW: usize = 64;

/// Where the connection stands.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    Waiting { until: Duration },
    Dialing,
    Greeting { until: Duration },
    Ready { since: Duration },
    Over,
}

/// The machine.
pub(crate) struct Model {
    naming: Naming,
    /// Where what is typed goes.
    room: RoomName,
    /// The rooms one is in, or comes back to.
    places: BTreeMap<RoomName, Place>,
    /// Whether one may be in several.
    many: bool,
    /// The room that was asked for and is not entered yet: what is typed now is meant for it.
    going: Option<RoomName>,
    first_visit: Replay,
    timeout: Duration,
    patience: Option<Duration>,
    dice: u16,

    phase: Phase,
    /// Whether the server ever let this person in.
    welcomed: bool,
    /// Since when there is no connection.
    down_since: Duration,
    life: Life,
    backoff: Backoff,
    /// What the server asked for as it went away.
    retry_after: Option<Duration>,

    requests: Requests,
    refused: usize,
    finishing: bool,
    effects: Vec<Effect>,
}

impl Model {
    /// A chat whose first connection is being made.
    pub(crate) fn new(start: Start) -> Self {
        let Start { naming, room, replay, many, timeout, patience, run, dice } = start;
        Model {
            naming,
            places: BTreeMap::from([(room.clone(), Place::new(replay))]),
            room,
            many,
            going: None,
            first_visit: replay,
            timeout,
            patience,
            dice,
            phase: Phase::Dialing,
            welcomed: false,
            down_since: Duration::ZERO,
            life: Life::new(timeout, many),
            backoff: Backoff::default(),
            retry_after: None,
            requests: Requests::new(run),
            refused: 0,
            finishing: false,
            effects: Vec::new(),
        }
    }

    /// What has to be done since the last time, in order.
    pub(crate) fn take(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// Who one is at the moment.
    pub(crate) fn name(&self) -> &UserName {
        &self.naming.name
    }

    /// How the connection is.
    pub(crate) fn connection(&self) -> Connection {
        match self.phase {
            Phase::Ready { .. } => Connection::Up { latency: self.life.latency() },
            Phase::Waiting { until } => Connection::Waiting { until },
            Phase::Dialing | Phase::Greeting { .. } | Phase::Over => Connection::Coming,
        }
    }

    /// Whether another typed line may come.
    pub(crate) fn wants_input(&self) -> bool {
        !self.finishing && self.requests.open() < WINDOW
    }

    /// When to call [`Model::tick`].
    pub(crate) fn deadline(&self) -> Option<Duration> {
        let own = match self.phase {
            Phase::Waiting { until } | Phase::Greeting { until } => Some(until),
            Phase::Ready { .. } => Some(self.life.deadline()),
            Phase::Dialing | Phase::Over => None,
        };
        own.into_iter().chain(self.gives_up()).min()
    }

    /// The connection that was asked for is there.
    pub(crate) fn connected(&mut self, now: Duration) {
        self.phase = Phase::Greeting { until: now + self.timeout };
        self.hello();
    }

    /// The connection ended, or could not be made; `roll` is random, from 0 up to but not including 1.
    pub(crate) fn lost(&mut self, now: Duration, roll: f64) {
        match self.phase {
            Phase::Over | Phase::Waiting { .. } => return,
            _ if !self.welcomed => return self.end(End::NeverIn),
            Phase::Ready { since } => self.went_down(now, since),
            Phase::Dialing | Phase::Greeting { .. } => {}
        }
        let wait = self.retry_after.take().unwrap_or_else(|| self.backoff.next(roll));
        self.phase = Phase::Waiting { until: now + wait };
    }

    /// The server sent a line.
    pub(crate) fn received(&mut self, line: &str, now: Duration, roll: f64) {
        self.life.heard(now);
        match decode_event(line) {
            Ok(told) => self.told(told, now, roll),
            Err(_) if self.welcomed => {}
            Err(_) => self.text_refusal(line),
        }
    }

    /// The person typed a line.
    pub(crate) fn typed(&mut self, line: &str) {
        let room = self.going.as_ref().unwrap_or(&self.room);
        match parse(line, room) {
            Ok(Command::Nothing) => {}
            Ok(Command::Help) => self.effects.push(Effect::Note(Note::Help)),
            Ok(Command::Quit) => self.finish(),
            Ok(Command::Go(room)) => self.go(room),
            Ok(Command::Ask(request)) => {
                self.ask(request);
            }
            Err(refusal) => self.mistaken(refusal),
        }
    }

    fn go(&mut self, room: RoomName) {
        self.going = Some(room.clone());
        self.ask(Request::Join(Entry { room, replay: self.first_visit }));
    }

    /// Enters a room beside the others; the key is the one that the answer has.
    pub(crate) fn join(&mut self, room: RoomName) -> Option<Ref> {
        let place = self.places.entry(room.clone()).or_insert_with(|| Place::new(self.first_visit));
        let replay = place.replay();
        self.ask(Request::Join(Entry { room, replay }))
    }

    /// Leaves one of several rooms.
    pub(crate) fn leave(&mut self, room: RoomName) {
        self.places.remove(&room);
        self.ask(Request::Leave { room });
    }

    /// Asks for something, now or when the connection is there; the key is the one that the answer has.
    pub(crate) fn ask(&mut self, request: Request) -> Option<Ref> {
        match self.requests.add(request) {
            Ok(key) => {
                if matches!(self.phase, Phase::Ready { .. }) {
                    self.send();
                }
                Some(key)
            }
            Err(refusal) => {
                self.mistaken(refusal);
                None
            }
        }
    }

    /// Nothing more will be typed: leaves as soon as all is answered.
    pub(crate) fn finish(&mut self) {
        self.finishing = true;
        // A person who leaves does not wait for a connection to come back.
        self.patience.get_or_insert(self.timeout);
        self.end_when_done();
    }

    /// Time has passed.
    pub(crate) fn tick(&mut self, now: Duration, roll: f64) {
        if self.gives_up().is_some_and(|at| now >= at) {
            return self.end(End::Lost { open: self.requests.open() });
        }
        match self.phase {
            Phase::Waiting { until } if now >= until => {
                self.phase = Phase::Dialing;
                self.effects.push(Effect::Dial);
            }
            Phase::Greeting { until } if now >= until && !self.welcomed => self.end(End::Silent),
            Phase::Greeting { until } if now >= until => self.hang(now, roll),
            Phase::Ready { .. } => self.probe(now, roll),
            _ => {}
        }
    }

    fn hello(&mut self) {
        // A room whose join is still to be sent again is entered by that.
        let entered = self.places.iter().filter(|(room, _)| !self.requests.joins(room));
        let rooms = entered.map(|(room, place)| Entry { room: room.clone(), replay: place.replay() });
        let hello = Hello {
            user: self.naming.name.clone(),
            rooms: rooms.collect(),
            echo: false,
            client: Some(concat!("parlance-client/", env!("CARGO_PKG_VERSION")).into()),
        };
        self.effects.push(Effect::Send(encode_hello(&Opening { reference: None, hello })));
    }

    fn send(&mut self) {
        self.effects.extend(self.requests.send().map(Effect::Send));
    }

    fn went_down(&mut self, now: Duration, since: Duration) {
        self.down_since = now;
        self.life.stopped();
        self.backoff.held(now.saturating_sub(since));
        self.effects.push(Effect::Note(Note::Lost));
        let unsure = self.requests.lost();
        self.effects.extend(unsure.into_iter().map(|to| Effect::Note(Note::Unsure { to })));
    }

    /// Asks whether the other side lives, or finds that it does not.
    fn probe(&mut self, now: Duration, roll: f64) {
        match self.life.tick(now) {
            Pulse::Fine => {}
            Pulse::Ask => self.ping(),
            Pulse::Gone => self.hang(now, roll),
        }
    }

    fn ping(&mut self) {
        let ping = Tagged { reference: None, request: Request::Ping };
        self.effects.push(Effect::Send(encode_request(&ping)));
    }

    fn hang(&mut self, now: Duration, roll: f64) {
        self.effects.push(Effect::Hang);
        self.lost(now, roll);
    }

    fn mistaken(&mut self, refusal: Refusal) {
        self.refused += 1;
        self.effects.push(Effect::Note(Note::Mistake(refusal)));
    }

    fn gives_up(&self) -> Option<Duration> {
        match self.phase {
            Phase::Ready { .. } | Phase::Over => None,
            _ if !self.welcomed => None,
            _ => self.patience.map(|patience| self.down_since + patience),
        }
    }

    fn end_when_done(&mut self) {
        // Who leaves a screen does not look at answers any more; what was said must be kept all the same.
        let open = if self.many { self.requests.unsaid() } else { self.requests.open() };
        if self.finishing && self.places.values().any(Place::is_entered) && open == 0 {
            self.end(End::Done { refused: self.refused });
        }
    }

    fn end(&mut self, end: End) {
        if self.phase != Phase::Over {
            self.phase = Phase::Over;
            self.effects.push(Effect::End(end));
        }
    }
}
