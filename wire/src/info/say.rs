//! What info says, and how it knows its own words again.

use std::io::Write;
use std::time::Duration;

use engine::Timestamp;
use engine::info::{Cookie, Instance, State, Status};
use serde::Serialize;

use super::MAX_REPLY;
use super::request::parse_cookie;
use crate::time::rfc3339;

/// How each JSON reply begins; `USERS`, `ROOMS` and `SERVICES` each open the list of their name.
const OPENINGS: [&str; 4] = [r#"{"active_clients":"#, r#"{"users":["#, r#"{"rooms":["#, r#"{"services":["#];
/// How the list of commands begins.
pub(super) const COMMANDS: &str = "Available commands: ";
/// The word before a cookie.
pub(super) const COOKIE: &str = "COOKIE";
/// The word before what `PING` said.
pub(super) const PONG: &str = "PONG";

/// Whether these words are a reply, which must never be answered: two services would go on for ever.
pub(super) fn is_reply(words: &str) -> bool {
    OPENINGS.iter().any(|opening| words.starts_with(opening))
        || words.starts_with(COMMANDS)
        || after_word(words, COOKIE).is_some_and(|cookie| parse_cookie(cookie).is_some())
        || after_word(words, PONG).is_some()
        || is_time(words)
}

/// What stands behind a first word, if that is the first word.
pub(super) fn after_word<'a>(words: &'a str, word: &str) -> Option<&'a str> {
    let rest = words.strip_prefix(word)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix(' ') }
}

/// Whether this is the shape of `2026-11-22 08:30:00`.
pub(super) fn is_time(words: &str) -> bool {
    const SHAPE: &[u8] = b"0000-00-00 00:00:00";
    let digits = |byte: u8| if byte.is_ascii_digit() { b'0' } else { byte };
    words.len() == SHAPE.len() && words.bytes().map(digits).eq(SHAPE.iter().copied())
}

/// The answer to a stranger: `COOKIE <16 hex digits>`, 23 bytes. The shortest request that is answered has
/// one byte, so with the UDP and IP headers (28 bytes, 48 for IPv6) this is less than twice as long.
pub fn cookie(Cookie(bits): Cookie, space: &mut Vec<u8>) -> &[u8] {
    space.clear();
    write!(space, "{COOKIE} {bits:016x}").expect("a vector takes every byte");
    space
}

/// The answer to `TIME`, in UTC.
pub(super) fn time(now: Timestamp) -> String {
    let mut text = rfc3339(now).replace('T', " ");
    text.truncate("2026-11-22 08:30:00".len());
    text
}

/// The answer to what is no question; `USERS` is left out where it is not offered.
pub(super) fn commands(users: bool) -> String {
    let users = if users { "USERS, " } else { "" };
    format!("{COMMANDS}STATUS, TIME, {users}ROOMS, SERVICES, PING")
}

/// The answer to `STATUS`. Services are left out from the end where it would be too long.
pub fn status(status: &Status) -> String {
    let mut states: Vec<_> = status.services.iter().map(|(name, state)| (name.as_str(), *state)).collect();
    loop {
        let said = json(&StatusBody::new(status, &states));
        if said.len() <= MAX_REPLY || states.pop().is_none() {
            return said;
        }
    }
}

/// One entry of `ROOMS`.
pub(super) fn room(room: &str, users: u64) -> impl Serialize {
    RoomBody { room, users }
}

/// One entry of `SERVICES`, in the state that can be told.
pub(super) fn service(instance: &Instance, state: State) -> impl Serialize {
    ServiceBody {
        service: &instance.service,
        instance: &instance.instance,
        addr: &instance.addr,
        state: state.as_str(),
        age_ms: millis(instance.age),
    }
}

/// Anything as JSON on one line.
pub(super) fn json(body: &impl Serialize) -> String {
    serde_json::to_string(body).expect("strings and numbers always have a JSON form")
}

fn millis(age: Duration) -> u64 {
    u64::try_from(age.as_millis()).unwrap_or(u64::MAX)
}

#[derive(Serialize)]
struct StatusBody<'a> {
    active_clients: u64,
    messages_sent: u64,
    server_time: String,
    uptime: u64,
    rooms: u64,
    files: u64,
    version: &'a str,
    presence_age_ms: Option<u64>,
    #[serde(serialize_with = "in_order")]
    services: &'a [(&'a str, State)],
}

impl<'a> StatusBody<'a> {
    fn new(status: &'a Status, services: &'a [(&'a str, State)]) -> Self {
        StatusBody {
            active_clients: status.active_clients,
            messages_sent: status.messages_sent,
            server_time: rfc3339(status.server_time),
            uptime: status.uptime.as_secs(),
            rooms: status.rooms,
            files: status.files,
            version: &status.version,
            presence_age_ms: status.presence_age.map(millis),
            services,
        }
    }
}

fn in_order<S: serde::Serializer>(services: &&[(&str, State)], to: S) -> Result<S::Ok, S::Error> {
    to.collect_map(services.iter().map(|(name, state)| (name, state.as_str())))
}

#[derive(Serialize)]
struct RoomBody<'a> {
    room: &'a str,
    users: u64,
}

#[derive(Serialize)]
struct ServiceBody<'a> {
    service: &'a str,
    instance: &'a str,
    addr: &'a str,
    state: &'a str,
    age_ms: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-22 08:30:00.004 UTC
    const MORNING: Timestamp = Timestamp(1_795_336_200_004);

    fn status_of(services: impl IntoIterator<Item = (String, State)>) -> Status {
        Status {
            active_clients: 2,
            messages_sent: 120,
            server_time: MORNING,
            uptime: Duration::from_millis(61_900),
            rooms: 1,
            files: 3,
            version: "0.1.0".into(),
            presence_age: Some(Duration::from_millis(1_200)),
            services: services.into_iter().collect(),
        }
    }

    #[test]
    fn golden_texts() {
        assert_eq!(cookie(Cookie(0x1f3a), &mut b"before".to_vec()), b"COOKIE 0000000000001f3a");
        assert_eq!(time(MORNING), "2026-11-22 08:30:00");
        assert_eq!(commands(true), "Available commands: STATUS, TIME, USERS, ROOMS, SERVICES, PING");
        assert_eq!(commands(false), "Available commands: STATUS, TIME, ROOMS, SERVICES, PING");
    }

    #[test]
    fn golden_status() {
        let mut seen = status_of([("chat".into(), State::Up), ("file".into(), State::Down)]);
        assert_eq!(
            status(&seen),
            concat!(
                r#"{"active_clients":2,"messages_sent":120,"server_time":"2026-11-22T08:30:00.004Z","uptime":61,"#,
                r#""rooms":1,"files":3,"version":"0.1.0","presence_age_ms":1200,"#,
                r#""services":{"chat":"up","file":"down"}}"#
            )
        );
        seen.presence_age = None;
        assert!(status(&seen).contains(r#""presence_age_ms":null"#));
    }

    #[test]
    fn a_status_of_many_services_fits_its_datagram() {
        let many = status_of((0..500).map(|n| (format!("service-{n:03}"), State::Up)));
        let said = status(&many);
        assert!(said.len() <= MAX_REPLY && said.contains("service-000") && said.ends_with("}}"), "{said}");
    }

    #[test]
    fn own_words_are_known_again_and_questions_are_not() {
        let replies = [
            status(&status_of([])),
            time(Timestamp(0)),
            commands(true),
            "COOKIE 0000000000000007".into(),
            r#"{"users":["alice"],"total":1,"next":null}"#.into(),
            r#"{"rooms":[],"total":0,"next":null}"#.into(),
            r#"{"services":[],"total":0,"next":null}"#.into(),
            "PONG".into(),
            "PONG STATUS".into(),
        ];
        for reply in replies {
            assert!(is_reply(&reply), "{reply}");
        }
        for other in ["COOKIE", "COOKIE x", "PONGS", "{}", r#"{"user":1}"#, "2026-11-22", "STATUS"] {
            assert!(!is_reply(other), "{other}");
        }
    }
}
