//! The line that says how things stand.

use std::time::Duration;

use super::Screen;
use super::label::{cut, name_of, news};
use super::talk::Talk;
use super::wrap::width;

/// A name is cut before other parts are left out, but no shorter than this.
const SHORT: u16 = 12;

/// How the connection is, for the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Connected {
    Yes {
        latency: Option<Duration>,
    },
    /// It is there, and has not answered for so long.
    Unanswered(Duration),
    Coming,
    /// Another try follows after so long.
    Waiting(Duration),
}

impl Connected {
    /// Whether what was heard of others may still be so.
    fn is_there(self) -> bool {
        matches!(self, Connected::Yes { .. } | Connected::Unanswered(_))
    }
}

/// What is known beside the screen's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) connected: Connected,
    /// How old what info knows of presence is.
    pub(crate) presence: Option<Duration>,
}

/// A part of the line, with what stands between it and the part before.
enum Part {
    Left(String),
    Right(String),
}

impl Part {
    fn wide(&self) -> usize {
        let (Part::Left(text) | Part::Right(text)) = self;
        width(text).into()
    }
}

impl Screen {
    /// The line for so many columns: how things stand, and at the right who one is. A part that does not fit is
    /// left out whole, and with it all that matter less.
    pub(super) fn status_words(&self, status: &Status, wide: u16) -> String {
        let mut free = usize::from(wide);
        let (mut left, mut right) = (String::new(), String::new());
        for part in self.status_parts(status, wide) {
            let Some(rest) = free.checked_sub(part.wide()) else { break };
            free = rest;
            match part {
                Part::Left(text) => left.push_str(&text),
                Part::Right(text) => right.push_str(&text),
            }
        }
        format!("{left}{}{right}", " ".repeat(free))
    }

    /// Its parts, those that matter most first.
    fn status_parts(&self, status: &Status, wide: u16) -> Vec<Part> {
        let talk = self.talk();
        let connection = connection(status.connected);
        let name = format!(" {}", name_of(&talk.target));
        let mut parts = vec![cut(&name, (wide / 2).max(SHORT).min(wide))];
        parts.extend((!talk.shows_newest()).then(|| below(talk)));
        // A connection that is well is no news; what is new elsewhere is.
        match status.connected {
            Connected::Yes { .. } => parts.extend(self.elsewhere(wide).chain(connection)),
            _ => parts.extend(connection.into_iter().chain(self.elsewhere(wide))),
        }
        let there = status.connected.is_there();
        let here = talk.target.room().filter(|_| there);
        parts.extend(here.map(|_| format!(" · {} here", talk.people.count())));
        let age = status.presence.filter(|_| there);
        let presence = age.map(|age| Part::Left(format!(" · presence {} s old", age.as_secs())));
        // Three cells are as much as stands between two other parts.
        let me = Part::Right(format!("   {} ", self.me));
        parts.into_iter().map(Part::Left).chain([me]).chain(presence).collect()
    }

    /// What is new in the other talks, a part each.
    fn elsewhere(&self, wide: u16) -> impl Iterator<Item = String> {
        let others = self.talks.iter().enumerate().filter(|(at, _)| *at != self.active);
        let name = move |talk: &Talk| cut(&name_of(&talk.target), (wide / 3).max(SHORT));
        let news = others.filter_map(move |(_, talk)| Some(format!("{} {}", name(talk), news(talk)?)));
        news.enumerate().map(|(at, news)| if at == 0 { format!(" · {news}") } else { format!(", {news}") })
    }
}

fn below(talk: &Talk) -> String {
    match talk.unread {
        0 => " · ↓ PgDn, Esc".to_owned(),
        new => format!(" · ↓ {new} new"),
    }
}

/// How the connection is, and what there is to say of that, a part each.
fn connection(connected: Connected) -> Vec<String> {
    match connected {
        Connected::Yes { latency } => {
            let latency = latency.map(|latency| match latency.as_millis() {
                0 => ", under 1 ms".to_owned(),
                millis => format!(", {millis} ms"),
            });
            std::iter::once(" · connected".to_owned()).chain(latency).collect()
        }
        Connected::Unanswered(wait) => vec![format!(" · connected, no answer for {} s", wait.as_secs())],
        Connected::Coming => vec![" · connecting".to_owned()],
        Connected::Waiting(wait) => vec![
            " · no connection".to_owned(),
            format!(", next try in {} s", wait.as_secs() + 1),
            " (Enter: now)".to_owned(),
        ],
    }
}
