//! The line that says how things stand.

use std::time::Duration;

use super::Screen;
use super::draw::{cut, name_of, news};
use super::talk::Talk;
use super::wrap::width;

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

impl Screen {
    /// The words of the status line, the most important first; what does not fit is cut.
    pub(super) fn status_words(&self, status: &Status, wide: u16) -> String {
        let talk = self.talk();
        let connection = connection(status.connected);
        let mut words = vec![name_of(&talk.target)];
        words.extend((!talk.shows_newest()).then(|| below(talk)));
        // A connection that is well is no news; what is new elsewhere is.
        match status.connected {
            Connected::Yes { .. } => words.extend(self.elsewhere().into_iter().chain([connection])),
            _ => words.extend([connection].into_iter().chain(self.elsewhere())),
        }
        if status.connected.is_there() {
            words.extend(talk.target.room().map(|_| format!("{} here", talk.people.count())));
            words.extend(status.presence.map(|age| format!("presence {} s old", age.as_secs())));
        }
        let left = words.join(" · ");
        let me = format!(" {} ", self.me);
        let left = cut(&left, wide.saturating_sub(1));
        match (wide.saturating_sub(1)).checked_sub(width(&left) + width(&me)) {
            Some(space) => format!(" {left}{}{me}", " ".repeat(space.into())),
            None => format!(" {left}"),
        }
    }

    /// What is new in the other talks.
    fn elsewhere(&self) -> Option<String> {
        let others = self.talks.iter().enumerate().filter(|(at, _)| *at != self.active);
        let news: Vec<String> = others
            .filter_map(|(_, talk)| Some(format!("{} {}", name_of(&talk.target), news(talk)?)))
            .collect();
        (!news.is_empty()).then(|| news.join(", "))
    }
}

fn below(talk: &Talk) -> String {
    match talk.unread {
        0 => "↓ Esc".to_owned(),
        new => format!("↓ {new} new"),
    }
}

fn connection(connected: Connected) -> String {
    match connected {
        Connected::Yes { latency: None } => "connected".to_owned(),
        Connected::Yes { latency: Some(latency) } => match latency.as_millis() {
            0 => "connected, under 1 ms".to_owned(),
            millis => format!("connected, {millis} ms"),
        },
        Connected::Unanswered(wait) => format!("connected, no answer for {} s", wait.as_secs()),
        Connected::Coming => "connecting".to_owned(),
        Connected::Waiting(wait) => {
            format!("no connection, next try in {} s (Enter: now)", wait.as_secs() + 1)
        }
    }
}
