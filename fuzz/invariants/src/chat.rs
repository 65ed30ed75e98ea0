//! Chat: what both dialects take, and that nobody can speak for somebody else.

use engine::chat::{Event, Message, Replay, Request, Tagged, Told};
use engine::names::{RoomName, UserName};
use engine::{Code, Timestamp};
use wire::chat::json::{self, Spoiled};
use wire::chat::text::{self, Typed};

use crate::lines::{arriving, only_line};
use crate::rules;

/// A line of text mode, as the name that comes first and as what is typed later.
pub fn text(input: &[u8]) {
    const CODES: [Code; 5] =
        [Code::BadText, Code::UnknownCommand, Code::BadRequest, Code::BadRoom, Code::BadName];
    let Some(line) = arriving(input) else { return };
    match text::decode_name(line) {
        Ok(name) => rules::user(&name),
        Err(refusal) => rules::refusal(&refusal, &[Code::BadName]),
    }
    match text::decode(line, &RoomName::lobby(), Replay::Last(20)) {
        Ok(Typed::Nothing) => assert!(line.is_empty()),
        Ok(Typed::Help) => assert!(line.starts_with("/help")),
        Ok(Typed::Quit) => assert!(line.starts_with("/quit")),
        Ok(Typed::Request(request)) => typed(line, request),
        Err(refusal) => rules::refusal(&refusal, &CODES),
    }
}

/// What is typed is said as it stands unless it is a command, and programs can ask for the same.
fn typed(line: &str, request: Request) {
    rules::request(&request, line.len());
    if let Request::Say { text, .. } = &request {
        match line.strip_prefix('/') {
            None => assert_eq!(text, line),
            Some(escaped) if escaped.starts_with('/') => assert_eq!(text, escaped),
            Some(command) => assert!(command.starts_with("me") && text.starts_with("* "), "{line:?}"),
        }
        said(text);
    }
    survives(&Tagged { reference: None, request });
}

/// Others hear a message as one line that names its sender, in either dialect.
fn said(text: &str) {
    let from = UserName::parse("eve").expect("a good name");
    let message = Message { room: RoomName::lobby(), id: 1, from, text: text.to_owned(), at: Timestamp(0) };
    let event = Event::Message { message, replay: false };
    let mut line = Vec::new();
    text::encode(&event, &mut line);
    assert_eq!(only_line(&line), format!("MSG:[eve] {text}"));
    told(&Told { reference: None, event });
}

/// A line of JSON mode, as the first word of a session and as a later one; it can't be both.
pub fn requests(input: &[u8]) {
    let Some(line) = arriving(input) else { return };
    let later = json::decode_request(line);
    match &later {
        Ok(tagged) => {
            tagged.reference.iter().for_each(rules::reference);
            rules::request(&tagged.request, line.len());
            survives(tagged);
        }
        Err(spoiled) => refused(spoiled),
    }
    match json::decode_hello(line) {
        Ok(opening) => {
            opening.reference.iter().for_each(rules::reference);
            rules::hello(&opening.hello, line.len());
            let sent = json::encode_hello(&opening);
            assert_eq!(json::decode_hello(only_line(sent.as_bytes())), Ok(opening));
            assert!(later.is_err(), "a hello comes first");
        }
        Err(spoiled) => refused(&spoiled),
    }
}

fn survives(tagged: &Tagged) {
    let sent = json::encode_request(tagged);
    assert_eq!(json::decode_request(only_line(sent.as_bytes())).as_ref(), Ok(tagged));
}

/// What is wrong can be told, with the sender's key where there is a good one.
fn refused(spoiled: &Spoiled) {
    const CODES: [Code; 6] =
        [Code::BadJson, Code::BadRequest, Code::BadText, Code::BadName, Code::BadRoom, Code::UnknownType];
    let Spoiled { reference, refusal } = spoiled.clone();
    reference.iter().for_each(rules::reference);
    rules::refusal(&refusal, &CODES);
    told(&Told { reference, event: Event::Refused(refusal) });
}

/// A line of a server as a program reads it: what makes sense goes there and back.
pub fn events(input: &[u8]) {
    const CODES: [Code; 5] =
        [Code::BadJson, Code::BadRequest, Code::BadName, Code::BadRoom, Code::UnknownType];
    let Some(line) = arriving(input) else { return };
    match json::decode_event(line) {
        Ok(event) => told(&event),
        Err(refusal) => rules::refusal(&refusal, &CODES),
    }
}

fn told(told: &Told) {
    let mut line = Vec::new();
    json::encode_event(told, &mut line);
    assert_eq!(json::decode_event(only_line(&line)).as_ref(), Ok(told));
}
