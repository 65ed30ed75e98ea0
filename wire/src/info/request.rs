//! Requests, read and written.

use engine::info::{Cookie, Question, Silence};

use super::{MAX_REQUEST, say};

/// The most bytes that `PING` gives back.
pub const MAX_PING: usize = 64;

/// The hex digits of a cookie.
const COOKIE_DIGITS: usize = 16;

/// A datagram that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request<'a> {
    words: &'a str,
    behind: Option<(&'a str, Cookie)>,
}

impl<'a> Request<'a> {
    /// Reads a datagram. One byte more than [`MAX_REQUEST`] is enough to see that it is too long.
    ///
    /// # Errors
    /// Why it gets no answer: [`Silence::Oversize`], [`Silence::BadUtf8`], [`Silence::Empty`],
    /// [`Silence::OwnReply`].
    pub fn decode(datagram: &'a [u8]) -> Result<Self, Silence> {
        if datagram.len() > MAX_REQUEST {
            return Err(Silence::Oversize);
        }
        let words = std::str::from_utf8(datagram).map_err(|_| Silence::BadUtf8)?.trim();
        if words.is_empty() {
            return Err(Silence::Empty);
        }
        if say::is_reply(words) {
            return Err(Silence::OwnReply);
        }
        Ok(Request { words, behind: split_cookie(words) })
    }

    /// The cookie behind the request, if the last word can be one.
    pub fn cookie(&self) -> Option<Cookie> {
        self.behind.map(|(_, cookie)| cookie)
    }

    /// The question. Sixteen hex digits at the end can be a cookie, a name or what is to be said back:
    /// behind `PING` they are a cookie only when they proved to be the asker's, elsewhere whenever the
    /// rest is a question without them.
    pub fn question(&self, proven: bool) -> Question<'a> {
        let whole = parse(self.words);
        let Some((rest, _)) = self.behind else { return whole };
        match (whole, parse(rest)) {
            (Question::Ping(_), _) if !proven => whole,
            (_, Question::Unknown) => whole,
            (_, without) => without,
        }
    }
}

/// The request as a client sends it.
pub fn encode(question: &Question, cookie: Option<Cookie>) -> String {
    let words = match question {
        Question::Status => "STATUS".to_owned(),
        Question::Time => "TIME".to_owned(),
        Question::Users { after } => encode_list("USERS", *after),
        Question::Rooms { after } => encode_list("ROOMS", *after),
        Question::Services { after } => encode_list("SERVICES", *after),
        Question::Ping(words) => format!("PING {words}").trim_end().to_owned(),
        Question::Unknown => "HELP".to_owned(),
    };
    match cookie {
        Some(Cookie(bits)) => format!("{words} {bits:016x}"),
        None => words,
    }
}

fn encode_list(word: &str, after: Option<&str>) -> String {
    after.map_or_else(|| word.to_owned(), |name| format!("{word} AFTER {name}"))
}

/// The request before its last word and the cookie which that word can be.
fn split_cookie(words: &str) -> Option<(&str, Cookie)> {
    let (rest, last) = words.rsplit_once(char::is_whitespace)?;
    Some((rest.trim_end(), parse_cookie(last)?))
}

/// A cookie as it is written: 16 hex digits.
pub(super) fn parse_cookie(word: &str) -> Option<Cookie> {
    let digits = word.len() == COOKIE_DIGITS && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !digits {
        return None;
    }
    u64::from_str_radix(word, 16).ok().map(Cookie)
}

fn parse<'a>(words: &'a str) -> Question<'a> {
    let (word, rest) = words.split_once(char::is_whitespace).unwrap_or((words, ""));
    let rest = rest.trim_start();
    let is = |name: &str| word.eq_ignore_ascii_case(name);
    let bare = |room: &'a str| room.trim_start_matches('#');
    match rest {
        "" if is("STATUS") => Question::Status,
        "" if is("TIME") => Question::Time,
        _ if is("PING") && rest.len() <= MAX_PING => Question::Ping(rest),
        _ if is("USERS") => parse_after(rest).map_or(Question::Unknown, |after| Question::Users { after }),
        _ if is("ROOMS") => match parse_after(rest).map(|after| after.map(bare)) {
            Some(Some("")) | None => Question::Unknown,
            Some(after) => Question::Rooms { after },
        },
        _ if is("SERVICES") => {
            parse_after(rest).map_or(Question::Unknown, |after| Question::Services { after })
        }
        _ => Question::Unknown,
    }
}

/// What stands behind a list's word: nothing, or `AFTER` and one name; anything else is no question.
fn parse_after(rest: &str) -> Option<Option<&str>> {
    let mut words = rest.split_whitespace();
    match (words.next(), words.next(), words.next()) {
        (None, ..) => Some(None),
        (Some(word), Some(name), None) if word.eq_ignore_ascii_case("AFTER") => Some(Some(name)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn asked(datagram: &str) -> Question<'_> {
        Request::decode(datagram.as_bytes()).unwrap().question(false)
    }

    #[test]
    fn every_row_of_the_contract() {
        let golden = [
            ("STATUS", Question::Status),
            ("status", Question::Status),
            ("  StAtUs\r\n", Question::Status),
            ("\u{3000}TIME\t", Question::Time),
            ("USERS", Question::Users { after: None }),
            ("users after Alice\n", Question::Users { after: Some("Alice") }),
            ("USERS   AFTER\tzoë", Question::Users { after: Some("zoë") }),
            ("ROOMS", Question::Rooms { after: None }),
            ("ROOMS AFTER lobby", Question::Rooms { after: Some("lobby") }),
            ("ROOMS AFTER #lobby", Question::Rooms { after: Some("lobby") }),
            ("ROOMS AFTER ##lobby", Question::Rooms { after: Some("lobby") }),
            ("SERVICES", Question::Services { after: None }),
            ("SERVICES AFTER chat-1", Question::Services { after: Some("chat-1") }),
            ("PING", Question::Ping("")),
            ("ping a  b\n", Question::Ping("a  b")),
            ("PING STATUS", Question::Ping("STATUS")),
        ];
        for (datagram, question) in golden {
            assert_eq!(asked(datagram), question, "{datagram:?}");
        }
        let longest = "x".repeat(64);
        assert_eq!(asked(&format!("PING {longest}")), Question::Ping(&longest));
    }

    #[test]
    fn anything_else_is_unknown() {
        let long_ping = format!("PING {}", "x".repeat(65));
        let unknown = [
            "STATUS x",
            "STATUS STATUS",
            "STATUS\0",
            "STATU",
            "STATUSES",
            "TIME now",
            "USERS alice",
            "USERS AFTER",
            "USERS AFTER a b",
            "USERSAFTER a",
            "ROOMS AFTER #",
            "PINGx",
            "HELP",
            "{}",
            "GET / HTTP/1.1",
            "СТАТУС",
            &long_ping,
        ];
        for datagram in unknown {
            assert_eq!(asked(datagram), Question::Unknown, "{datagram:?}");
        }
    }

    #[test]
    fn silence() {
        let decode = |datagram: &[u8]| Request::decode(datagram).map(|_| ());
        assert_eq!(decode(b""), Err(Silence::Empty));
        assert_eq!(decode(b" \t\r\n"), Err(Silence::Empty));
        assert_eq!(decode("\u{3000}\u{a0}".as_bytes()), Err(Silence::Empty));
        for bytes in [&b"STATUS\xff"[..], b"\xc0\xaf", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"PING \xe4"] {
            assert_eq!(decode(bytes), Err(Silence::BadUtf8), "{bytes:?}");
        }
        assert_eq!(decode(&[b'x'; 512]), Ok(()));
        assert_eq!(decode(&[b'x'; 513]), Err(Silence::Oversize));
        assert_eq!(decode(&[b' '; 513]), Err(Silence::Oversize));
    }

    #[test]
    fn a_cookie_stands_behind_the_request() {
        let golden = [
            ("STATUS 1f3a56789abcdef0", Question::Status),
            ("status  1F3A56789ABCDEF0 \n", Question::Status),
            ("USERS 1f3a56789abcdef0", Question::Users { after: None }),
            ("USERS AFTER bob 1f3a56789abcdef0", Question::Users { after: Some("bob") }),
        ];
        for (datagram, question) in golden {
            let request = Request::decode(datagram.as_bytes()).unwrap();
            assert_eq!(request.cookie(), Some(Cookie(0x1f3a_5678_9abc_def0)), "{datagram:?}");
            assert_eq!(request.question(true), question, "{datagram:?}");
            assert_eq!(request.question(false), question, "a trusted asker may have one: {datagram:?}");
        }
        for datagram in ["STATUS 1f3a56789abcdef", "STATUS 1f3a56789abcdef00", "STATUS +f3a56789abcdef0"] {
            assert_eq!(asked(datagram), Question::Unknown, "{datagram:?}");
            assert_eq!(Request::decode(datagram.as_bytes()).unwrap().cookie(), None, "{datagram:?}");
        }
    }

    #[test]
    fn sixteen_digits_can_be_a_name_or_an_echo() {
        let name = Request::decode(b"USERS AFTER 00000000deadbeef").unwrap();
        assert_eq!(name.question(false), Question::Users { after: Some("00000000deadbeef") });
        let ping = Request::decode(b"PING a 00000000deadbeef").unwrap();
        assert_eq!(ping.question(false), Question::Ping("a 00000000deadbeef"));
        assert_eq!(ping.question(true), Question::Ping("a"));
        let full = format!("PING {} 00000000deadbeef", "x".repeat(64));
        let full = Request::decode(full.as_bytes()).unwrap();
        assert_eq!(full.question(true), Question::Ping(&"x".repeat(64)));
    }

    proptest! {
        #[test]
        fn no_datagram_is_too_odd_to_read(datagram in proptest::collection::vec(any::<u8>(), 0..600)) {
            if let Ok(request) = Request::decode(&datagram) {
                request.question(request.cookie().is_some());
            }
        }

        #[test]
        fn what_a_client_writes_is_what_is_read(name in "[a-z][a-z0-9_.-]{0,31}", bits: u64, which in 0..6) {
            let after = Some(name.as_str());
            let question = match which {
                0 => Question::Status,
                1 => Question::Time,
                2 => Question::Users { after },
                3 => Question::Rooms { after },
                4 => Question::Services { after },
                _ => Question::Ping(&name),
            };
            let sent = encode(&question, Some(Cookie(bits)));
            let request = Request::decode(sent.as_bytes()).unwrap();
            prop_assert_eq!(request.cookie(), Some(Cookie(bits)));
            prop_assert_eq!(request.question(true), question);
        }
    }
}
