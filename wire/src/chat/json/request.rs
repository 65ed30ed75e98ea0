//! What programs say.

use std::borrow::Cow;

use engine::chat::{Entry, Hello, Page, Ref, Replay, Request, Tagged, check_query};
use engine::names::{RoomName, UserName};
use engine::{Code, Refusal, text};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::fields::Fields;

/// A line that is no good request, with the key that its error repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spoiled {
    /// The key, where the line had a good one.
    pub reference: Option<Ref>,
    /// What is wrong.
    pub refusal: Refusal,
}

/// A first word with its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// The key that the answer repeats.
    pub reference: Option<Ref>,
    /// The word.
    pub hello: Hello,
}

/// Reads the first line of a session, which says who one is.
///
/// # Errors
/// Whatever is wrong with the line; another `type` than `hello` is [`Code::BadRequest`].
pub fn decode_hello(line: &str) -> Result<Opening, Spoiled> {
    with_reference(line, |fields, kind| match kind {
        "hello" => hello(fields),
        _ => Err(Refusal::new(Code::BadRequest, "say hello first")),
    })
    .map(|(reference, hello)| Opening { reference, hello })
}

/// Reads any later line.
///
/// # Errors
/// Whatever is wrong with the line.
pub fn decode(line: &str) -> Result<Tagged, Spoiled> {
    with_reference(line, request).map(|(reference, request)| Tagged { reference, request })
}

/// Reads the parts that every line has, then the rest, so that an error can repeat the key.
fn with_reference<T>(
    line: &str,
    read: impl FnOnce(&Fields<'_>, &str) -> Result<T, Refusal>,
) -> Result<(Option<Ref>, T), Spoiled> {
    let bare = |refusal| Spoiled { reference: None, refusal };
    let fields = Fields::parse(line).map_err(bare)?;
    let reference =
        fields.maybe_text("ref").and_then(|key| key.map(|k| Ref::parse(&k)).transpose()).map_err(bare)?;
    match fields.text("type").and_then(|kind| read(&fields, &kind)) {
        Ok(word) => Ok((reference, word)),
        Err(refusal) => Err(Spoiled { reference, refusal }),
    }
}

fn request(fields: &Fields<'_>, kind: &str) -> Result<Request, Refusal> {
    Ok(match kind {
        "say" => Request::Say { room: fields.room()?, text: message(fields)? },
        "join" => Request::Join(entry(fields)?),
        "leave" => Request::Leave { room: fields.room()? },
        "direct" => Request::Direct { to: fields.user("to")?, text: message(fields)? },
        "history" => {
            Request::History { room: fields.room()?, page: page(fields)?, limit: fields.count("limit")? }
        }
        "search" => Request::Search {
            query: query(fields)?,
            room: fields.maybe_room()?,
            limit: fields.count("limit")?,
        },
        "who" => Request::Who { room: fields.maybe_room()? },
        "rooms" => Request::Rooms,
        "nick" => Request::Nick { user: fields.user("user")? },
        "ping" => Request::Ping,
        "hello" => return Err(Refusal::new(Code::BadRequest, "hello was said already")),
        _ => return Err(Refusal::new(Code::UnknownType, "there is no such type")),
    })
}

fn message(fields: &Fields<'_>) -> Result<String, Refusal> {
    let said = fields.text("text")?;
    text::check_message(&said)?;
    Ok(said.into_owned())
}

fn query(fields: &Fields<'_>) -> Result<String, Refusal> {
    let query = fields.text("query")?;
    check_query(&query)?;
    Ok(query.into_owned())
}

fn hello(fields: &Fields<'_>) -> Result<Hello, Refusal> {
    let rooms: Vec<&RawValue> = fields.get("rooms")?.unwrap_or_default();
    let rooms = rooms.iter().map(|raw| entry(&room_fields(raw)?)).collect::<Result<_, _>>()?;
    Ok(Hello {
        user: fields.user("user")?,
        rooms,
        echo: fields.get("echo")?.unwrap_or(false),
        client: fields.maybe_text("client")?.map(Cow::into_owned),
    })
}

fn room_fields<'a>(raw: &'a RawValue) -> Result<Fields<'a>, Refusal> {
    Fields::parse(raw.get())
        .map_err(|_| Refusal::new(Code::BadRequest, "the field rooms is a list of objects"))
}

fn entry(fields: &Fields<'_>) -> Result<Entry, Refusal> {
    let replay = match (fields.get("since")?, fields.maybe_count("last")?) {
        (None, None) => Replay::Nothing,
        (Some(id), None) => Replay::Since(id),
        (None, Some(count)) => Replay::Last(count),
        (Some(_), Some(_)) => return Err(Refusal::new(Code::BadRequest, "either since or last, not both")),
    };
    Ok(Entry { room: fields.room()?, replay })
}

fn page(fields: &Fields<'_>) -> Result<Page, Refusal> {
    match (fields.get("before")?, fields.get("after")?) {
        (None, None) => Ok(Page::Newest),
        (Some(id), None) => Ok(Page::Before(id)),
        (None, Some(id)) => Ok(Page::After(id)),
        (Some(_), Some(_)) => Err(Refusal::new(Code::BadRequest, "either before or after, not both")),
    }
}

/// Writes a first word as a line, with its end.
pub fn encode_hello(opening: &Opening) -> String {
    let Hello { user, rooms, echo, client } = &opening.hello;
    let rooms: Vec<Value> = rooms.iter().map(entry_value).collect();
    let mut object = json!({"type": "hello", "user": user.as_str(), "rooms": rooms});
    if *echo {
        object["echo"] = true.into();
    }
    if let Some(client) = client {
        object["client"] = client.as_str().into();
    }
    line(object, opening.reference.as_ref())
}

/// Writes a request as a line, with its end.
pub fn encode(tagged: &Tagged) -> String {
    let object = match &tagged.request {
        Request::Say { room, text } => json!({"type": "say", "room": room.as_str(), "text": text}),
        Request::Join(entry) => {
            let mut object = entry_value(entry);
            object["type"] = "join".into();
            object
        }
        Request::Leave { room } => json!({"type": "leave", "room": room.as_str()}),
        Request::Direct { to, text } => json!({"type": "direct", "to": to.as_str(), "text": text}),
        Request::History { room, page, limit } => {
            let mut object = json!({"type": "history", "room": room.as_str(), "limit": limit});
            match page {
                Page::Newest => {}
                Page::Before(id) => object["before"] = (*id).into(),
                Page::After(id) => object["after"] = (*id).into(),
            }
            object
        }
        Request::Search { query, room, limit } => {
            json!({"type": "search", "query": query, "room": room.as_ref().map(RoomName::as_str), "limit": limit})
        }
        Request::Who { room } => json!({"type": "who", "room": room.as_ref().map(RoomName::as_str)}),
        Request::Rooms => json!({"type": "rooms"}),
        Request::Nick { user } => json!({"type": "nick", "user": UserName::as_str(user)}),
        Request::Ping => json!({"type": "ping"}),
    };
    line(object, tagged.reference.as_ref())
}

fn entry_value(entry: &Entry) -> Value {
    let room = entry.room.as_str();
    match entry.replay {
        Replay::Nothing => json!({"room": room}),
        Replay::Since(id) => json!({"room": room, "since": id}),
        Replay::Last(count) => json!({"room": room, "last": count}),
    }
}

fn line(mut object: Value, reference: Option<&Ref>) -> String {
    if let Some(reference) = reference {
        object["ref"] = reference.as_str().into();
    }
    let mut line = object.to_string();
    line.push('\n');
    line
}
