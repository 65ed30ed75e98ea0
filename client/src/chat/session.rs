//! The machine with its connection and its clock.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::time::{Duration, Instant};

use engine::chat::{Event, Replay, Told};
use engine::names::UserName;
use tokio::net::TcpStream;
use tokio::time::{sleep_until, timeout};

use super::Options;
use super::clock::Clock;
use super::link::Link;
use super::model::{Effect, End, Model, Note, Start};
use crate::endpoint::Endpoint;
use crate::errors::Outcome;
use crate::time::now;

/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_millis(500);

/// Where a person, or a program, sees what happens.
pub(super) trait Front {
    /// The server says something.
    ///
    /// # Errors
    /// When nobody can be told any more.
    fn told(&mut self, told: &Told, me: &UserName) -> Outcome;

    /// Something else happens.
    ///
    /// # Errors
    /// When nobody can be told any more.
    fn note(&mut self, happened: &Note, me: &UserName) -> Outcome;
}

/// How a session is meant.
pub(super) struct Manner {
    /// What of a room's past to show on entering.
    pub(super) replay: Replay,
    /// Whether one is in many rooms at once.
    pub(super) many: bool,
    /// How long to go on without a connection.
    pub(super) patience: Option<Duration>,
}

type Dialing<'a> = Pin<Box<dyn Future<Output = Outcome<TcpStream>> + 'a>>;

/// One person's chat from the first connection to the goodbye.
pub(super) struct Session<'a> {
    endpoint: &'a Endpoint,
    timeout: Duration,
    pub(super) model: Model,
    link: Option<Link<TcpStream>>,
    dialing: Option<Dialing<'a>>,
    began: Instant,
    clock: Clock,
}

impl<'a> Session<'a> {
    /// Connects for the first time; who can't get there at all is told so and does not wait.
    pub(super) async fn open(options: &'a Options, manner: Manner) -> Outcome<Self> {
        let stream = options.endpoint.dial(options.timeout).await?;
        let Manner { replay, many, patience } = manner;
        let mut model = Model::new(Start {
            naming: options.naming.clone(),
            room: options.room.clone(),
            replay,
            many,
            timeout: options.timeout,
            patience,
            run: rand::random(),
            dice: rand::random(),
        });
        model.connected(Duration::ZERO);
        Ok(Session {
            endpoint: &options.endpoint,
            timeout: options.timeout,
            model,
            link: Some(Link::new(stream)),
            dialing: None,
            began: Instant::now(),
            clock: Clock::default(),
        })
    }

    /// The time on the machine's clock.
    pub(super) fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// Does what the machine wants done.
    pub(super) fn carry_out(&mut self, front: &mut impl Front) -> Outcome<Option<End>> {
        for effect in self.model.take() {
            match effect {
                Effect::Dial => self.dialing = Some(Box::pin(self.endpoint.dial(self.timeout))),
                Effect::Send(line) => {
                    if let Some(link) = &mut self.link {
                        link.send(&line);
                    }
                }
                Effect::Hang => self.link = None,
                Effect::Show(told) => self.show(&told, front)?,
                Effect::Note(note) => {
                    if note == Note::Back {
                        self.clock.let_in(now());
                    }
                    front.note(&note, self.model.name())?;
                }
                Effect::End(end) => return Ok(Some(end)),
            }
        }
        Ok(None)
    }

    fn show(&mut self, told: &Told, front: &mut impl Front) -> Outcome {
        if let Event::Welcome { .. } = told.event {
            self.clock.let_in(now());
        }
        front.told(told, self.model.name())?;
        match self.clock.hears(&told.event, now()) {
            Some(skew) => front.note(&Note::Clock(skew), self.model.name()),
            None => Ok(()),
        }
    }

    /// Waits until something happens to the connection, or the machine wants to be woken, and tells it.
    /// May be given up at any moment.
    pub(super) async fn turn(&mut self) {
        let (began, deadline) = (self.began, self.model.deadline());
        tokio::select! {
            heard = hear(&mut self.link) => self.heard(heard),
            dialed = arrive(&mut self.dialing) => self.dialed(dialed),
            () = wake(began, deadline) => self.model.tick(self.began.elapsed(), roll()),
        }
    }

    fn heard(&mut self, heard: io::Result<Option<String>>) {
        let now = self.now();
        match heard {
            Ok(Some(line)) => self.model.received(&line, now, roll()),
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                self.link = None;
                self.model.endless(now, roll());
            }
            // An orderly end and a broken connection are the same to a person: both are tried again.
            Ok(None) | Err(_) => {
                self.link = None;
                self.model.lost(now, roll());
            }
        }
    }

    fn dialed(&mut self, dialed: Outcome<TcpStream>) {
        self.dialing = None;
        let now = self.now();
        match dialed {
            Ok(stream) => {
                self.link = Some(Link::new(stream));
                self.model.connected(now);
            }
            Err(_) => self.model.lost(now, roll()),
        }
    }

    /// Leaves such that the others see somebody who left.
    pub(super) async fn say_goodbye(&mut self) {
        if let Some(link) = self.link.take() {
            // A peer that does not read any more is left without one.
            let _ = timeout(GOODBYE, link.close()).await;
        }
    }
}

async fn hear(link: &mut Option<Link<TcpStream>>) -> io::Result<Option<String>> {
    match link {
        Some(link) => link.next().await,
        None => std::future::pending().await,
    }
}

async fn arrive(dialing: &mut Option<Dialing<'_>>) -> Outcome<TcpStream> {
    match dialing {
        Some(dialing) => dialing.await,
        None => std::future::pending().await,
    }
}

async fn wake(began: Instant, deadline: Option<Duration>) {
    match deadline {
        Some(deadline) => sleep_until((began + deadline).into()).await,
        None => std::future::pending().await,
    }
}

fn roll() -> f64 {
    rand::random()
}
