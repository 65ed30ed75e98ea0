//! Telling at a glance what a line of chat is.
//!
//! Nearly every line that a load tester reads is a message or an acknowledgement exactly as our own
//! server writes it. Those are read here, field by field, without a JSON parser and without allocating.
//! Whatever looks otherwise in the least, another order of fields or one escape, is left to the parser.

use memchr::{memchr, memchr2};

use crate::payload::unhex;

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Glance<'a> {
    /// A message that is not a repetition.
    Message {
        /// Where it was said.
        room: &'a [u8],
        /// Its id there.
        id: u64,
        /// Who said it.
        from: &'a [u8],
        /// What was said.
        text: &'a [u8],
    },
    /// One's own message is kept.
    Ack {
        /// The sequence that was its key.
        sequence: u32,
    },
    /// Nothing that matters here: comings and goings, a sign of life, or the prompt that comes before the dialect is chosen.
    Noise,
    /// Something that has to be parsed.
    Other,
}

/// Looks at a line without its end.
pub(super) fn glance(line: &[u8]) -> Glance<'_> {
    if line.first() != Some(&b'{') {
        return Glance::Noise;
    }
    let Some(kind) = line.strip_prefix(br#"{"type":""#) else { return Glance::Other };
    let seen = match kind {
        [b'm', b'e', b's', ..] => message(kind),
        [b'a', b'c', b'k', ..] => ack(kind),
        [b'j', b'o', b'i', ..] | [b'l', b'e', b'f', ..] | [b'm', b'e', b'm', ..] | [b'p', b'o', b'n', ..] => {
            Some(Glance::Noise)
        }
        _ => None,
    };
    seen.unwrap_or(Glance::Other)
}

fn message(rest: &[u8]) -> Option<Glance<'_>> {
    let (room, rest) = string(rest.strip_prefix(br#"message","room":""#)?)?;
    let (id, rest) = number(rest.strip_prefix(br#","id":"#)?)?;
    let (from, rest) = string(rest.strip_prefix(br#","from":""#)?)?;
    let (text, rest) = string(rest.strip_prefix(br#","text":""#)?)?;
    let (_, rest) = string(rest.strip_prefix(br#","at":""#)?)?;
    (rest == b"}").then_some(Glance::Message { room, id, from, text })
}

fn ack(rest: &[u8]) -> Option<Glance<'_>> {
    let (key, _) = string(rest.strip_prefix(br#"ack","ref":""#)?)?;
    Some(Glance::Ack { sequence: reference(key)? })
}

/// The sequence behind a key of ours: eight hexadecimal digits.
pub(super) fn reference(key: &[u8]) -> Option<u32> {
    if key.len() == 8 { unhex(key).map(|sequence| sequence as u32) } else { None }
}

/// A string up to its closing quote, and what follows; `None` when there is an escape in it.
fn string(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr2(b'"', b'\\', rest)?;
    (rest[end] == b'"').then(|| (&rest[..end], &rest[end + 1..]))
}

/// A whole number up to the next comma, and what follows from there.
fn number(rest: &[u8]) -> Option<(u64, &[u8])> {
    let (digits, rest) = rest.split_at(memchr(b',', rest)?);
    let number = digits.iter().try_fold(0u64, |number, digit| {
        let value = digit.checked_sub(b'0').filter(|value| *value < 10)?;
        number.checked_mul(10)?.checked_add(value.into())
    });
    Some((number.filter(|_| !digits.is_empty())?, rest))
}

#[cfg(test)]
mod tests {
    use engine::Timestamp;
    use engine::chat::{Event, LeaveReason, Message, Ref, Told};
    use engine::names::{RoomName, UserName};
    use proptest::prelude::*;
    use wire::chat::json::encode_event;

    use super::*;

    const AT: Timestamp = Timestamp(1_795_335_000_123);

    fn line(event: Event, reference: Option<&str>) -> Vec<u8> {
        let mut out = Vec::new();
        encode_event(&Told { reference: reference.map(|key| Ref::parse(key).unwrap()), event }, &mut out);
        out.pop();
        out
    }

    fn message(text: &str, id: u64, replay: bool) -> Vec<u8> {
        let (room, from) = (RoomName::lobby(), UserName::parse("bob").unwrap());
        line(Event::Message { message: Message { room, id, from, text: text.into(), at: AT }, replay }, None)
    }

    #[test]
    fn what_our_server_writes_is_seen_without_a_parser() {
        assert_eq!(
            glance(&message("hello there", 1042, false)),
            Glance::Message { room: b"lobby", id: 1042, from: b"bob", text: b"hello there" }
        );
        let place = Some((RoomName::lobby(), 7));
        assert_eq!(
            glance(&line(Event::Ack { place, at: AT }, Some("0000002a"))),
            Glance::Ack { sequence: 42 }
        );
        let (room, user) = (RoomName::lobby(), UserName::parse("bob").unwrap());
        let left = Event::Left { room: room.clone(), user, at: AT, reason: LeaveReason::Quit };
        assert_eq!(glance(&line(left, None)), Glance::Noise);
        assert_eq!(glance(&line(Event::Members { room, joined: 1, left: 1, count: 9 }, None)), Glance::Noise);
        assert_eq!(glance(b"USERNAME:"), Glance::Noise);
        assert_eq!(glance(b""), Glance::Noise);
    }

    #[test]
    fn what_looks_otherwise_is_left_to_the_parser() {
        assert_eq!(glance(&message("a \"quoted\" word", 1, false)), Glance::Other);
        assert_eq!(glance(&message("hello", 1, true)), Glance::Other, "a repetition");
        assert_eq!(glance(&line(Event::Ack { place: None, at: AT }, Some("mine"))), Glance::Other);
        assert_eq!(glance(&line(Event::Bye { retry_after_ms: 1 }, None)), Glance::Other);
        for other in [
            r#"{"room":"lobby","type":"message","id":1,"from":"bob","text":"x","at":"y"}"#,
            r#"{"type":"message","room":"lobby","id":18446744073709551616,"from":"bob","text":"x","at":"y"}"#,
            r#"{"type":"message","room":"lobby","id":,"from":"bob","text":"x","at":"y"}"#,
            r#"{"type":"message","room":"lobby","id":1,"from":"bob","text":"x","at":"y""#,
            r#"{"type":"left_over"#,
            "{",
        ] {
            let seen = glance(other.as_bytes());
            assert!(matches!(seen, Glance::Other | Glance::Noise), "{other}: {seen:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_said_is_seen_as_it_is_or_left_to_the_parser(text in "\\PC{1,40}", id: u64) {
            let line = message(&text, id, false);
            match glance(&line) {
                Glance::Message { room, id: seen, from, text: said } => prop_assert_eq!(
                    (room, seen, from, said), (&b"lobby"[..], id, &b"bob"[..], text.as_bytes())),
                Glance::Other => prop_assert!(text.contains(['"', '\\'])),
                other => prop_assert!(false, "{:?}", other),
            }
        }

        #[test]
        fn no_line_makes_it_panic(line in proptest::collection::vec(any::<u8>(), 0..60)) {
            glance(&line);
            glance(&[&br#"{"type":"message","room":""#[..], &line].concat());
        }
    }
}
