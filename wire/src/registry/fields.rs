//! Fields of a request, each with the refusal that its absence or a wrong type earns.

use std::sync::Arc;

use engine::names::{RoomName, UserName};
use engine::registry::Label;
use engine::{Code, Refusal};
use serde_json::{Map, Value};

/// The fields of one request. A field that is `null` counts as absent.
pub(super) struct Fields<'a>(pub(super) &'a Map<String, Value>);

impl<'a> Fields<'a> {
    pub(super) fn text(&self, name: &str) -> Result<&'a str, Refusal> {
        self.optional_text(name)?.ok_or_else(|| missing(name))
    }

    pub(super) fn optional_text(&self, name: &str) -> Result<Option<&'a str>, Refusal> {
        self.optional(name, "a string", Value::as_str)
    }

    pub(super) fn label(&self, name: &str) -> Result<Label, Refusal> {
        Label::parse(self.text(name)?)
    }

    pub(super) fn user(&self, name: &str) -> Result<UserName, Refusal> {
        UserName::parse(self.text(name)?)
    }

    pub(super) fn room(&self) -> Result<RoomName, Refusal> {
        RoomName::parse(self.text("room")?)
    }

    pub(super) fn flag(&self, name: &str) -> Result<bool, Refusal> {
        Ok(self.optional(name, "true or false", Value::as_bool)?.unwrap_or(false))
    }

    pub(super) fn lease(&self) -> Result<u64, Refusal> {
        self.optional_number("lease")?.ok_or_else(|| missing("lease"))
    }

    pub(super) fn optional_number(&self, name: &str) -> Result<Option<u64>, Refusal> {
        self.optional(name, "a whole number from 0 up", Value::as_u64)
    }

    /// A whole number of any size, cut to what an `i64` holds.
    pub(super) fn optional_clamped(&self, name: &str) -> Result<Option<i64>, Refusal> {
        self.optional(name, "a whole number", |value| {
            value.as_i64().or_else(|| value.as_u64().map(|_| i64::MAX))
        })
    }

    /// A JSON object as its text.
    pub(super) fn optional_object(&self, name: &str) -> Result<Option<Arc<str>>, Refusal> {
        let object = self.optional(name, "an object", |value| value.is_object().then_some(value))?;
        Ok(object.map(|value| value.to_string().into()))
    }

    fn optional<T>(
        &self,
        name: &str,
        wanted: &str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, Refusal> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => read(value)
                .map(Some)
                .ok_or_else(|| Refusal::new(Code::BadRequest, format!("\"{name}\" must be {wanted}"))),
        }
    }
}

fn missing(name: &str) -> Refusal {
    Refusal::new(Code::BadRequest, format!("\"{name}\" is missing"))
}
