//! What the server says, as lines for a person.

mod words;

use std::borrow::Cow;

use engine::chat::{Event, Message};
use engine::names::UserName;
use engine::{Refusal, Timestamp};
use indicatif::HumanBytes;
use jiff::tz::TimeZone;

use self::words::{told, why};
use super::model::Note;
use crate::terminal::safe;
use crate::time::local;

/// Bytes of a message that are shown: four times what a server of ours lets anybody say.
const READ: usize = 16 * 1024;

/// How a line is meant, which decides where it goes and how it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Somebody said it.
    Said,
    /// What happens around the talk.
    Aside,
    /// Something did not work.
    Wrong,
    /// What can be typed.
    Help,
}

impl Tone {
    /// What stands in front of a line that nobody has said.
    pub(crate) fn mark(self) -> &'static str {
        match self {
            Tone::Aside | Tone::Wrong => "-- ",
            Tone::Said | Tone::Help => "",
        }
    }
}

/// One line for a person, safe for a terminal.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) tone: Tone,
    /// When it happened, where that matters.
    pub(crate) at: Option<Timestamp>,
    pub(crate) text: String,
}

/// Whose eyes a line is for, where and when.
pub(crate) struct Reader<'a> {
    pub(crate) me: &'a UserName,
    pub(crate) zone: &'a TimeZone,
    pub(crate) now: Timestamp,
    /// Whether they can type a command; otherwise all they can say was said on the command line.
    pub(crate) types: bool,
}

impl Reader<'_> {
    /// What an event says to this reader; nothing when it need not be seen.
    pub(crate) fn event(&self, event: &Event) -> Vec<Line> {
        match event {
            Event::Message { message, .. } => vec![said(message)],
            Event::Direct { from, text, at } => {
                vec![Line::new(Tone::Said, Some(*at), &format!("[{from} to you] {}", read(text)))]
            }
            Event::Joined { user, at, .. } => vec![aside(*at, &format!("{user} joined"))],
            Event::Left { user, at, reason, .. } => {
                vec![aside(*at, &format!("{user} left{}", why(*reason)))]
            }
            Event::Renamed { user, to, at } => vec![aside(*at, &self.renamed(user, to))],
            Event::Ack { .. } | Event::Pong | Event::LeftRoom { .. } => Vec::new(),
            Event::History { messages, .. } => messages.iter().map(said).collect(),
            Event::Search { messages } => self.found(messages),
            Event::Refused(refusal) => vec![Line::refusal(refusal)],
            other => vec![aside(self.now, &told(other))],
        }
    }

    /// What else a person should know.
    pub(crate) fn note(&self, note: &Note) -> Vec<Line> {
        match note {
            Note::Renaming { taken, to } => {
                let another = if self.types { "/nick" } else { "--user" };
                let words = format!("{taken} is taken, you are {to}; another name is {another} NAME");
                vec![aside(self.now, &words)]
            }
            Note::Lost => vec![wrong("the connection is lost; trying again until it is back")],
            Note::Back => vec![wrong("connected again")],
            Note::Unsure { to } => {
                vec![wrong(&format!("the connection was lost before {to} can have answered; say it again"))]
            }
            Note::Endless => {
                vec![wrong("the server sends a line that does not end; the connection is given up")]
            }
            Note::Clock(skew) => {
                let words = format!("the server's clock is {skew} this machine's; one of the two is wrong");
                vec![wrong(&words)]
            }
            Note::Mistake(refusal) => vec![Line::refusal(refusal)],
            Note::Help => super::command::HELP.iter().map(|line| Line::help(line)).collect(),
        }
    }

    /// A line with its time in front.
    pub(crate) fn in_full(&self, line: &Line) -> String {
        let time = line.at.map(|at| format!("{} ", self.time(at))).unwrap_or_default();
        format!("{time}{}{}", line.tone.mark(), line.text)
    }

    /// What was found, the newest last, each with its room.
    fn found(&self, messages: &[Message]) -> Vec<Line> {
        let count = match messages.len() {
            0 => "nothing found".to_owned(),
            1 => "found once:".to_owned(),
            many => format!("found {many} times, the newest last:"),
        };
        let found = messages.iter().rev().map(|message| {
            let Message { room, from, text, at, .. } = message;
            Line::new(Tone::Said, Some(*at), &format!("#{room} [{from}] {}", read(text)))
        });
        std::iter::once(aside(self.now, &count)).chain(found).collect()
    }

    fn renamed(&self, user: &UserName, to: &UserName) -> String {
        match to == self.me {
            true => format!("you are now known as {to}"),
            false => format!("{user} is now known as {to}"),
        }
    }

    /// The reader's own time of day, with the date when that is not today. A moment that no calendar has
    /// is the server's mistake and shown as such.
    fn time(&self, at: Timestamp) -> String {
        let (Some(at), Some(now)) = (local(at, self.zone), local(self.now, self.zone)) else {
            return "--:--".to_owned();
        };
        let form = if at.date() == now.date() { "%H:%M" } else { "%Y-%m-%d %H:%M" };
        at.strftime(form).to_string()
    }
}

impl Line {
    /// Why something is not done.
    pub(crate) fn refusal(refusal: &Refusal) -> Self {
        wrong(&format!("{} ({})", refusal.words, refusal.code))
    }

    /// Something that can be typed.
    pub(crate) fn help(text: &str) -> Self {
        Line::new(Tone::Help, None, text)
    }

    fn new(tone: Tone, at: Option<Timestamp>, text: &str) -> Self {
        Line { tone, at, text: safe(text).into_owned() }
    }
}

fn said(Message { from, text, at, .. }: &Message) -> Line {
    Line::new(Tone::Said, Some(*at), &format!("[{from}] {}", read(text)))
}

/// As much of a text as anybody reads.
pub(crate) fn read(text: &str) -> Cow<'_, str> {
    let end = text.floor_char_boundary(READ);
    match text.len() {
        len if len > end => Cow::Owned(format!("{}… ({} in all)", &text[..end], HumanBytes(len as u64))),
        _ => Cow::Borrowed(text),
    }
}

fn aside(at: Timestamp, text: &str) -> Line {
    Line::new(Tone::Aside, Some(at), text)
}

fn wrong(text: &str) -> Line {
    Line::new(Tone::Wrong, None, text)
}

#[cfg(test)]
mod tests {
    use engine::Code;
    use engine::chat::LeaveReason;
    use engine::names::RoomName;

    use super::*;

    const AT: Timestamp = Timestamp(1_795_335_000_123);

    fn user(name: &str) -> UserName {
        UserName::parse(name).unwrap()
    }

    fn lines(event: Event) -> Vec<String> {
        let reader = Reader { me: &user("alice"), zone: &TimeZone::UTC, now: AT, types: true };
        reader.event(&event).iter().map(|line| reader.in_full(line)).collect()
    }

    fn message(text: &str, at: Timestamp) -> Message {
        Message { room: RoomName::lobby(), id: 1, from: user("bob"), text: text.into(), at }
    }

    fn event(text: &str, at: Timestamp) -> Event {
        Event::Message { message: message(text, at), replay: false }
    }

    #[test]
    fn messages_have_a_time_and_a_name() {
        assert_eq!(lines(event("hello", AT)), ["08:10 [bob] hello"]);
        let yesterday = Timestamp(AT.0 - 86_400_000);
        assert_eq!(lines(event("hello", yesterday)), ["2026-11-21 08:10 [bob] hello"]);
        assert_eq!(lines(event("x", Timestamp(u64::MAX))), ["--:-- [bob] x"]);
        let direct = Event::Direct { from: user("bob"), text: "psst".into(), at: AT };
        assert_eq!(lines(direct), ["08:10 [bob to you] psst"]);
    }

    #[test]
    fn times_are_the_readers_own() {
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        let reader = Reader { me: &user("alice"), zone: &zone, now: AT, types: true };
        assert_eq!(reader.in_full(&reader.event(&event("hello", AT))[0]), "10:10 [bob] hello");
    }

    #[test]
    fn a_message_can_not_drive_the_terminal() {
        assert_eq!(lines(event("\u{1b}[2J\r", AT)), ["08:10 [bob] \\u{1b}[2J\\u{d}"]);
    }

    #[test]
    fn comings_and_goings_are_asides() {
        let room = RoomName::lobby;
        let left = |reason| Event::Left { room: room(), user: user("bob"), at: AT, reason };
        for (event, text) in [
            (Event::Joined { room: room(), user: user("bob"), at: AT }, "08:10 -- bob joined"),
            (left(LeaveReason::Quit), "08:10 -- bob left"),
            (left(LeaveReason::Lost), "08:10 -- bob left (connection lost)"),
            (
                Event::Members { room: room(), joined: 37, left: 5, count: 10230 },
                "08:10 -- 37 joined, 5 left (10230 here)",
            ),
            (
                Event::Renamed { user: user("bob"), to: user("rob"), at: AT },
                "08:10 -- bob is now known as rob",
            ),
            (
                Event::Renamed { user: user("al"), to: user("alice"), at: AT },
                "08:10 -- you are now known as alice",
            ),
            (
                Event::Entered { room: room(), members: vec![user("bob")], last_id: 1, gap: false },
                "08:10 -- lobby: bob is here",
            ),
            (
                Event::Entered { room: room(), members: vec![], last_id: 1, gap: true },
                "08:10 -- lobby: nobody else is here; some of what was said is not kept any more",
            ),
            (Event::Rooms { rooms: vec![(room(), 3)] }, "08:10 -- rooms: lobby (3)"),
            (Event::Search { messages: vec![] }, "08:10 -- nothing found"),
        ] {
            let reader = Reader { me: &user("alice"), zone: &TimeZone::UTC, now: AT, types: true };
            let told = reader.event(&event);
            assert_eq!((told[0].tone, reader.in_full(&told[0]).as_str()), (Tone::Aside, text));
        }
    }

    #[test]
    fn what_was_found_is_read_oldest_first() {
        let messages = vec![message("new", AT), message("old", Timestamp(AT.0 - 60_000))];
        let wanted =
            ["08:10 -- found 2 times, the newest last:", "08:09 #lobby [bob] old", "08:10 #lobby [bob] new"];
        assert_eq!(lines(Event::Search { messages }), wanted);
    }

    #[test]
    fn what_nobody_would_read_is_cut() {
        let told = lines(event(&"日".repeat(1_000_000), AT)).remove(0);
        assert!(told.len() < READ + 100 && told.ends_with("日… (2.86 MiB in all)"), "{}", told.len());
        assert_eq!(read("short"), "short");
    }

    #[test]
    fn who_is_called_otherwise_reads_what_changes_that_where_they_are() {
        for (types, way) in [(true, "/nick NAME"), (false, "--user NAME")] {
            let reader = Reader { me: &user("alice-3f2a"), zone: &TimeZone::UTC, now: AT, types };
            let told = reader.note(&Note::Renaming { taken: user("alice"), to: user("alice-3f2a") });
            assert!(
                told[0].text.ends_with(&format!("you are alice-3f2a; another name is {way}")),
                "{told:?}"
            );
        }
    }

    #[test]
    fn errors_speak_to_people() {
        let refused = Event::Refused(Refusal::new(Code::NoSuchUser, "nobody is called bob"));
        let reader = Reader { me: &user("alice"), zone: &TimeZone::UTC, now: AT, types: true };
        let told = reader.event(&refused);
        assert_eq!(told[0].tone, Tone::Wrong);
        assert_eq!(reader.in_full(&told[0]), "-- nobody is called bob (no_such_user)");
    }
}
