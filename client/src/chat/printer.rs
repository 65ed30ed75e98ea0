//! Puts what is said on the screen, or into a pipe.

use engine::chat::{Event, Told};
use engine::names::UserName;
use engine::{Refusal, Timestamp};
use jiff::tz::TimeZone;
use wire::chat::json::encode_event;

use super::line::{Line, Reader, Tone};
use super::model::Note;
use crate::errors::Outcome;
use crate::terminal::{self, dim, note, print, safe_json};

/// What of a chat is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// All of it, as lines for people.
    Lines,
    /// All of it, as the server's own objects.
    Objects,
    /// The acks alone, as objects.
    Acks,
    /// Nothing.
    Nothing,
}

/// Writes to standard output what is said and to standard error what goes wrong.
pub(crate) struct Printer {
    shown: Shown,
    colours: bool,
    zone: TimeZone,
    /// The last refusal that nobody was shown.
    pub(crate) refusal: Option<Refusal>,
}

impl Printer {
    /// For a whole chat.
    pub(crate) fn new(json: bool) -> Self {
        Printer::of(if json { Shown::Objects } else { Shown::Lines })
    }

    /// For who only wants to know that a line is kept.
    pub(crate) fn for_acks(json: bool) -> Self {
        Printer::of(if json { Shown::Acks } else { Shown::Nothing })
    }

    fn of(shown: Shown) -> Self {
        Printer { shown, colours: terminal::colours(), zone: TimeZone::system(), refusal: None }
    }

    /// Shows what the server says.
    pub(crate) fn told(&mut self, told: &Told, me: &UserName) -> Outcome {
        match (self.shown, &told.event) {
            (Shown::Lines, event) => self.lines(self.reader(me).event(event)),
            (Shown::Objects, _) | (Shown::Acks, Event::Ack { .. }) => object(told),
            (_, Event::Refused(refusal)) => {
                self.refusal = Some(refusal.clone());
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Shows what else happens.
    pub(crate) fn note(&mut self, happened: &Note, me: &UserName) -> Outcome {
        match (self.shown, happened) {
            (Shown::Lines, _) => self.lines(self.reader(me).note(happened)),
            (_, Note::Mistake(refusal)) if self.shown != Shown::Objects => {
                self.refusal = Some(refusal.clone());
                Ok(())
            }
            _ => {
                self.reader(me).note(happened).iter().for_each(|line| note(&line.text));
                Ok(())
            }
        }
    }

    fn reader<'a>(&'a self, me: &'a UserName) -> Reader<'a> {
        Reader { me, zone: &self.zone, now: now() }
    }

    fn lines(&self, lines: Vec<Line>) -> Outcome {
        for Line { tone, text } in lines {
            match tone {
                Tone::Said => print(&text)?,
                Tone::Aside if self.colours => print(&dim(&text))?,
                Tone::Aside => print(&text)?,
                Tone::Wrong => note(&text),
            }
        }
        Ok(())
    }
}

fn object(told: &Told) -> Outcome {
    let mut line = Vec::new();
    encode_event(told, &mut line);
    print(safe_json(String::from_utf8_lossy(&line).trim_end()).as_ref())
}

fn now() -> Timestamp {
    Timestamp(u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or(0))
}
