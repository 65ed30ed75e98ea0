//! A person's chat, whatever happens to the connection: what to send, what to show, when to try again.
//!
//! The machine is told what happened and what time it is, and leaves its effects in a list; whoever
//! drives it carries them out and wakes it at [`Model::deadline`]. Times count from any one moment.

mod hearing;
mod place;
mod requests;
mod words;

#[cfg(test)]
mod tests;

use std::time::Duration;

use engine::Refusal;
use engine::chat::{Entry, Hello, Request, Tagged};
use engine::names::{RoomName, UserName};
use wire::chat::json::{Opening, decode_event, encode_hello, encode_request};

use self::place::Place;
use self::requests::Requests;
use super::command::{Command, parse};
use crate::backoff::Backoff;
use crate::naming::Naming;

pub(crate) use self::words::{Effect, End, Note, Start};

/// A connection on which nothing was heard for so long is asked whether it lives.
const QUIET: Duration = Duration::from_secs(25);
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
    room: RoomName,
    place: Place,
    /// The room that was asked for and is not entered yet: what is typed now is meant for it.
    going: Option<RoomName>,
    history: u32,
    timeout: Duration,
    patience: Option<Duration>,
    dice: u16,

    phase: Phase,
    /// Whether the server ever let this person in.
    welcomed: bool,
    /// Since when there is no connection.
    down_since: Duration,
    heard: Duration,
    pinged: Option<Duration>,
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
        let Start { naming, room, history, timeout, patience, run, dice } = start;
        Model {
            naming,
            room,
            place: Place::new(history),
            going: None,
            history,
            timeout,
            patience,
            dice,
            phase: Phase::Dialing,
            welcomed: false,
            down_since: Duration::ZERO,
            heard: Duration::ZERO,
            pinged: None,
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

    /// When to call [`Model::tick`].
    pub(crate) fn deadline(&self) -> Option<Duration> {
        let own = match self.phase {
            Phase::Waiting { until } | Phase::Greeting { until } => Some(until),
            Phase::Ready { .. } => Some(self.pinged.map_or(self.heard + QUIET, |at| at + self.timeout)),
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
        self.heard = now;
        self.pinged = None;
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
            Ok(Command::Ask(request)) => self.ask(request),
            Err(refusal) => self.mistaken(refusal),
        }
    }

    fn go(&mut self, room: RoomName) {
        self.going = Some(room.clone());
        self.ask(Request::Join(Entry { room, replay: Place::new(self.history).replay() }));
    }

    /// Asks for something, now or when the connection is there.
    pub(crate) fn ask(&mut self, request: Request) {
        if let Err(refusal) = self.requests.add(request) {
            return self.mistaken(refusal);
        }
        if matches!(self.phase, Phase::Ready { .. }) {
            self.send();
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
        let entry = Entry { room: self.room.clone(), replay: self.place.replay() };
        let hello = Hello {
            user: self.naming.name.clone(),
            rooms: vec![entry],
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
        self.backoff.held(now.saturating_sub(since));
        self.effects.push(Effect::Note(Note::Lost));
        let unsure = self.requests.lost();
        self.effects.extend(unsure.into_iter().map(|to| Effect::Note(Note::Unsure { to })));
    }

    /// Asks whether the other side lives, or finds that it does not.
    fn probe(&mut self, now: Duration, roll: f64) {
        match self.pinged {
            Some(at) if now >= at + self.timeout => self.hang(now, roll),
            None if now >= self.heard + QUIET => {
                self.pinged = Some(now);
                let ping = Tagged { reference: None, request: Request::Ping };
                self.effects.push(Effect::Send(encode_request(&ping)));
            }
            _ => {}
        }
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
        if self.finishing && self.place.is_entered() && self.requests.open() == 0 {
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
