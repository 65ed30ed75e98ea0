//! What a client asks.

use std::collections::BTreeMap;

use engine::registry::{Register, Request};
use engine::{Code, Refusal};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::fields::Fields;

/// Every `op`, and `invalid` for a line that names none of them: the closed set for metrics.
pub const OPS: [&str; 11] = [
    "register",
    "keepalive",
    "join",
    "hold",
    "leave",
    "release",
    "rename",
    "drop",
    "list",
    "watch",
    "invalid",
];

/// One line of a client.
#[derive(Debug)]
pub struct Incoming<'a> {
    /// What the reply repeats, whatever it is, as it was written: a number may be one that we can't hold.
    pub id: Option<&'a RawValue>,
    /// Which of [`OPS`] it is.
    pub op: &'static str,
    /// What is asked, or why it can't be asked like that: [`Code::BadJson`], [`Code::BadRequest`],
    /// [`Code::BadName`], [`Code::BadRoom`], [`Code::UnknownOp`].
    pub request: Result<Request, Refusal>,
}

/// Reads a line without its end.
pub fn decode(line: &str) -> Incoming<'_> {
    match object(line) {
        Ok((id, object)) => {
            let (op, request) = read(&object);
            Incoming { id, op, request }
        }
        Err(_) => {
            let refusal = Refusal::new(Code::BadJson, "a line must be one JSON object");
            Incoming { id: None, op: "invalid", request: Err(refusal) }
        }
    }
}

/// The id, unread, and the other fields.
fn object(line: &str) -> serde_json::Result<(Option<&RawValue>, Map<String, Value>)> {
    let mut fields: BTreeMap<String, &RawValue> = serde_json::from_str(line)?;
    let id = fields.remove("id");
    let read = fields.into_iter().map(|(name, value)| Ok((name, serde_json::from_str(value.get())?)));
    Ok((id, read.collect::<serde_json::Result<_>>()?))
}

fn read(object: &Map<String, Value>) -> (&'static str, Result<Request, Refusal>) {
    let fields = Fields(object);
    let op = match fields.text("op") {
        Ok(op) => op,
        Err(refusal) => return ("invalid", Err(refusal)),
    };
    match OPS[..OPS.len() - 1].iter().find(|known| **known == op) {
        Some(op) => (op, request(op, &fields)),
        None => ("invalid", Err(Refusal::new(Code::UnknownOp, "there is no such op"))),
    }
}

fn request(op: &str, fields: &Fields) -> Result<Request, Refusal> {
    Ok(match op {
        "register" => Request::Register(register(fields)?),
        "list" => list(fields)?,
        "watch" => Request::Watch {
            epoch: fields.optional_text("epoch")?.map(Into::into),
            since: fields.optional_number("since")?,
        },
        _ => under_lease(op, fields.lease()?, fields)?,
    })
}

fn under_lease(op: &str, lease: u64, fields: &Fields) -> Result<Request, Refusal> {
    let user = || fields.user("user");
    Ok(match op {
        "keepalive" => Request::Keepalive { lease, stats: fields.optional_object("stats")? },
        "join" => {
            let (user, room, hold) = (user()?, fields.room()?, fields.flag("hold")?);
            Request::Join { lease, user, room, hold, age: age(fields)? }
        }
        "hold" => Request::Hold { lease, user: user()?, age: age(fields)? },
        "leave" => Request::Leave { lease, user: user()?, room: fields.room()? },
        "release" => Request::Release { lease, user: user()? },
        "rename" => Request::Rename { lease, user: user()?, to: fields.user("to")? },
        _ => Request::Drop { lease },
    })
}

/// For how long the user has had the name.
fn age(fields: &Fields) -> Result<u64, Refusal> {
    Ok(fields.optional_number("age_ms")?.unwrap_or(0))
}

fn register(fields: &Fields) -> Result<Register, Refusal> {
    Ok(Register {
        service: fields.label("service")?,
        instance: fields.label("instance")?,
        addr: fields.label("addr")?,
        ttl_ms: fields.optional_clamped("ttl_ms")?,
        lease: fields.optional_number("lease")?,
        meta: fields.optional_object("meta")?.unwrap_or_else(|| "{}".into()),
    })
}

fn list(fields: &Fields) -> Result<Request, Refusal> {
    match fields.text("what")? {
        "users" => Ok(Request::ListUsers),
        "services" => Ok(Request::ListServices),
        _ => Err(Refusal::new(Code::BadRequest, "\"what\" must be \"users\" or \"services\"")),
    }
}
