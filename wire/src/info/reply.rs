//! Replies, as a client reads them.

use std::collections::BTreeMap;
use std::time::Duration;

use engine::Timestamp;
use engine::info::{Cookie, Instance, State, Status};
use serde::Deserialize;

use super::request::parse_cookie;
use super::say;
use crate::time::parse_rfc3339;

/// What a service answered.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// The same question is to be asked again with this cookie behind it.
    Cookie(Cookie),
    /// What `PING` said.
    Pong(String),
    /// `2026-11-22 08:30:00`, in UTC.
    Time(String),
    /// How the stack is.
    Status(Status),
    /// Who is here.
    Users(Page<String>),
    /// Which rooms there are.
    Rooms(Page<Room>),
    /// Which services there are.
    Services(Page<Instance>),
    /// The question was none; these can be asked, parted by commas.
    Commands(String),
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// What is on it, by name.
    pub entries: Vec<T>,
    /// How many there are on all pages.
    pub total: u64,
    /// The revision of what it is a page of: when it rises between two pages, somebody came or went.
    pub rev: Option<u64>,
    /// The name to ask after for the next page; none behind the last.
    pub next: Option<String>,
}

/// A room and how many are in it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Room {
    /// Its name without `#`.
    #[serde(rename = "room")]
    pub name: String,
    /// How many are in it.
    pub users: u64,
}

/// The datagram is no reply of info: something else answers at that port.
#[derive(Debug, thiserror::Error)]
#[error("not a reply of the info service: {said:?}")]
pub struct Garbled {
    /// How the datagram begins.
    pub said: String,
}

impl Reply {
    /// Reads a reply; unknown fields are ignored.
    ///
    /// # Errors
    /// [`Garbled`].
    pub fn decode(datagram: &[u8]) -> Result<Self, Garbled> {
        let text = std::str::from_utf8(datagram).ok();
        text.and_then(decode)
            .ok_or_else(|| Garbled { said: String::from_utf8_lossy(datagram).chars().take(80).collect() })
    }
}

fn decode(text: &str) -> Option<Reply> {
    if text.starts_with('{') {
        return serde_json::from_str(text).ok().map(Body::into_reply);
    }
    if let Some(cookie) = say::after_word(text, say::COOKIE) {
        return parse_cookie(cookie).map(Reply::Cookie);
    }
    if let Some(words) = say::after_word(text, say::PONG) {
        return Some(Reply::Pong(words.to_owned()));
    }
    if let Some(commands) = text.strip_prefix(say::COMMANDS) {
        return Some(Reply::Commands(commands.to_owned()));
    }
    say::is_time(text).then(|| Reply::Time(text.to_owned()))
}

/// The JSON replies, told apart by the fields that each must have.
#[derive(Deserialize)]
#[serde(untagged)]
enum Body {
    Status(StatusBody),
    Users { users: Vec<String>, total: u64, rev: Option<u64>, next: Option<String> },
    Rooms { rooms: Vec<Room>, total: u64, rev: Option<u64>, next: Option<String> },
    Services { services: Vec<ServiceBody>, total: u64, rev: Option<u64>, next: Option<String> },
}

impl Body {
    fn into_reply(self) -> Reply {
        match self {
            Body::Status(status) => Reply::Status(status.into()),
            Body::Users { users, total, rev, next } => {
                Reply::Users(Page { entries: users, total, rev, next })
            }
            Body::Rooms { rooms, total, rev, next } => {
                Reply::Rooms(Page { entries: rooms, total, rev, next })
            }
            Body::Services { services, total, rev, next } => {
                let entries = services.into_iter().map(Instance::from).collect();
                Reply::Services(Page { entries, total, rev, next })
            }
        }
    }
}

#[derive(Deserialize)]
struct StatusBody {
    active_clients: u64,
    messages_sent: u64,
    #[serde(deserialize_with = "rfc3339")]
    server_time: Timestamp,
    uptime: f64,
    rooms: u64,
    files: u64,
    version: String,
    presence_age_ms: Option<u64>,
    services: BTreeMap<String, Known>,
}

impl From<StatusBody> for Status {
    fn from(body: StatusBody) -> Self {
        Status {
            active_clients: body.active_clients,
            messages_sent: body.messages_sent,
            server_time: body.server_time,
            uptime: Duration::try_from_secs_f64(body.uptime).unwrap_or_default(),
            rooms: body.rooms,
            files: body.files,
            version: body.version,
            presence_age: body.presence_age_ms.map(Duration::from_millis),
            services: body.services.into_iter().map(|(name, state)| (name, state.into())).collect(),
        }
    }
}

#[derive(Deserialize)]
struct ServiceBody {
    service: String,
    instance: String,
    addr: String,
    state: Known,
    age_ms: u64,
}

impl From<ServiceBody> for Instance {
    fn from(body: ServiceBody) -> Self {
        Instance {
            service: body.service,
            instance: body.instance,
            addr: body.addr,
            state: body.state.into(),
            age: Duration::from_millis(body.age_ms),
        }
    }
}

/// A state as it is written; one that a later version invents is unknown to this one.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Known {
    Up,
    Down,
    #[serde(other)]
    Unknown,
}

impl From<Known> for State {
    fn from(known: Known) -> Self {
        match known {
            Known::Up => State::Up,
            Known::Down => State::Down,
            Known::Unknown => State::Unknown,
        }
    }
}

fn rfc3339<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(from)?;
    parse_rfc3339(&text).ok_or_else(|| serde::de::Error::custom("no moment in RFC 3339"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Reply {
        Reply::decode(text.as_bytes()).unwrap()
    }

    #[test]
    fn golden_replies() {
        assert_eq!(read("COOKIE 00000000deadbeef"), Reply::Cookie(Cookie(0xdead_beef)));
        assert_eq!(read("PONG a  b"), Reply::Pong("a  b".into()));
        assert_eq!(read("PONG"), Reply::Pong(String::new()));
        assert_eq!(read("2026-11-22 08:30:00"), Reply::Time("2026-11-22 08:30:00".into()));
        assert_eq!(read("Available commands: STATUS, TIME"), Reply::Commands("STATUS, TIME".into()));
        let users =
            Page { entries: vec!["alice".into()], total: 2, rev: Some(7), next: Some("alice".into()) };
        assert_eq!(read(r#"{"users":["alice"],"total":2,"next":"alice","rev":7}"#), Reply::Users(users));
        let rooms =
            Page { entries: vec![Room { name: "lobby".into(), users: 2 }], total: 1, rev: None, next: None };
        assert_eq!(
            read(r#"{"rooms":[{"room":"lobby","users":2}],"total":1,"next":null}"#),
            Reply::Rooms(rooms)
        );
    }

    #[test]
    fn a_status_goes_there_and_back() {
        let status = Status {
            active_clients: 2,
            messages_sent: 120,
            server_time: Timestamp(1_795_336_200_004),
            uptime: Duration::from_secs(61),
            rooms: 1,
            files: 3,
            version: "0.1.0".into(),
            presence_age: None,
            services: [("chat", State::Up), ("file", State::Down), ("info", State::Unknown)]
                .map(|(name, state)| (name.to_owned(), state))
                .into(),
        };
        assert_eq!(read(&say::status(&status)), Reply::Status(status));
    }

    #[test]
    fn services_go_there_and_back() {
        let chat = Instance {
            service: "chat".into(),
            instance: "chat-1".into(),
            addr: "[::1]:9001".into(),
            state: State::Down,
            age: Duration::from_millis(7),
        };
        let entry = say::json(&say::service(&chat, chat.state));
        let said = format!(r#"{{"services":[{entry}],"total":1,"next":null,"rev":7,"new":[]}}"#);
        assert_eq!(
            read(&said),
            Reply::Services(Page { entries: vec![chat], total: 1, rev: Some(7), next: None }),
            "a field that is not known is no reason to fail"
        );
    }

    #[test]
    fn what_is_no_reply_is_told_by_how_it_begins() {
        for bad in ["", "HTTP/1.1 400 Bad Request", "{}", r#"{"users":1}"#, "COOKIE x", "PONGS"] {
            assert_eq!(Reply::decode(bad.as_bytes()).unwrap_err().said, bad);
        }
        assert!(Reply::decode(b"\xff").is_err());
        assert_eq!(Reply::decode(&[b'x'; 2_000]).unwrap_err().said.len(), 80);
    }

    proptest! {
        #[test]
        fn no_datagram_is_too_odd_to_read(datagram in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Err(garbled) = Reply::decode(&datagram) {
                prop_assert!(garbled.said.chars().count() <= 80);
            }
        }
    }
}
