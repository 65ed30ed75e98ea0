//! One thing that was said or that happened, and how it looks.

use engine::Timestamp;
use engine::chat::{Message, Ref};
use engine::names::UserName;
use jiff::tz::TimeZone;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::colours::Colours;
use super::wrap::{width, wrap};
use crate::chat::line::{Line as Words, Tone, read};
use crate::terminal::safe;
use crate::time::local;

/// Terminals narrower than this show no times.
const NARROW: u16 = 30;

/// What kind of thing it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// Somebody said it; perhaps it names the reader.
    Said { from: UserName, mention: bool },
    /// Something else, in its tone.
    Told(Tone),
}

/// Whether the server has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    Kept,
    /// On its way, under this key.
    Sending(Ref),
    Refused,
}

/// One entry of a talk.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Tells it from every other one of its talk.
    pub(super) serial: u64,
    /// Its place among what the server keeps.
    pub(super) id: Option<u64>,
    pub(super) at: Option<Timestamp>,
    pub(super) kind: Kind,
    pub(super) standing: Standing,
    /// Safe for a terminal.
    text: String,
}

impl Entry {
    fn new(at: Option<Timestamp>, kind: Kind, text: &str) -> Self {
        // Every row of it is measured with each frame; and a tab is a control character too, which moves
        // as far as the terminal likes.
        let text = safe(&read(text)).replace('\t', "    ");
        Entry { serial: 0, id: None, at, kind, standing: Standing::Kept, text }
    }

    /// What the server keeps.
    pub(super) fn message(message: &Message, mention: bool) -> Self {
        let kind = Kind::Said { from: message.from.clone(), mention };
        Entry { id: Some(message.id), ..Entry::new(Some(message.at), kind, &message.text) }
    }

    /// What somebody said to one person alone.
    pub(super) fn direct(from: &UserName, text: &str, at: Timestamp) -> Self {
        Entry::new(Some(at), Kind::Said { from: from.clone(), mention: false }, text)
    }

    /// What the reader says, before the server has it.
    pub(super) fn sending(me: &UserName, text: &str, key: Ref, at: Timestamp) -> Self {
        let kind = Kind::Said { from: me.clone(), mention: false };
        Entry { standing: Standing::Sending(key), ..Entry::new(Some(at), kind, text) }
    }

    /// What else happens.
    pub(super) fn told(words: &Words) -> Self {
        Entry::new(words.at, Kind::Told(words.tone), &words.text)
    }

    /// Who said it.
    pub(super) fn speaker(&self) -> Option<&UserName> {
        if let Kind::Said { from, .. } = &self.kind { Some(from) } else { None }
    }

    /// Its rows on a terminal of this width; the day is named when it is another than that of `before`.
    pub(super) fn rows(&self, before: Option<&Entry>, look: &Look, wide: u16) -> Vec<Line<'static>> {
        let mut rows = Vec::new();
        if let Some(day) = self.new_day(before, look) {
            rows.push(Line::styled(format!("-- {day} --"), look.colours.faint()));
        }
        let time = if wide < NARROW { String::new() } else { self.time(look) };
        let indent = match &self.kind {
            Kind::Told(Tone::Help) => described_at(&self.text),
            Kind::Told(tone) if time.is_empty() => width(tone.mark()),
            _ => width(&time),
        };
        let mut spans = vec![Span::styled(time, look.colours.faint())];
        spans.extend(self.words(&look.colours));
        rows.extend(wrap(&spans, wide, indent));
        rows
    }

    /// All of it in one line.
    pub(super) fn line(&self, look: &Look) -> String {
        let words = self.words(&look.colours);
        std::iter::once(self.time(look)).chain(words.iter().map(|span| span.content.to_string())).collect()
    }

    fn time(&self, look: &Look) -> String {
        let Some(at) = self.at else { return String::new() };
        local(at, &look.zone).map_or("--:-- ".to_owned(), |at| at.strftime("%H:%M ").to_string())
    }

    fn new_day(&self, before: Option<&Entry>, look: &Look) -> Option<String> {
        let day = |at: Option<Timestamp>| local(at?, &look.zone).map(|at| at.date());
        let own = day(self.at)?;
        let last = before.map_or(day(Some(look.now)), |before| day(before.at));
        (last.is_some_and(|last| last != own)).then(|| own.to_string())
    }

    fn words(&self, colours: &Colours) -> Vec<Span<'static>> {
        match &self.kind {
            Kind::Said { from, mention } => self.said(from, *mention, colours),
            Kind::Told(tone) => {
                vec![Span::styled(format!("{}{}", tone.mark(), self.text), colours.tone(*tone))]
            }
        }
    }

    fn said(&self, from: &UserName, mention: bool, colours: &Colours) -> Vec<Span<'static>> {
        let name = Span::styled(from.to_string(), colours.name(from));
        let style = match &self.standing {
            Standing::Sending(_) => colours.faint(),
            Standing::Refused => colours.tone(Tone::Wrong),
            Standing::Kept if mention => colours.mention(),
            Standing::Kept => Style::new(),
        };
        let text = |text: &str| Span::styled(text.to_owned(), style);
        let mut spans = match self.text.strip_prefix("* ") {
            Some(deed) => vec![Span::raw("* "), name, Span::raw(" "), text(deed)],
            None => vec![Span::raw("<"), name, Span::raw("> "), text(&self.text)],
        };
        if self.standing == Standing::Refused {
            spans.push(Span::styled(" (not said)", style));
        }
        spans
    }
}

/// Where in a line of help the words begin that say what something does.
fn described_at(help: &str) -> u16 {
    let gap = help.find("  ").unwrap_or(0);
    let words = help[gap..].trim_start_matches(' ');
    width(&help[..help.len() - words.len()])
}

/// How a person likes it.
#[derive(Debug, Clone)]
pub(crate) struct Look {
    pub(crate) zone: TimeZone,
    pub(crate) now: Timestamp,
    pub(crate) colours: Colours,
}

impl Look {
    /// The line between what was read and what is new.
    pub(super) fn news_from_here(&self, wide: u16) -> Line<'static> {
        let words = "── new ";
        let rule = "─".repeat(wide.saturating_sub(width(words)).into());
        Line::styled(format!("{words}{rule}"), self.colours.news())
    }
}
