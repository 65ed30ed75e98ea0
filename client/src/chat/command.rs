//! What a typed line means: the commands of text mode, as requests of JSON mode.

use engine::chat::{Page, Request};
use engine::names::{RoomName, UserName};
use engine::text::check_message;
use engine::{Code, Refusal};

/// Lines of the past that are shown on entering a room, and by `/history` alone.
pub(crate) const HISTORY: u32 = 20;

/// What `/help` prints.
pub(crate) const HELP: &[&str] = &[
    "/join ROOM         go to another room",
    "/rooms             which rooms there are",
    "/who [ROOM]        who is here, or there",
    "/msg USER TEXT     say something to one person",
    "/nick NAME         be called otherwise",
    "/me TEXT           say what you do",
    "/history [N]       read what was said",
    "/search WORDS      find what was said here",
    "//TEXT             say a line beginning with /",
    "/quit              leave the chat (or Ctrl-D)",
];

/// Results of a search that are shown.
const FOUND: u32 = 50;

/// Where a line is typed, and so whom it is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Target {
    /// All in a room.
    Room(RoomName),
    /// One person.
    Person(UserName),
}

impl Target {
    /// The room, if it is one.
    pub(crate) fn room(&self) -> Option<&RoomName> {
        if let Target::Room(room) = self { Some(room) } else { None }
    }
}

/// What somebody wants.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Nothing: the line is empty.
    Nothing,
    /// To ask the server.
    Ask(Request),
    /// To be in another room.
    Go(RoomName),
    /// To read what can be typed.
    Help,
    /// To leave.
    Quit,
}

/// Reads a line that was typed in `room`.
///
/// # Errors
/// The same words and codes that the server would use, without asking it.
pub(crate) fn parse(line: &str, room: &RoomName) -> Result<Command, Refusal> {
    parse_for(line, &Target::Room(room.clone()))
}

/// Reads a line that was typed in a room or to a person.
///
/// # Errors
/// As [`parse`].
pub(crate) fn parse_for(line: &str, target: &Target) -> Result<Command, Refusal> {
    let line = line.trim_end();
    if line.trim_start().is_empty() {
        return Ok(Command::Nothing);
    }
    match line.strip_prefix('/') {
        None => say(target, line.to_owned()),
        Some(text) if text.starts_with('/') => say(target, text.to_owned()),
        Some(command) => {
            let (word, rest) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
            slash(word, rest.trim_start(), target)
        }
    }
}

fn slash(word: &str, rest: &str, target: &Target) -> Result<Command, Refusal> {
    let here = || target.room().cloned();
    Ok(Command::Ask(match word.to_ascii_lowercase().as_str() {
        "join" => return Ok(Command::Go(RoomName::parse(rest)?)),
        "help" => return Ok(Command::Help),
        "quit" => return Ok(Command::Quit),
        "me" => return say(target, format!("* {}", worded(rest)?)),
        "rooms" => Request::Rooms,
        "who" if rest.is_empty() => Request::Who { room: here() },
        "who" => Request::Who { room: Some(RoomName::parse(rest)?) },
        "msg" => direct(rest)?,
        "nick" => Request::Nick { user: UserName::parse(rest)? },
        "history" => {
            let room = here().ok_or_else(|| Refusal::new(Code::BadRoom, "only rooms have a history"))?;
            Request::History { room, page: Page::Newest, limit: count(rest)? }
        }
        "search" => Request::Search { query: worded(rest)?.to_owned(), room: here(), limit: FOUND },
        _ => return Err(Refusal::new(Code::UnknownCommand, format!("there is no /{word}; see /help"))),
    }))
}

fn say(target: &Target, text: String) -> Result<Command, Refusal> {
    check_message(&text)?;
    Ok(Command::Ask(match target.clone() {
        Target::Room(room) => Request::Say { room, text },
        Target::Person(to) => Request::Direct { to, text },
    }))
}

fn direct(rest: &str) -> Result<Request, Refusal> {
    let (to, text) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let to = UserName::parse(to)?;
    let text = text.trim_start();
    check_message(text)?;
    Ok(Request::Direct { to, text: text.to_owned() })
}

fn worded(rest: &str) -> Result<&str, Refusal> {
    check_message(rest)?;
    Ok(rest)
}

fn count(rest: &str) -> Result<u32, Refusal> {
    if rest.is_empty() {
        return Ok(HISTORY);
    }
    let number = rest.parse().ok().filter(|count| (1..=1000).contains(count));
    number.ok_or_else(|| Refusal::new(Code::BadRequest, "how many is 1 to 1000"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Command, Code> {
        parse(line, &RoomName::lobby()).map_err(|refusal| refusal.code)
    }

    fn said(text: &str) -> Result<Command, Code> {
        Ok(Command::Ask(Request::Say { room: RoomName::lobby(), text: text.into() }))
    }

    #[test]
    fn plain_lines_are_said() {
        assert_eq!(read("hi all "), said("hi all"));
        assert_eq!(read("  indented"), said("  indented"));
        assert_eq!(read("//etc"), said("/etc"));
        assert_eq!(read("/me waves"), said("* waves"));
        assert_eq!(read("  "), Ok(Command::Nothing));
    }

    #[test]
    fn commands_become_requests() {
        let lobby = RoomName::lobby;
        let dev = RoomName::parse("dev").unwrap();
        let bob = UserName::parse("bob").unwrap();
        for (line, request) in [
            ("/who", Request::Who { room: Some(lobby()) }),
            ("/WHO #dev", Request::Who { room: Some(dev.clone()) }),
            ("/rooms", Request::Rooms),
            ("/msg bob  hi there", Request::Direct { to: bob.clone(), text: "hi there".into() }),
            ("/nick bob", Request::Nick { user: bob }),
            ("/history", Request::History { room: lobby(), page: Page::Newest, limit: 20 }),
            ("/history 5", Request::History { room: lobby(), page: Page::Newest, limit: 5 }),
            ("/search a b", Request::Search { query: "a b".into(), room: Some(lobby()), limit: 50 }),
        ] {
            assert_eq!(read(line), Ok(Command::Ask(request)), "{line}");
        }
        assert_eq!(read("/join #dev"), Ok(Command::Go(dev)));
        assert_eq!((read("/help"), read("/quit")), (Ok(Command::Help), Ok(Command::Quit)));
    }

    #[test]
    fn mistakes_are_told_without_asking_the_server() {
        for (line, code) in [
            ("/jion dev", Code::UnknownCommand),
            ("/", Code::UnknownCommand),
            ("/join", Code::BadRoom),
            ("/join A B", Code::BadRoom),
            ("/nick", Code::BadName),
            ("/nick a b", Code::BadName),
            ("/msg", Code::BadName),
            ("/msg bob", Code::BadText),
            ("/me", Code::BadText),
            ("/search", Code::BadText),
            ("/history many", Code::BadRequest),
            ("/history 0", Code::BadRequest),
            ("\u{1b}[2J", Code::BadText),
        ] {
            assert_eq!(read(line), Err(code), "{line:?}");
        }
    }
}
