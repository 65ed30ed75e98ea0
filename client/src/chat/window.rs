//! Chat on a whole screen: the machine, the screen and the terminal, brought together.

use std::io;
use std::pin::pin;
use std::time::Duration;

use crossterm::event::Event;
use engine::chat::{Ref, Replay};
use jiff::tz::TimeZone;
use tokio::time::sleep;

use super::events::Events;
use super::model::{Connection, End};
use super::presence::Presence;
use super::screen::{Colours, Connected, Look, Purpose, Screen, Status, Wish};
use super::session::{Manner, Session};
use super::{Options, verdict};
use crate::alternate::AlternateScreen;
use crate::errors::{Failure, Outcome};
use crate::info;
use crate::signals::interrupted;
use crate::terminal::{colours, output_failed};
use crate::time::now;

/// Messages that one gets on entering a room; older ones come as one scrolls up.
const NEWEST: u32 = 50;
/// Lines of the server, or keys, that are taken in before the next frame is drawn.
const AT_ONCE: usize = 256;
/// How often the times on the screen are drawn anew.
const SECOND: Duration = Duration::from_secs(1);

/// How long an answer may take before the person is told.
const SLOW: Duration = Duration::from_secs(3);

/// How a person likes the screen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taste {
    /// Ring the bell when somebody says one's name.
    pub(crate) bell: bool,
    /// Take the mouse, for the wheel.
    pub(crate) mouse: bool,
    /// Colours, unless the terminal or NO_COLOR say no.
    pub(crate) colours: bool,
}

impl Taste {
    /// The same with what was said on the command line.
    pub(crate) fn with(self, bell: bool, no_mouse: bool) -> Self {
        Taste { bell: self.bell || bell, mouse: self.mouse && !no_mouse, ..self }
    }
}

/// Chats until the person leaves.
pub(crate) async fn run(options: &Options, taste: Taste, info: info::Options) -> Outcome {
    let manner = Manner { replay: Replay::Last(NEWEST), many: true, patience: None };
    let session = Session::open(options, manner).await?;
    let look = Look { zone: TimeZone::system(), now: now(), colours: Colours(taste.colours && colours()) };
    let screen = Screen::new(options.naming.name.clone(), options.room.clone(), look);
    let terminal = AlternateScreen::take(taste.mouse).map_err(output_failed)?;
    let presence = Presence::watch(info);
    let mut window =
        Window { session, screen, terminal, presence, bell: taste.bell, leaving: false, asked_at: None };
    let mut end = window.drive().await;
    // Whatever failed first.
    if window.terminal.is_gone() {
        end = Err(Failure::TerminalGone);
    }
    window.session.say_goodbye().await;
    drop(window);
    verdict(end?, options, None)
}

struct Window<'a> {
    session: Session<'a>,
    screen: Screen,
    terminal: AlternateScreen,
    presence: Presence,
    bell: bool,
    /// The person has said that they leave.
    leaving: bool,
    /// Since when an answer is waited for.
    asked_at: Option<Duration>,
}

impl Window<'_> {
    async fn drive(&mut self) -> Outcome<End> {
        let mut events = Events::open();
        let mut interrupted = pin!(interrupted());
        let (wide, high) = self.terminal.size().map_err(output_failed)?;
        self.screen.resized(wide, high);
        loop {
            if let Some(end) = self.settle()? {
                return Ok(end);
            }
            self.draw()?;
            tokio::select! {
                () = self.session.turn() => self.take_in().await,
                event = events.next() => {
                    // Without one the terminal is gone.
                    let event = event.map_err(unreadable)?.ok_or(Failure::Interrupted)?;
                    self.take_in_events(&event, &mut events)?;
                }
                () = self.presence.changed() => {}
                () = sleep(SECOND) => {}
                failure = &mut interrupted => return Err(failure),
            }
        }
    }

    fn draw(&mut self) -> Outcome {
        if self.terminal.is_gone() {
            return Err(Failure::TerminalGone);
        }
        if self.screen.is_bare() {
            return Ok(());
        }
        let status = self.status();
        self.terminal.draw(|frame| self.screen.draw(frame, &status)).map_err(output_failed)
    }

    /// Does what the machine and the screen want, until both want nothing more.
    fn settle(&mut self) -> Outcome<Option<End>> {
        self.screen.tick(now());
        loop {
            if let Some(end) = self.session.carry_out(&mut self.screen)? {
                return Ok(Some(end));
            }
            let wishes = self.screen.take();
            if wishes.is_empty() {
                return Ok(None);
            }
            for wish in wishes {
                self.grant(wish)?;
            }
        }
    }

    fn grant(&mut self, wish: Wish) -> Outcome {
        match wish {
            Wish::Ask(request, purpose) => {
                let key = self.session.model.ask(request);
                self.asked(key, purpose);
            }
            Wish::Join(room, purpose) => {
                let key = self.session.model.join(room);
                self.asked(key, purpose);
            }
            Wish::Leave(room) => self.session.model.leave(room),
            Wish::Retry => self.session.model.try_now(),
            Wish::Ring if self.bell => self.terminal.ring().map_err(output_failed)?,
            Wish::Ring => {}
            Wish::Repaint => self.terminal.forget().map_err(output_failed)?,
            Wish::Bare(lines) => self.terminal.show_bare(&lines).map_err(output_failed)?,
            Wish::Whole => self.terminal.show_whole().map_err(output_failed)?,
            Wish::Suspend => self.terminal.suspend().map_err(output_failed)?,
            // Who says it twice does not wait for what has no answer yet.
            Wish::Quit if self.leaving => return Err(Failure::Interrupted),
            Wish::Quit => {
                self.leaving = true;
                self.session.model.finish();
            }
            Wish::Interrupt => return Err(Failure::Interrupted),
        }
        Ok(())
    }

    fn asked(&mut self, key: Option<Ref>, purpose: Purpose) {
        match key {
            Some(key) => self.screen.asked(key, purpose),
            None => self.screen.not_asked(purpose),
        }
    }

    /// Takes in what else has come already: many lines, one frame.
    async fn take_in(&mut self) {
        for _ in 1..AT_ONCE {
            let more = tokio::select! {
                biased;
                () = self.session.turn() => true,
                () = std::future::ready(()) => false,
            };
            if !more {
                break;
            }
        }
    }

    /// Takes in an event and what else was typed already: a paste may come as so many keys, and is one frame.
    fn take_in_events(&mut self, event: &Event, events: &mut Events) -> Outcome {
        self.screen.event(event);
        for _ in 1..AT_ONCE {
            let Some(event) = events.at_hand().map_err(unreadable)? else { break };
            self.screen.event(&event);
        }
        Ok(())
    }

    fn status(&mut self) -> Status {
        let (now, connection) = (self.session.now(), self.session.model.connection());
        let waits = matches!(connection, Connection::Up { waiting: true, .. });
        self.asked_at = waits.then(|| self.asked_at.unwrap_or(now));
        let waited = self.asked_at.map_or(Duration::ZERO, |since| now - since);
        let connected = match connection {
            Connection::Up { .. } if waited >= SLOW => Connected::Unanswered(waited),
            Connection::Up { latency, .. } => Connected::Yes { latency },
            Connection::Coming => Connected::Coming,
            Connection::Waiting { until } => Connected::Waiting(until.saturating_sub(now)),
        };
        Status { connected, presence: self.presence.age() }
    }
}

/// A terminal that can't be read.
fn unreadable(error: io::Error) -> Failure {
    Failure::local("can't read the terminal", &error)
}
