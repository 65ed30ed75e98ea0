//! One object's fields, each read when it is asked for.

use std::borrow::{Borrow, Cow};
use std::collections::BTreeMap;

use engine::names::{RoomName, UserName};
use engine::{Code, Refusal};
use serde::Deserialize;
use serde_json::error::Category;
use serde_json::value::RawValue;

/// The fields of one line's object, not yet looked into.
pub(super) struct Fields<'a>(BTreeMap<Key<'a>, &'a RawValue>);

impl<'a> Fields<'a> {
    /// Splits a line into fields.
    pub(super) fn parse(line: &'a str) -> Result<Self, Refusal> {
        serde_json::from_str(line)
            .map(Fields)
            .map_err(|error| Refusal::new(Code::BadJson, format!("not one JSON object{}", place(&error))))
    }

    /// A field that must be there.
    pub(super) fn need<T: Deserialize<'a>>(&self, name: &'static str) -> Result<T, Refusal> {
        self.get(name)?.ok_or_else(|| missing(name))
    }

    /// A field that may be there.
    pub(super) fn get<T: Deserialize<'a>>(&self, name: &'static str) -> Result<Option<T>, Refusal> {
        match self.0.get(name) {
            None => Ok(None),
            Some(raw) => {
                serde_json::from_str::<Option<T>>(raw.get()).map_err(|error| unreadable(name, raw, &error))
            }
        }
    }

    /// How many of something, which must be said.
    pub(super) fn count(&self, name: &'static str) -> Result<u32, Refusal> {
        self.maybe_count(name)?.ok_or_else(|| missing(name))
    }

    /// How many of something. What does not fit is only very many, and is cut anyway.
    pub(super) fn maybe_count(&self, name: &'static str) -> Result<Option<u32>, Refusal> {
        Ok(self.get::<u64>(name)?.map(|count| u32::try_from(count).unwrap_or(u32::MAX)))
    }

    /// A text field that must be there.
    pub(super) fn text(&self, name: &'static str) -> Result<Cow<'a, str>, Refusal> {
        self.need::<Text<'a>>(name).map(|text| text.0)
    }

    /// A text field that may be there.
    pub(super) fn maybe_text(&self, name: &'static str) -> Result<Option<Cow<'a, str>>, Refusal> {
        Ok(self.get::<Text<'a>>(name)?.map(|text| text.0))
    }

    /// A user's name that must be there.
    pub(super) fn user(&self, name: &'static str) -> Result<UserName, Refusal> {
        UserName::parse(&self.text(name)?)
    }

    /// The room, which must be there.
    pub(super) fn room(&self) -> Result<RoomName, Refusal> {
        RoomName::parse(&self.text("room")?)
    }

    /// The room, which may be there.
    pub(super) fn maybe_room(&self) -> Result<Option<RoomName>, Refusal> {
        self.maybe_text("room")?.map(|written| RoomName::parse(&written)).transpose()
    }
}

/// A string that borrows from the line where it holds no escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// A field's name, the same way.
#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl Borrow<str> for Key<'_> {
    fn borrow(&self) -> &str {
        &self.0
    }
}

fn missing(name: &str) -> Refusal {
    Refusal::new(Code::BadRequest, format!("the field {name} is missing"))
}

/// Only here are a field's own bytes looked into, and a string can turn out to be none: half a surrogate pair
/// is no character, so the line is no JSON text.
fn unreadable(name: &str, raw: &RawValue, error: &serde_json::Error) -> Refusal {
    if raw.get().starts_with('"') && error.is_syntax() {
        return Refusal::new(Code::BadJson, format!("the field {name} holds half a surrogate pair"));
    }
    Refusal::new(Code::BadRequest, format!("the field {name} is of the wrong type"))
}

/// Where it stops being one. Of JSON that is something else than an object no column is known.
fn place(error: &serde_json::Error) -> String {
    match (error.classify(), error.column()) {
        (Category::Eof, _) => ": it ends too early".into(),
        (_, 0) => String::new(),
        (_, column) => format!(": see column {column}"),
    }
}
