//! What the server says.

use std::borrow::Cow;

use engine::chat::{Event, LeaveReason, Message, Ref, Told};
use engine::names::{RoomName, UserName};
use engine::{Code, Refusal, Timestamp};
use serde::{Deserialize, Serialize, Serializer};

use super::fields::Fields;
use crate::time::{parse_rfc3339, rfc3339};

/// Appends an event as a line, with its end.
pub fn encode(told: &Told, out: &mut Vec<u8>) {
    let envelope = Envelope {
        kind: kind(&told.event),
        reference: told.reference.as_ref().map(Ref::as_str),
        body: body(&told.event),
    };
    serde_json::to_writer(&mut *out, &envelope).expect("strings and numbers always serialize");
    out.push(b'\n');
}

#[derive(Serialize)]
struct Envelope<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    reference: Option<&'a str>,
    #[serde(flatten)]
    body: Body<'a>,
}

fn kind(event: &Event) -> &'static str {
    match event {
        Event::Welcome { .. } => "welcome",
        Event::Entered { .. } => "room",
        Event::Message { .. } => "message",
        Event::Ack { .. } => "ack",
        Event::Joined { .. } => "joined",
        Event::Left { .. } => "left",
        Event::Members { .. } => "members",
        Event::LeftRoom { .. } => "left_room",
        Event::Direct { .. } => "direct",
        Event::History { .. } => "history",
        Event::Search { .. } => "search",
        Event::Who { .. } => "who",
        Event::Rooms { .. } => "rooms",
        Event::Renamed { .. } => "renamed",
        Event::Pong => "pong",
        Event::Bye { .. } => "bye",
        Event::Refused(_) => "error",
    }
}

/// The fields behind `type` and `ref`.
#[derive(Serialize)]
#[serde(untagged)]
enum Body<'a> {
    Welcome {
        user: &'a str,
        server: &'a str,
        version: &'a str,
        session: &'a str,
    },
    Entered {
        room: &'a str,
        members: Vec<&'a str>,
        last_id: u64,
        gap: bool,
    },
    Message(Kept<'a>),
    Ack {
        #[serde(skip_serializing_if = "Option::is_none")]
        room: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<u64>,
        at: At,
    },
    Joined {
        room: &'a str,
        user: &'a str,
        at: At,
    },
    Left {
        room: &'a str,
        user: &'a str,
        at: At,
        reason: &'static str,
    },
    Members {
        room: &'a str,
        joined: u32,
        left: u32,
        count: u32,
    },
    LeftRoom {
        room: &'a str,
    },
    Direct {
        from: &'a str,
        text: &'a str,
        at: At,
    },
    History {
        room: &'a str,
        messages: Vec<Kept<'a>>,
    },
    Search {
        messages: Vec<Kept<'a>>,
    },
    Who {
        #[serde(skip_serializing_if = "Option::is_none")]
        room: Option<&'a str>,
        users: Vec<&'a str>,
    },
    Rooms {
        rooms: Vec<Population<'a>>,
    },
    Renamed {
        user: &'a str,
        to: &'a str,
        at: At,
    },
    Pong {},
    Bye {
        reason: &'static str,
        retry_after_ms: u64,
    },
    Refused {
        code: &'static str,
        message: &'a str,
    },
}

/// A message as it stands in an event or in a list.
#[derive(Serialize)]
struct Kept<'a> {
    room: &'a str,
    id: u64,
    from: &'a str,
    text: &'a str,
    at: At,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    replay: bool,
}

#[derive(Serialize)]
struct Population<'a> {
    room: &'a str,
    users: u32,
}

struct At(Timestamp);

impl Serialize for At {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&rfc3339(self.0))
    }
}

fn body(event: &Event) -> Body<'_> {
    match event {
        Event::Welcome { user, server, version, session } => {
            Body::Welcome { user: user.as_str(), server, version, session }
        }
        Event::Entered { room, members, last_id, gap } => {
            Body::Entered { room: room.as_str(), members: names(members), last_id: *last_id, gap: *gap }
        }
        Event::Message { message, replay } => Body::Message(kept(message, *replay)),
        Event::Ack { place, at } => Body::Ack {
            room: place.as_ref().map(|(room, _)| room.as_str()),
            id: place.as_ref().map(|(_, id)| *id),
            at: At(*at),
        },
        Event::Joined { room, user, at } => {
            Body::Joined { room: room.as_str(), user: user.as_str(), at: At(*at) }
        }
        Event::Left { room, user, at, reason } => {
            Body::Left { room: room.as_str(), user: user.as_str(), at: At(*at), reason: reason.as_str() }
        }
        Event::Members { room, joined, left, count } => {
            Body::Members { room: room.as_str(), joined: *joined, left: *left, count: *count }
        }
        Event::LeftRoom { room } => Body::LeftRoom { room: room.as_str() },
        Event::Direct { from, text, at } => Body::Direct { from: from.as_str(), text, at: At(*at) },
        Event::History { room, messages } => {
            Body::History { room: room.as_str(), messages: messages.iter().map(|m| kept(m, false)).collect() }
        }
        Event::Search { messages } => {
            Body::Search { messages: messages.iter().map(|m| kept(m, false)).collect() }
        }
        Event::Who { room, users } => {
            Body::Who { room: room.as_ref().map(RoomName::as_str), users: names(users) }
        }
        Event::Rooms { rooms } => Body::Rooms {
            rooms: rooms
                .iter()
                .map(|(room, users)| Population { room: room.as_str(), users: *users })
                .collect(),
        },
        Event::Renamed { user, to, at } => {
            Body::Renamed { user: user.as_str(), to: to.as_str(), at: At(*at) }
        }
        Event::Pong => Body::Pong {},
        Event::Bye { retry_after_ms } => Body::Bye { reason: "shutdown", retry_after_ms: *retry_after_ms },
        Event::Refused(refusal) => Body::Refused { code: refusal.code.as_str(), message: &refusal.words },
    }
}

fn kept(message: &Message, replay: bool) -> Kept<'_> {
    Kept {
        room: message.room.as_str(),
        id: message.id,
        from: message.from.as_str(),
        text: &message.text,
        at: At(message.at),
        replay,
    }
}

fn names(users: &[UserName]) -> Vec<&str> {
    users.iter().map(UserName::as_str).collect()
}

/// Reads a server's line.
///
/// # Errors
/// [`Code::BadJson`], [`Code::BadRequest`] or [`Code::UnknownType`] for what no server of ours says; a
/// client ignores such a line.
pub fn decode(line: &str) -> Result<Told, Refusal> {
    let fields = Fields::parse(line)?;
    let reference = fields.maybe_text("ref")?.map(|key| Ref::parse(&key)).transpose()?;
    Ok(Told { reference, event: read(&fields)? })
}

fn read(fields: &Fields<'_>) -> Result<Event, Refusal> {
    Ok(match &*fields.text("type")? {
        "welcome" => Event::Welcome {
            user: fields.user("user")?,
            server: fields.text("server")?.into_owned(),
            version: fields.text("version")?.into_owned(),
            session: fields.text("session")?.into_owned(),
        },
        "room" => Event::Entered {
            room: fields.room()?,
            members: users(fields, "members")?,
            last_id: fields.need("last_id")?,
            gap: fields.need("gap")?,
        },
        "message" => {
            Event::Message { message: message(fields)?, replay: fields.get("replay")?.unwrap_or(false) }
        }
        "ack" => Event::Ack { place: fields.maybe_room()?.zip(fields.get("id")?), at: at(fields)? },
        "joined" => Event::Joined { room: fields.room()?, user: fields.user("user")?, at: at(fields)? },
        "left" => Event::Left {
            room: fields.room()?,
            user: fields.user("user")?,
            at: at(fields)?,
            reason: reason(fields)?,
        },
        "members" => Event::Members {
            room: fields.room()?,
            joined: fields.need("joined")?,
            left: fields.need("left")?,
            count: fields.need("count")?,
        },
        "left_room" => Event::LeftRoom { room: fields.room()? },
        "direct" => Event::Direct {
            from: fields.user("from")?,
            text: fields.text("text")?.into_owned(),
            at: at(fields)?,
        },
        "history" => Event::History { room: fields.room()?, messages: messages(fields)? },
        "search" => Event::Search { messages: messages(fields)? },
        "who" => Event::Who { room: fields.maybe_room()?, users: users(fields, "users")? },
        "rooms" => Event::Rooms { rooms: rooms(fields)? },
        "renamed" => Event::Renamed { user: fields.user("user")?, to: fields.user("to")?, at: at(fields)? },
        "pong" => Event::Pong,
        "bye" => Event::Bye { retry_after_ms: fields.need("retry_after_ms")? },
        "error" => Event::Refused(refusal(fields)?),
        _ => return Err(Refusal::new(Code::UnknownType, "there is no such type")),
    })
}

fn message(fields: &Fields<'_>) -> Result<Message, Refusal> {
    Ok(Message {
        room: fields.room()?,
        id: fields.need("id")?,
        from: fields.user("from")?,
        text: fields.text("text")?.into_owned(),
        at: at(fields)?,
    })
}

fn messages(fields: &Fields<'_>) -> Result<Vec<Message>, Refusal> {
    let list: Vec<&serde_json::value::RawValue> = fields.need("messages")?;
    list.iter().map(|raw| message(&Fields::parse(raw.get())?)).collect()
}

fn users(fields: &Fields<'_>, name: &'static str) -> Result<Vec<UserName>, Refusal> {
    fields.need::<Vec<Cow<'_, str>>>(name)?.iter().map(|written| UserName::parse(written)).collect()
}

fn rooms(fields: &Fields<'_>) -> Result<Vec<(RoomName, u32)>, Refusal> {
    #[derive(Deserialize)]
    struct Row<'a> {
        #[serde(borrow)]
        room: Cow<'a, str>,
        users: u32,
    }
    let rows: Vec<Row<'_>> = fields.need("rooms")?;
    rows.iter().map(|row| Ok((RoomName::parse(&row.room)?, row.users))).collect()
}

fn at(fields: &Fields<'_>) -> Result<Timestamp, Refusal> {
    parse_rfc3339(&fields.text("at")?).ok_or_else(|| Refusal::new(Code::BadRequest, "at is no moment"))
}

fn reason(fields: &Fields<'_>) -> Result<LeaveReason, Refusal> {
    let written = fields.text("reason")?;
    LeaveReason::ALL
        .into_iter()
        .find(|reason| reason.as_str() == written)
        .ok_or_else(|| Refusal::new(Code::BadRequest, "there is no such reason"))
}

fn refusal(fields: &Fields<'_>) -> Result<Refusal, Refusal> {
    let written = fields.text("code")?;
    let code = Code::ALL.iter().copied().find(|code| code.as_str() == written);
    let code = code.ok_or_else(|| Refusal::new(Code::BadRequest, "there is no such code"))?;
    Ok(Refusal::new(code, fields.text("message")?.into_owned()))
}
