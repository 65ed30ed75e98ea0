//! What follows for the connection: made, greeted, probed, lost and made again.

use std::time::Duration;

use engine::chat::{Entry, Hello, Request, Tagged};
use wire::chat::json::{Opening, encode_hello, encode_request};

use super::life::Pulse;
use super::{Connection, Effect, End, Model, Note, Phase};

impl Model {
    /// How the connection is.
    pub(crate) fn connection(&self) -> Connection {
        match self.phase {
            Phase::Ready { .. } => {
                Connection::Up { latency: self.life.latency(), waiting: self.requests.open() > 0 }
            }
            Phase::Waiting { until } => Connection::Waiting { until },
            Phase::Dialing | Phase::Greeting { .. } | Phase::Over => Connection::Coming,
        }
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
            _ if !self.welcomed => return self.end_outside(End::NeverIn),
            Phase::Ready { since } => self.went_down(now, since),
            Phase::Dialing | Phase::Greeting { .. } => {}
        }
        let wait = self.retry_after.take().unwrap_or_else(|| self.backoff.next(roll));
        self.phase = Phase::Waiting { until: now + wait };
    }

    /// The server sent a line that never ends; what follows can't be understood.
    pub(crate) fn endless(&mut self, now: Duration, roll: f64) {
        if self.welcomed {
            self.effects.push(Effect::Note(Note::Endless));
        }
        self.stranger.get_or_insert_with(|| "it sends a line that does not end".into());
        self.hang(now, roll);
    }

    /// One was never let in, for this reason unless somebody else is there.
    fn end_outside(&mut self, end: End) {
        match self.stranger.take() {
            Some(problem) => self.end(End::Stranger { problem }),
            None => self.end(end),
        }
    }

    /// The person does not want to wait for the next try.
    pub(crate) fn try_now(&mut self) {
        if let Phase::Waiting { .. } = self.phase {
            self.phase = Phase::Dialing;
            self.effects.push(Effect::Dial);
        }
    }

    /// Time has passed.
    pub(crate) fn tick(&mut self, now: Duration, roll: f64) {
        if self.gives_up().is_some_and(|at| now >= at) {
            return self.end(End::Lost { open: self.requests.open() });
        }
        match self.phase {
            Phase::Waiting { until } if now >= until => self.try_now(),
            Phase::Greeting { until } if now >= until && !self.welcomed => self.end_outside(End::Silent),
            Phase::Greeting { until } if now >= until => self.hang(now, roll),
            Phase::Ready { .. } => self.probe(now, roll),
            _ => {}
        }
    }

    pub(super) fn hello(&mut self) {
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

    pub(super) fn ping(&mut self) {
        let ping = Tagged { reference: None, request: Request::Ping };
        self.effects.push(Effect::Send(encode_request(&ping)));
    }

    pub(super) fn hang(&mut self, now: Duration, roll: f64) {
        self.effects.push(Effect::Hang);
        self.lost(now, roll);
    }

    fn gives_up(&self) -> Option<Duration> {
        match self.phase {
            Phase::Ready { .. } | Phase::Over => None,
            _ if !self.welcomed => None,
            _ => self.patience.map(|patience| self.down_since + patience),
        }
    }
}
