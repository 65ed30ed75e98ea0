//! One batch of messages as one transaction.

use std::collections::BTreeMap;

use engine::names::RoomName;
use engine::{Code, Refusal, Timestamp};
use prometheus::Histogram;
use rusqlite::{Connection, OptionalExtension, Result, Transaction, params};

use super::retention::REF_LIFE_MS;
use super::rooms::{Range, Room};
use super::schema::{id_of, key};
use super::{Kept, Outcome, Post};

/// What was committed.
#[derive(Debug)]
pub(super) struct Committed {
    /// What became of each post.
    pub(super) outcomes: Vec<Outcome>,
    /// The rooms that have new messages, as they are now.
    pub(super) rooms: BTreeMap<RoomName, Room>,
    /// The new messages.
    pub(super) ranges: Vec<Range>,
}

/// Keeps a batch, in this turn and the following; `known` are the rooms as they were.
pub(super) fn commit(
    db: &mut Connection,
    known: &BTreeMap<RoomName, Room>,
    posts: &[Post],
    turn: i64,
    at: Timestamp,
    flush: &Histogram,
) -> Result<Committed> {
    let mut batch = Batch { transaction: db.transaction()?, known, rooms: BTreeMap::new(), at };
    let mut outcomes = Vec::with_capacity(posts.len());
    for (post, turn) in posts.iter().zip(turn..) {
        outcomes.push(batch.keep(post, turn)?);
    }
    let Batch { transaction, rooms, .. } = batch;
    let ranges = rooms.iter().map(|(name, room)| new_in(known.get(name), *room)).collect();
    for room in rooms.values() {
        let mut update = transaction.prepare_cached("UPDATE rooms SET last_id = ? WHERE number = ?")?;
        update.execute(params![room.last_id as i64, room.number])?;
    }
    let timer = flush.start_timer();
    transaction.commit()?;
    timer.observe_duration();
    Ok(Committed { outcomes, rooms, ranges })
}

fn new_in(before: Option<&Room>, now: Room) -> Range {
    let first = before.map_or(0, |room| room.last_id) + 1;
    Range { room: now.number, first, last: now.last_id }
}

/// A transaction under way.
struct Batch<'a> {
    transaction: Transaction<'a>,
    /// The rooms as they are until it is committed.
    known: &'a BTreeMap<RoomName, Room>,
    /// Those that it changes, as they will be then.
    rooms: BTreeMap<RoomName, Room>,
    at: Timestamp,
}

impl Batch<'_> {
    fn keep(&mut self, post: &Post, turn: i64) -> Result<Outcome> {
        if let Some(outcome) = self.said_before(post)? {
            return Ok(outcome);
        }
        let (id, key) = self.next_id(&post.room)?;
        let at = self.at.0 as i64;
        self.transaction
            .prepare_cached("INSERT INTO messages (key, turn, sender, text, at) VALUES (?, ?, ?, ?, ?)")?
            .execute(params![key, turn, post.from.as_str(), post.text, at])?;
        if let Some(reference) = &post.reference {
            self.transaction
                .prepare_cached(
                    "INSERT OR REPLACE INTO refs (user, ref, key, at, digest) VALUES (?, ?, ?, ?, ?)",
                )?
                .execute(params![post.from.folded(), reference.as_str(), key, at, digest(&post.text)])?;
        }
        Ok(Ok(Kept::New { id, at: self.at }))
    }

    /// A new id in a room, and its key.
    fn next_id(&mut self, name: &RoomName) -> Result<(u64, i64)> {
        let room = match self.rooms.get_mut(name) {
            Some(room) => room,
            None => {
                let room = match self.known.get(name) {
                    Some(room) => *room,
                    None => create_room(&self.transaction, name)?,
                };
                self.rooms.entry(name.clone()).or_insert(room)
            }
        };
        room.last_id += 1;
        Ok((room.last_id, key(room.number, room.last_id)))
    }

    /// What the sender's key says: nothing, the same message again, or another one. It also stands for a
    /// message that retention has removed.
    fn said_before(&self, post: &Post) -> Result<Option<Outcome>> {
        let Some(reference) = &post.reference else { return Ok(None) };
        let earliest = self.at.0.saturating_sub(REF_LIFE_MS) as i64;
        let found: Option<(i64, [u8; 16], i64)> = self
            .transaction
            .prepare_cached("SELECT key, digest, at FROM refs WHERE user = ? AND ref = ? AND at >= ?")?
            .query_row(params![post.from.folded(), reference.as_str(), earliest], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .optional()?;
        let room = self.rooms.get(&post.room).or_else(|| self.known.get(&post.room));
        Ok(found.map(|(found, text, said_at)| {
            let id = id_of(found);
            if text == digest(&post.text) && room.is_some_and(|room| key(room.number, id) == found) {
                Ok(Kept::Again { id, at: Timestamp(said_at as u64) })
            } else {
                Err(Refusal::new(Code::RefReused, "this ref stands for another message"))
            }
        }))
    }
}

fn create_room(transaction: &Transaction<'_>, name: &RoomName) -> Result<Room> {
    transaction
        .prepare_cached("INSERT INTO rooms (name, last_id, indexed_id) VALUES (?, 0, 0)")?
        .execute([name.as_str()])?;
    Ok(Room { number: transaction.last_insert_rowid(), last_id: 0 })
}

/// What is remembered of a text: enough to tell it from any other.
pub(super) fn digest(text: &str) -> [u8; 16] {
    *blake3::hash(text.as_bytes()).as_bytes().first_chunk().expect("a hash has 32 bytes")
}
