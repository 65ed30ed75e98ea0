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
            .map_err(|error| Refusal::new(Code::BadJson, format!("not one JSON object: {}", place(&error))))
    }

    /// A field that must be there.
    pub(super) fn need<T: Deserialize<'a>>(&self, name: &'static str) -> Result<T, Refusal> {
        self.get(name)?.ok_or_else(|| Refusal::new(Code::BadRequest, format!("the field {name} is missing")))
    }

    /// A field that may be there.
    pub(super) fn get<T: Deserialize<'a>>(&self, name: &'static str) -> Result<Option<T>, Refusal> {
        match self.0.get(name) {
            None => Ok(None),
            Some(raw) => serde_json::from_str::<Option<T>>(raw.get()).map_err(|_| {
                Refusal::new(Code::BadRequest, format!("the field {name} is of the wrong type"))
            }),
        }
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

fn place(error: &serde_json::Error) -> String {
    match error.classify() {
        Category::Eof => "it ends too early".into(),
        _ => format!("see column {}", error.column()),
    }
}
