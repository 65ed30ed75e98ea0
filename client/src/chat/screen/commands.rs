//! What a line means that was typed on a screen: the commands of all chats, and those of a screen.

use engine::chat::Request;
use engine::names::{RoomName, UserName};
use engine::{Code, Refusal};

use crate::chat::command::{Command, Target, parse_for};

/// Every command, for completion.
pub(super) const NAMES: &[&str] = &[
    "/clear", "/close", "/help", "/history", "/join", "/leave", "/me", "/msg", "/nick", "/part", "/query",
    "/quit", "/rooms", "/search", "/who",
];

/// What `/help` says beside the commands of all chats: as much as a terminal of 80 by 24 shows at once.
pub(super) const HELP: &[&str] = &[
    "/query USER        talk to one person",
    "/leave [ROOM]      leave it (or /part, /close)",
    "/clear             empty the screen",
    "Tab                complete commands and names",
    "Ctrl-N, Ctrl-P     next room, room before (or Alt-arrows, Alt-1 to Alt-9)",
    "Alt-A              next room with news",
    "PgUp, PgDn, wheel  read back; Esc goes down",
    "Alt-L              the talk alone, to copy and to open addresses",
    "Ctrl-R             find what you typed before",
    "Ctrl-C             clear the line, or leave",
];

/// What somebody at a screen wants.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Nothing,
    Ask(Request),
    /// To look at a talk, and to enter it when it is a room one is not in.
    Open(Target),
    /// To leave a talk; `None` for the one that is looked at.
    Close(Option<RoomName>),
    Clear,
    Help,
    Quit,
}

/// Reads a line that was typed in a talk.
///
/// # Errors
/// The same words and codes that the server would use, without asking it.
pub(super) fn read(line: &str, target: &Target) -> Result<Wanted, Refusal> {
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let rest = rest.trim();
    match (word.to_ascii_lowercase().as_str(), rest) {
        ("/leave" | "/part" | "/close", "") => return Ok(Wanted::Close(None)),
        ("/leave" | "/part" | "/close", room) => return Ok(Wanted::Close(Some(RoomName::parse(room)?))),
        ("/query", user) => return Ok(Wanted::Open(Target::Person(UserName::parse(user)?))),
        ("/clear", "") => return Ok(Wanted::Clear),
        ("/clear", _) => return Err(Refusal::new(Code::BadRequest, "/clear has nothing behind it")),
        _ => {}
    }
    Ok(match parse_for(line, target)? {
        Command::Nothing => Wanted::Nothing,
        Command::Ask(request) => Wanted::Ask(request),
        Command::Go(room) => Wanted::Open(Target::Room(room)),
        Command::Help => Wanted::Help,
        Command::Quit => Wanted::Quit,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_has_commands_of_its_own() {
        let bob = UserName::parse("bob").unwrap();
        let lobby = Target::Room(RoomName::lobby());
        let reads = |line: &str, target: &Target| read(line, target).map_err(|refusal| refusal.code);
        assert_eq!(reads("/query bob", &lobby), Ok(Wanted::Open(Target::Person(bob.clone()))));
        assert_eq!(reads("/join #lobby", &lobby), Ok(Wanted::Open(lobby.clone())));
        assert_eq!(reads("/LEAVE", &lobby), Ok(Wanted::Close(None)));
        assert_eq!(reads("/leave lobby ", &lobby), Ok(Wanted::Close(Some(RoomName::lobby()))));
        assert_eq!(reads("/leave A B", &lobby), Err(Code::BadRoom));
        assert_eq!(reads("/clear x", &lobby), Err(Code::BadRequest));
        let direct = Request::Direct { to: bob.clone(), text: "hi".into() };
        assert_eq!(reads("hi", &Target::Person(bob)), Ok(Wanted::Ask(direct)));
    }

    #[test]
    fn every_command_can_be_completed() {
        let of_all = crate::chat::command::HELP.iter().chain(HELP);
        let names = of_all.filter_map(|line| line.split_whitespace().next());
        for name in names.filter(|name| name.starts_with('/') && !name.starts_with("//")) {
            assert!(NAMES.contains(&name), "{name}");
        }
    }
}
