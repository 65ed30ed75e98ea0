//! What a watcher is told.

use engine::Timestamp;
use engine::names::{RoomName, UserName};
use engine::registry::{Change, Event, Label};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::client::Garbled;
use super::listing::{self, ServiceLine, UserLine, is_false};
use super::write_line;
use crate::time::rfc3339;

/// Every event's line, both ways. Absent fields are not written.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct EventLine {
    pub(super) event: String,
    pub(super) rev: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) epoch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) age_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    room: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    addr: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
    #[serde(default, skip_serializing_if = "is_false")]
    held: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) users: Option<Vec<UserLine>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) services: Option<Vec<ServiceLine>>,
}

/// Appends one event.
pub fn write_event(out: &mut Vec<u8>, event: &Event) {
    write_line(out, &EventLine { rev: event.rev, ..line(&event.change) });
}

/// Appends a bookmark: nothing happened that the watcher has not been told, up to this revision.
pub fn write_bookmark(out: &mut Vec<u8>, rev: u64) {
    write_line(out, &EventLine { rev, ..named("bookmark") });
}

/// The last line of a server that goes away.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ByeLine {
    event: Bye,
    #[serde(default)]
    reason: String,
    pub(super) retry_after_ms: u64,
}

/// The one word that tells it from the events, all of which have a revision.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Bye {
    Bye,
}

/// Appends a goodbye: the server goes away, and asks its peer to come back after so many milliseconds.
pub fn write_bye(out: &mut Vec<u8>, retry_after_ms: u64) {
    write_line(out, &ByeLine { event: Bye::Bye, reason: "shutdown".to_owned(), retry_after_ms });
}

fn named(event: &str) -> EventLine {
    EventLine { event: event.to_owned(), ..EventLine::default() }
}

fn line(change: &Change) -> EventLine {
    let text = |label: &Label| Some(label.to_string());
    let place = |room: &Option<RoomName>| room.as_ref().map(RoomName::to_string);
    match change {
        Change::Joined { user, room, instance, since, held } => EventLine {
            user: Some(user.to_string()),
            room: place(room),
            instance: text(instance),
            since: Some(rfc3339(*since)),
            held: *held,
            ..named(if room.is_some() { "joined" } else { "held" })
        },
        Change::Left { user, room, instance, held } => EventLine {
            user: Some(user.to_string()),
            room: place(room),
            instance: text(instance),
            held: *held,
            ..named(if room.is_some() { "left" } else { "released" })
        },
        Change::Renamed { user, to, instance } => EventLine {
            user: Some(user.to_string()),
            to: Some(to.to_string()),
            instance: text(instance),
            ..named("renamed")
        },
        Change::Up { instance, service, addr, meta } => EventLine {
            service: text(service),
            instance: text(instance),
            addr: text(addr),
            meta: Some(listing::object(meta)).filter(|meta| !meta.is_empty()),
            ..named("up")
        },
        Change::Down { instance, service, addr } => {
            EventLine { service: text(service), instance: text(instance), addr: text(addr), ..named("down") }
        }
    }
}

impl EventLine {
    /// The change that the line tells; `None` for an event of a later version.
    pub(super) fn change(&self) -> Result<Option<Change>, Garbled> {
        Ok(Some(match self.event.as_str() {
            "joined" | "held" => Change::Joined {
                user: user(&self.user)?,
                room: self.place()?,
                instance: label(&self.instance)?,
                since: self.since.as_deref().map_or(Ok(Timestamp::default()), listing::moment)?,
                held: self.held,
            },
            "left" | "released" => Change::Left {
                user: user(&self.user)?,
                room: self.place()?,
                instance: label(&self.instance)?,
                held: self.held,
            },
            "renamed" => Change::Renamed {
                user: user(&self.user)?,
                to: user(&self.to)?,
                instance: label(&self.instance)?,
            },
            "up" => Change::Up {
                instance: label(&self.instance)?,
                service: label(&self.service)?,
                addr: label(&self.addr)?,
                meta: listing::text(self.meta.as_ref().unwrap_or(&Map::new())),
            },
            "down" => Change::Down {
                instance: label(&self.instance)?,
                service: label(&self.service)?,
                addr: label(&self.addr)?,
            },
            _ => return Ok(None),
        }))
    }

    fn place(&self) -> Result<Option<RoomName>, Garbled> {
        Ok(self.room.as_deref().map(RoomName::parse).transpose()?)
    }
}

fn label(field: &Option<String>) -> Result<Label, Garbled> {
    Ok(Label::parse(field.as_deref().ok_or(Garbled("an event without its words"))?)?)
}

fn user(field: &Option<String>) -> Result<UserName, Garbled> {
    Ok(UserName::parse(field.as_deref().ok_or(Garbled("an event without its user"))?)?)
}
