//! A person's chat, whatever happens to the connection: what to send, what to show, when to try again.
//!
//! The machine is told what happened and what time it is, and leaves its effects in a list; whoever
//! drives it carries them out and wakes it at [`Model::deadline`]. Times count from any one moment.

mod connection;
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
use engine::chat::{Entry, Ref, Replay, Request};
use engine::names::{RoomName, UserName};
use wire::chat::json::decode_event;

use self::life::Life;
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
    /// What came first that no chat server sends, before it let anybody in.
    stranger: Option<String>,
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
            stranger: None,
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

    /// Whether another typed line may come.
    pub(crate) fn wants_input(&self) -> bool {
        !self.finishing && self.requests.open() < WINDOW
    }

    /// The server sent a line.
    pub(crate) fn received(&mut self, line: &str, now: Duration, roll: f64) {
        self.life.heard(now);
        match decode_event(line) {
            Ok(told) => self.told(told, now, roll),
            Err(_) if self.welcomed => {}
            Err(_) => self.said_otherwise(line),
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

    fn send(&mut self) {
        self.effects.extend(self.requests.send().map(Effect::Send));
    }

    fn mistaken(&mut self, refusal: Refusal) {
        self.refused += 1;
        self.effects.push(Effect::Note(Note::Mistake(refusal)));
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
