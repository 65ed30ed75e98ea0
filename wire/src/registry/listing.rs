//! Users and services as lists of objects, in listings and snapshots, both ways.

use std::sync::Arc;

use engine::Timestamp;
use engine::names::{RoomName, UserName};
use engine::registry::{Label, Roster, Service, ServiceReport, User};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::client::Garbled;
use crate::time::{parse_rfc3339, rfc3339};

/// One user of a listing.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct UserLine {
    user: String,
    rooms: Vec<String>,
    instance: String,
    since: String,
    #[serde(default)]
    generation: u64,
    #[serde(default, skip_serializing_if = "is_false")]
    held: bool,
}

/// One service of a listing.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ServiceLine {
    service: String,
    instance: String,
    addr: String,
    state: State,
    age_ms: u64,
    #[serde(default)]
    stats: Map<String, Value>,
    #[serde(default)]
    meta: Map<String, Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Up,
    Down,
}

pub(super) fn is_false(flag: &bool) -> bool {
    !flag
}

pub(super) fn moment(written: &str) -> Result<Timestamp, Garbled> {
    parse_rfc3339(written).ok_or(Garbled("a time"))
}

/// The text of a JSON object as an object again.
pub(super) fn object(text: &str) -> Map<String, Value> {
    serde_json::from_str(text).unwrap_or_default()
}

/// An object as its text.
pub(super) fn text(object: &Map<String, Value>) -> Arc<str> {
    serde_json::to_string(object).expect("an object of values has string keys").into()
}

pub(super) fn users(roster: &Roster) -> Vec<UserLine> {
    roster.users.iter().map(|(name, user)| UserLine::new(name, user)).collect()
}

pub(super) fn services(reports: &[ServiceReport]) -> Vec<ServiceLine> {
    let line = |report: &ServiceReport| ServiceLine {
        service: report.service.to_string(),
        instance: report.instance.to_string(),
        addr: report.addr.to_string(),
        state: if report.up { State::Up } else { State::Down },
        age_ms: report.age_ms,
        stats: object(&report.stats),
        meta: object(&report.meta),
    };
    reports.iter().map(line).collect()
}

impl UserLine {
    pub(super) fn new(name: &UserName, user: &User) -> Self {
        UserLine {
            user: name.to_string(),
            rooms: user.rooms.iter().map(RoomName::to_string).collect(),
            instance: user.instance.to_string(),
            since: rfc3339(user.since),
            generation: user.generation,
            held: user.held,
        }
    }

    fn read(self) -> Result<(UserName, User), Garbled> {
        let rooms = self.rooms.iter().map(|room| RoomName::parse(room)).collect::<Result<_, _>>()?;
        let (instance, since) = (Label::parse(&self.instance)?, moment(&self.since)?);
        let user = User { instance, since, generation: self.generation, held: self.held, rooms };
        Ok((UserName::parse(&self.user)?, user))
    }
}

impl ServiceLine {
    pub(super) fn read(self) -> Result<ServiceReport, Garbled> {
        Ok(ServiceReport {
            instance: Label::parse(&self.instance)?,
            service: Label::parse(&self.service)?,
            addr: Label::parse(&self.addr)?,
            up: self.state == State::Up,
            age_ms: self.age_ms,
            stats: text(&self.stats),
            meta: text(&self.meta),
        })
    }
}

/// The roster of a snapshot.
pub(super) fn roster(rev: u64, users: Vec<UserLine>, services: &[ServiceReport]) -> Result<Roster, Garbled> {
    let users = users.into_iter().map(UserLine::read).collect::<Result<_, _>>()?;
    let service = |report: &ServiceReport| {
        let (service, addr, meta) = (report.service.clone(), report.addr.clone(), report.meta.clone());
        (report.instance.clone(), Service { service, addr, meta, up: report.up, rev })
    };
    Ok(Roster { rev, users, services: services.iter().map(service).collect() })
}
