//! Text mode, for people with `nc`.

use engine::chat::{Entry, Event, Message, Page, Replay, Request, check_query};
use engine::names::{RoomName, UserName};
use engine::{Code, Refusal, text};

/// The line that asks for a name.
pub const PROMPT: &str = "USERNAME:\n";

/// What `/help` prints, a line each behind `INFO:`.
const HELP: &[&str] = &[
    "what you type is said in your room; //x says /x",
    "/join ROOM  go to another room        /rooms  which rooms there are",
    "/who [ROOM]  who is here               /msg USER TEXT  say it to one person",
    "/nick NAME  be called otherwise        /me TEXT  say what you do",
    "/history [N]  what was said            /search WORDS  find what was said",
    "/help  this                            /quit  leave",
];

/// What stands between a command and its words.
const BLANK: [char; 2] = [' ', '\t'];

/// Lines that `/history` shows when it is not told how many.
pub const HISTORY_LINES: u32 = 20;
/// Messages that `/search` shows.
const SEARCH_LINES: u32 = 20;

/// What a line means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Typed {
    /// A request.
    Request(Request),
    /// `/help`.
    Help,
    /// `/quit`.
    Quit,
    /// An empty line.
    Nothing,
}

/// Reads the first line, which is a name; white space around it does not count.
///
/// # Errors
/// [`Code::BadName`].
pub fn decode_name(line: &str) -> Result<UserName, Refusal> {
    UserName::parse(line.trim_matches(' '))
}

/// Reads a line typed by somebody who is in `room`; on entering another room they want `replay`.
///
/// # Errors
/// [`Code::BadText`], [`Code::UnknownCommand`], [`Code::BadRequest`], [`Code::BadRoom`], [`Code::BadName`].
pub fn decode(line: &str, room: &RoomName, replay: Replay) -> Result<Typed, Refusal> {
    if line.is_empty() {
        return Ok(Typed::Nothing);
    }
    match line.strip_prefix('/') {
        None => say(room, line),
        Some(escaped) if escaped.starts_with('/') => say(room, escaped),
        Some(command) => decode_command(command, room, replay),
    }
}

fn decode_command(command: &str, room: &RoomName, replay: Replay) -> Result<Typed, Refusal> {
    let (name, rest) = command.split_once(BLANK).unwrap_or((command, ""));
    let rest = rest.trim_matches(BLANK);
    Ok(match name {
        "join" => {
            let entry = Entry { room: RoomName::parse(need(rest, "/join ROOM")?)?, replay };
            Typed::Request(Request::Join(entry))
        }
        "rooms" => Typed::Request(Request::Rooms),
        "who" => {
            let room = if rest.is_empty() { room.clone() } else { RoomName::parse(rest)? };
            Typed::Request(Request::Who { room: Some(room) })
        }
        "msg" => {
            let (to, text) = rest.split_once(BLANK).unwrap_or((rest, ""));
            let text = message(need(text.trim_start_matches(BLANK), "/msg USER TEXT")?)?;
            Typed::Request(Request::Direct { to: UserName::parse(to)?, text })
        }
        "nick" => Typed::Request(Request::Nick { user: UserName::parse(need(rest, "/nick NAME")?)? }),
        "me" => say(room, &format!("* {}", message(need(rest, "/me TEXT")?)?))?,
        "history" => {
            let limit = if rest.is_empty() { HISTORY_LINES } else { number(rest)? };
            Typed::Request(Request::History { room: room.clone(), page: Page::Newest, limit })
        }
        "search" => {
            let query = message(need(rest, "/search WORDS")?)?;
            check_query(&query)?;
            Typed::Request(Request::Search { query, room: None, limit: SEARCH_LINES })
        }
        "help" => Typed::Help,
        "quit" => Typed::Quit,
        _ => return Err(Refusal::new(Code::UnknownCommand, "there is no such command; /help lists them")),
    })
}

fn say(room: &RoomName, text: &str) -> Result<Typed, Refusal> {
    Ok(Typed::Request(Request::Say { room: room.clone(), text: message(text)? }))
}

fn message(text: &str) -> Result<String, Refusal> {
    text::check_message(text)?;
    Ok(text.to_owned())
}

fn need<'a>(rest: &'a str, usage: &'static str) -> Result<&'a str, Refusal> {
    if rest.is_empty() { Err(Refusal::new(Code::BadRequest, format!("usage: {usage}"))) } else { Ok(rest) }
}

fn number(written: &str) -> Result<u32, Refusal> {
    let digits = written.bytes().all(|b| b.is_ascii_digit());
    let wrong = || Refusal::new(Code::BadRequest, "usage: /history [N], N being a number");
    // More digits than fit are only a very large N, and N is cut anyway.
    if digits { Ok(written.parse().unwrap_or(u32::MAX)) } else { Err(wrong()) }
}

/// Appends what `/help` prints.
pub fn encode_help(out: &mut Vec<u8>) {
    for line in HELP {
        put(out, &["INFO:", line]);
    }
}

/// Appends an event as lines; some events say nothing to people.
pub fn encode(event: &Event, out: &mut Vec<u8>) {
    match event {
        Event::Welcome { .. } | Event::Ack { .. } | Event::LeftRoom { .. } | Event::Pong => {}
        Event::Entered { room, members, .. } => {
            let with = if members.is_empty() { "nobody else".into() } else { list(members) };
            put(out, &["INFO:you are in ", room.as_str(), " with ", &with]);
        }
        Event::Message { message, replay } => said(out, if *replay { "HISTORY:[" } else { "MSG:[" }, message),
        Event::Joined { user, .. } => put(out, &["MSG:", user.as_str(), " joined the chat"]),
        Event::Left { user, .. } => put(out, &["MSG:", user.as_str(), " left the chat"]),
        Event::Members { joined, left, count, .. } => {
            let (joined, left, count) = (grouped(*joined), grouped(*left), grouped(*count));
            put(out, &["MSG:", &joined, " joined, ", &left, " left (", &count, " here)"]);
        }
        Event::Direct { from, text, .. } => put(out, &["DM:[", from.as_str(), "] ", text]),
        Event::History { messages, .. } => messages.iter().for_each(|m| said(out, "HISTORY:[", m)),
        Event::Search { messages } => found(out, messages),
        Event::Who { room, users } => {
            let room = room.as_ref().map_or("everybody", RoomName::as_str);
            put(out, &["INFO:", room, ": ", &list(users)]);
        }
        Event::Rooms { rooms } => {
            let rooms: Vec<String> = rooms.iter().map(|(room, users)| format!("{room} ({users})")).collect();
            put(out, &["INFO:rooms: ", &rooms.join(", ")]);
        }
        Event::Renamed { user, to, .. } if user == to => {}
        Event::Renamed { user, to, .. } => {
            put(out, &["MSG:", user.as_str(), " is now known as ", to.as_str()]);
        }
        Event::Bye { .. } => put(out, &["INFO:server is going away"]),
        Event::Refused(refusal) => put(out, &["ERROR:", refusal.code.as_str(), " ", &refusal.words]),
    }
}

fn said(out: &mut Vec<u8>, prefix: &str, message: &Message) {
    put(out, &[prefix, message.from.as_str(), "] ", &message.text]);
}

fn found(out: &mut Vec<u8>, messages: &[Message]) {
    for message in messages {
        put(out, &["FOUND:#", message.room.as_str(), " [", message.from.as_str(), "] ", &message.text]);
    }
    if messages.is_empty() {
        put(out, &["INFO:nothing found"]);
    }
}

fn list(users: &[UserName]) -> String {
    users.iter().map(UserName::as_str).collect::<Vec<_>>().join(", ")
}

/// `10230` as `10,230`.
fn grouped(number: u32) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn put(out: &mut Vec<u8>, parts: &[&str]) {
    for part in parts {
        out.extend_from_slice(part.as_bytes());
    }
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use engine::Timestamp;
    use engine::chat::LeaveReason;
    use proptest::prelude::*;

    use super::*;

    fn room(name: &str) -> RoomName {
        RoomName::parse(name).unwrap()
    }

    fn user(name: &str) -> UserName {
        UserName::parse(name).unwrap()
    }

    fn typed(line: &str) -> Result<Typed, Code> {
        decode(line, &room("lobby"), Replay::Last(20)).map_err(|refusal| refusal.code)
    }

    fn request(line: &str) -> Request {
        match typed(line) {
            Ok(Typed::Request(request)) => request,
            other => panic!("{line:?} is {other:?}"),
        }
    }

    #[test]
    fn what_is_typed_is_said_unless_it_is_a_command() {
        let say = |text: &str| Request::Say { room: room("lobby"), text: text.into() };
        assert_eq!(request("hi all"), say("hi all"));
        assert_eq!(request("//quit"), say("/quit"));
        assert_eq!(request("/me waves"), say("* waves"));
        assert_eq!(request("MSG:[bob] spoof"), say("MSG:[bob] spoof"));
        assert_eq!(typed(""), Ok(Typed::Nothing));
    }

    #[test]
    fn commands_are_requests() {
        let entry = Entry { room: room("dev"), replay: Replay::Last(20) };
        assert_eq!(request("/join #dev"), Request::Join(entry));
        assert_eq!(request("/who"), Request::Who { room: Some(room("lobby")) });
        assert_eq!(request("/msg bob  hi  you"), Request::Direct { to: user("bob"), text: "hi  you".into() });
        assert_eq!(request("/nick ally"), Request::Nick { user: user("ally") });
        let history = |limit| Request::History { room: room("lobby"), page: Page::Newest, limit };
        assert_eq!((request("/history"), request("/history 5")), (history(20), history(5)));
        assert_eq!(request("/history 99999999999999999999"), history(u32::MAX));
        assert_eq!((typed("/help"), typed("/quit")), (Ok(Typed::Help), Ok(Typed::Quit)));
    }

    #[test]
    fn what_is_wrong_has_its_code() {
        let cases = [
            ("/nope", Code::UnknownCommand),
            ("/", Code::UnknownCommand),
            ("/join", Code::BadRequest),
            ("/join Big Room", Code::BadRoom),
            ("/msg bob", Code::BadRequest),
            ("/msg b@b hi", Code::BadName),
            ("/nick", Code::BadRequest),
            ("/nick аdmin", Code::BadName),
            ("/nick bell\u{7}", Code::BadName),
            ("/nick bob\u{85}", Code::BadName),
            ("/nick a\tb", Code::BadName),
            ("/msg b\u{1b}b hi", Code::BadName),
            ("/msg bob \u{1b}", Code::BadText),
            ("/me \u{1b}", Code::BadText),
            ("/me \u{3000}", Code::BadText),
            ("/search \u{1b}", Code::BadText),
            ("/join d\u{1b}v", Code::BadRoom),
            ("/who d\u{1b}v", Code::BadRoom),
            ("/\u{1b}", Code::UnknownCommand),
            ("//\u{1b}", Code::BadText),
            ("/history -1", Code::BadRequest),
            ("/history 0x10", Code::BadRequest),
            ("/history ١٢", Code::BadRequest),
            ("\u{1b}[2J", Code::BadText),
            ("a\rb", Code::BadText),
            ("   ", Code::BadText),
        ];
        for (line, code) in cases {
            assert_eq!(typed(line), Err(code), "{line:?}");
        }
    }

    #[test]
    fn events_are_written_as_the_contract_shows_them() {
        let at = Timestamp(0);
        let message =
            |text: &str| Message { room: room("lobby"), id: 1, from: user("bob"), text: text.into(), at };
        let golden = [
            (Event::Message { message: message("hello"), replay: true }, "HISTORY:[bob] hello\n"),
            (Event::Message { message: message("welcome"), replay: false }, "MSG:[bob] welcome\n"),
            (Event::Joined { room: room("lobby"), user: user("carol"), at }, "MSG:carol joined the chat\n"),
            (
                Event::Left { room: room("lobby"), user: user("carol"), at, reason: LeaveReason::Slow },
                "MSG:carol left the chat\n",
            ),
            (
                Event::Members { room: room("lobby"), joined: 37, left: 5, count: 10230 },
                "MSG:37 joined, 5 left (10,230 here)\n",
            ),
            (Event::Direct { from: user("alice"), text: "psst".into(), at }, "DM:[alice] psst\n"),
            (
                Event::Who { room: Some(room("lobby")), users: vec![user("alice"), user("bob")] },
                "INFO:lobby: alice, bob\n",
            ),
            (
                Event::Rooms { rooms: vec![(room("dev"), 1), (room("lobby"), 2)] },
                "INFO:rooms: dev (1), lobby (2)\n",
            ),
            (
                Event::Renamed { user: user("alice"), to: user("ally"), at },
                "MSG:alice is now known as ally\n",
            ),
            (Event::Search { messages: vec![message("found me")] }, "FOUND:#lobby [bob] found me\n"),
            (Event::Bye { retry_after_ms: 1 }, "INFO:server is going away\n"),
            (
                Event::Refused(Refusal::new(Code::NameTaken, "bob is taken")),
                "ERROR:name_taken bob is taken\n",
            ),
            (Event::Pong, ""),
        ];
        for (event, wanted) in golden {
            let mut out = Vec::new();
            encode(&event, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), wanted);
        }
    }

    #[test]
    fn numbers_are_grouped_by_three() {
        let grouped: Vec<_> = [0, 999, 1000, 4_294_967_295].into_iter().map(grouped).collect();
        assert_eq!(grouped, ["0", "999", "1,000", "4,294,967,295"]);
    }

    proptest! {
        #[test]
        fn no_line_makes_the_decoder_panic(line in "[/a-z \t\\PC]{0,60}") {
            let _ = typed(&line);
        }

        /// Names hold no brackets, so a line that begins with `MSG:[` is a person's and any other the server's.
        #[test]
        fn nobody_can_speak_for_the_server(text in "\\PC{1,60}") {
            if let Ok(Typed::Request(Request::Say { room, text })) = typed(&text) {
                let message = Message { room, id: 1, from: user("eve"), text, at: Timestamp(0) };
                let mut out = Vec::new();
                encode(&Event::Message { message, replay: false }, &mut out);
                prop_assert!(out.starts_with(b"MSG:[eve] "));
                prop_assert_eq!(out.iter().filter(|&&b| b == b'\n').count(), 1);
            }
        }
    }
}
