//! The rules of `docs/PROTOCOL.md` for what is let in, written without the code that lets it in.

use std::collections::BTreeSet;

use engine::chat::{Hello, Ref, Request};
use engine::file::{FileName, Prefix};
use engine::names::{RoomName, UserName};
use engine::registry::Label;
use engine::{Code, Refusal};
use unicode_normalization::char::is_combining_mark;
use unicode_normalization::is_nfc;
use wire::lines::error_line;

use crate::lines::only_line;

/// C0, DEL and C1: all that can drive a terminal, and TAB.
fn is_control(c: char) -> bool {
    matches!(c, '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}')
}

/// Text that others are shown: nothing in it drives their terminal, and there is something to read.
pub(crate) fn message(text: &str) {
    assert!(!text.chars().any(|c| c != '\t' && is_control(c)), "{text:?} holds control characters");
    assert!(text.chars().any(|c| !c.is_whitespace()), "{text:?} says nothing");
}

/// A refusal has one of the port's codes and words that stay on their line.
pub(crate) fn refusal(refusal: &Refusal, codes: &[Code]) {
    assert!(codes.contains(&refusal.code), "{refusal} is not a code of this port");
    message(&refusal.words);
    let line = error_line(refusal);
    assert_eq!(only_line(line.as_bytes()), format!("ERROR:{} {}", refusal.code, refusal.words));
}

/// A user's name, and that the spellings which others may take for it are the same name.
pub(crate) fn user(name: &UserName) {
    let text = name.as_str();
    assert!((1..=32).contains(&text.chars().count()), "{text:?} has 1 to 32 characters");
    assert!(is_nfc(text), "{text:?} is in NFC");
    assert!(!text.starts_with(['-', '.']) && !text.starts_with(is_combining_mark), "{text:?} begins well");
    let part_of_a_name = |c| unicode_ident::is_xid_continue(c) || "_-.".contains(c);
    assert!(text.chars().all(part_of_a_name), "{text:?} is letters, digits, marks, _, - and .");
    assert!(!text.contains(is_invisible), "{text:?} can be seen");
    let is_foreign = |c: char| matches!(c, '\u{370}'..='\u{52f}') && c.is_alphabetic();
    let mixes = text.contains(|c: char| c.is_ascii_alphabetic()) && text.contains(is_foreign);
    assert!(!mixes, "{text:?} has Latin letters beside Greek or Cyrillic ones");
    assert_eq!(UserName::parse(text).as_ref(), Ok(name), "a name is its own spelling");
    for derived in [name.folded(), name.skeleton(), text.to_lowercase().into()] {
        assert!(derived.len() <= 1024, "{derived:?} of {text:?} is kept for each user");
        let same = UserName::parse(&derived).map(|other| name.is_same(&other) && other.is_same(name));
        assert!(same.unwrap_or(true), "{text:?} and {derived:?} are one name");
    }
}

/// What Unicode calls default-ignorable among letters and marks: fillers, joiners, variation selectors.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}')
        || matches!(c, '\u{e0000}'..='\u{e0fff}')
}

/// A room's name.
pub(crate) fn room(name: &RoomName) {
    let text = name.as_str();
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    assert!((1..=32).contains(&text.len()) && text.starts_with(plain), "{text:?}");
    assert!(text.chars().all(|c| plain(c) || "_-".contains(c)), "{text:?}");
    for spelling in [text, &format!("#{text}")] {
        assert_eq!(RoomName::parse(spelling).as_ref(), Ok(name), "{spelling:?} is that room");
    }
}

/// A file's name, which can't leave its folder, hide there, or fool the eye.
pub(crate) fn file(name: &FileName) {
    let text = name.as_str();
    assert!((1..=255).contains(&text.len()) && is_nfc(text), "{text:?}");
    assert!(!text.contains(is_control), "{text:?} holds control characters");
    assert!(!text.contains(['\\', '\u{2044}', '\u{2215}', '\u{ff0f}']), "{text:?} holds another slash");
    let turns = |c| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    assert!(!text.contains(turns), "{text:?} turns the direction of writing");
    let mut parts = text.split('/');
    assert!(parts.all(|part| !part.is_empty() && !part.starts_with('.')), "{text:?}");
    assert_eq!(FileName::parse(text).as_ref(), Ok(name), "a name is its own spelling");
    let (folders, own) = name.split();
    assert_eq!(folders.chain([own]).collect::<Vec<_>>().join("/"), text);
}

/// What names begin with: in NFC as they are, and nothing that would break its line.
pub(crate) fn prefix(prefix: &Prefix) {
    assert!(is_nfc(prefix.as_str()) && !prefix.as_str().contains(is_control), "{prefix}");
    assert_eq!(Prefix::parse(prefix.as_str()).as_ref(), Ok(prefix));
}

/// What a service calls itself, and where it is.
pub(crate) fn label(label: &Label) {
    let text = label.as_str();
    assert!((1..=255).contains(&text.len()), "{text:?} has 1 to 255 bytes");
    assert!(!text.contains(|c: char| c.is_whitespace() || is_control(c)), "{text:?} shows");
    assert_eq!(Label::parse(text).as_ref(), Ok(label));
}

/// A sender's own key.
pub(crate) fn reference(reference: &Ref) {
    let text = reference.as_str();
    assert!((1..=64).contains(&text.chars().count()) && !text.contains(is_control), "{text:?}");
    assert_eq!(Ref::parse(text).as_ref(), Ok(reference));
}

/// What a chat client asks for, in a line of so many bytes: no more is kept than has come.
pub(crate) fn request(request: &Request, came: usize) {
    match request {
        Request::Say { room: place, text } => {
            room(place);
            message(text);
            assert!(text.len() <= came);
        }
        Request::Direct { to, text } => {
            user(to);
            message(text);
            assert!(text.len() <= came);
        }
        Request::Search { query, room: place, .. } => {
            place.iter().for_each(room);
            assert!(query.len() <= came);
            let words: BTreeSet<String> = query.split_whitespace().map(str::to_lowercase).collect();
            assert!(words.len() <= 32, "{query:?}");
        }
        Request::Join(entry) => room(&entry.room),
        Request::Leave { room: place } | Request::History { room: place, .. } => room(place),
        Request::Who { room: place } => place.iter().for_each(room),
        Request::Nick { user: name } => user(name),
        Request::Rooms | Request::Ping => {}
    }
}

/// The first word of a session, in a line of so many bytes.
pub(crate) fn hello(hello: &Hello, came: usize) {
    const SHORTEST: usize = r#"{"room":"a"}"#.len();
    user(&hello.user);
    assert!(hello.rooms.len() * SHORTEST <= came, "each room has been named");
    hello.rooms.iter().for_each(|entry| room(&entry.room));
    assert!(hello.client.as_ref().is_none_or(|client| client.len() <= came));
}
