//! The rooms as the writer knows them, so that it need not ask the database for every message.

use std::collections::BTreeMap;

use engine::names::RoomName;
use rusqlite::{Connection, OptionalExtension, Result};

use super::schema::key;

/// A room that something was ever said in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    pub(super) number: i64,
    /// Its newest message.
    pub(super) last_id: u64,
}

/// Messages of one room that were kept together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    /// The room's number.
    pub(super) room: i64,
    /// The oldest id.
    pub(super) first: u64,
    /// The newest id.
    pub(super) last: u64,
}

impl Range {
    /// How many ids.
    pub(super) fn len(self) -> u64 {
        (self.last + 1).saturating_sub(self.first)
    }
}

/// All rooms by their names.
pub(super) fn load(db: &Connection) -> Result<BTreeMap<RoomName, Room>> {
    let mut query = db.prepare("SELECT name, number, last_id FROM rooms")?;
    let rows =
        query.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get(1)?, row.get::<_, i64>(2)?)))?;
    let mut rooms = BTreeMap::new();
    for row in rows {
        let (name, number, last_id) = row?;
        if let Ok(name) = RoomName::parse(&name) {
            rooms.insert(name, Room { number, last_id: last_id as u64 });
        }
    }
    Ok(rooms)
}

/// The turn of the newest message of all; every room's newest is under its last id.
pub(super) fn last_turn(db: &Connection, rooms: &BTreeMap<RoomName, Room>) -> Result<i64> {
    let mut query = db.prepare("SELECT turn FROM messages WHERE key = ?")?;
    let mut last = 0;
    for room in rooms.values() {
        let turn = query.query_row([key(room.number, room.last_id)], |row| row.get(0)).optional()?;
        last = last.max(turn.unwrap_or(0));
    }
    Ok(last)
}
