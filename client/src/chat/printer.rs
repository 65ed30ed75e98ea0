//! Puts what is said on the screen, or into a pipe.

use std::io::stdout;

use engine::Refusal;
use engine::chat::{Event, Told};
use engine::names::UserName;
use jiff::tz::TimeZone;
use wire::chat::json::encode_event;

use super::line::{Line, Reader, Tone};
use super::model::Note;
use super::session::Front;
use crate::errors::Outcome;
use crate::fold::folded;
use crate::terminal::{self, dim, note, print, print_words, safe_json};
use crate::time::now;

/// What of a chat is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// All of it.
    All,
    /// What is said, and where some of it is missing.
    Messages,
    /// That a line is kept.
    Acks,
}

/// Writes to standard output what is said and to standard error what goes wrong.
pub(crate) struct Printer {
    shown: Shown,
    /// The server's own objects instead of lines for people.
    objects: bool,
    colours: bool,
    zone: TimeZone,
    /// Whether somebody types what is said.
    types: bool,
    /// The last refusal that nobody was shown.
    pub(crate) refusal: Option<Refusal>,
}

impl Printer {
    /// For a whole chat, which somebody types or a pipe brings.
    pub(crate) fn new(json: bool, types: bool) -> Self {
        Printer { types, ..Printer::of(Shown::All, json) }
    }

    /// For who listens and says nothing.
    pub(crate) fn for_messages(json: bool) -> Self {
        Printer::of(Shown::Messages, json)
    }

    /// For who only wants to know that a line is kept.
    pub(crate) fn for_acks(json: bool) -> Self {
        Printer::of(Shown::Acks, json)
    }

    fn of(shown: Shown, objects: bool) -> Self {
        let (colours, zone) = (terminal::colours(), TimeZone::system());
        Printer { shown, objects, colours, zone, types: false, refusal: None }
    }

    fn shows(&self, event: &Event) -> bool {
        match self.shown {
            Shown::All => true,
            Shown::Messages => matches!(event, Event::Message { .. } | Event::Entered { gap: true, .. }),
            Shown::Acks => self.objects && matches!(event, Event::Ack { .. }),
        }
    }

    fn reader<'a>(&'a self, me: &'a UserName) -> Reader<'a> {
        Reader { me, zone: &self.zone, now: now(), types: self.types }
    }

    fn lines(&self, lines: &[Line], reader: &Reader<'_>) -> Outcome {
        for line in lines {
            let text = reader.in_full(line);
            match line.tone {
                // What somebody says is left as it is: it may be copied from here, or read by a program.
                Tone::Said => print(&text)?,
                Tone::Aside | Tone::Help if self.colours => print(&dim(&folded(&text, &stdout())))?,
                Tone::Aside | Tone::Help => print_words(&text)?,
                Tone::Wrong => note(&text),
            }
        }
        Ok(())
    }
}

impl Front for Printer {
    fn told(&mut self, told: &Told, me: &UserName) -> Outcome {
        let reader = self.reader(me);
        match &told.event {
            event if self.shows(event) && self.objects => object(told),
            event if self.shows(event) => self.lines(&reader.event(event), &reader),
            Event::Refused(refusal) => {
                self.refusal = Some(refusal.clone());
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn note(&mut self, happened: &Note, me: &UserName) -> Outcome {
        let reader = self.reader(me);
        match happened {
            Note::Mistake(refusal) if self.shown != Shown::All => {
                self.refusal = Some(refusal.clone());
                Ok(())
            }
            _ if self.shown == Shown::All && !self.objects => self.lines(&reader.note(happened), &reader),
            _ => {
                reader.note(happened).iter().for_each(|line| note(&reader.in_full(line)));
                Ok(())
            }
        }
    }
}

fn object(told: &Told) -> Outcome {
    let mut line = Vec::new();
    encode_event(told, &mut line);
    print(safe_json(String::from_utf8_lossy(&line).trim_end()).as_ref())
}
