//! Search: the newest messages that hold all the words, in one room or in many.
//!
//! The full-text index knows messages by their keys, which lie room by room; newest is what has the highest
//! turn. So each room's keys are found first, newest first, and messages are read only as far as they are among
//! the newest of all.

use std::collections::BTreeMap;

use engine::chat::Message;
use engine::names::RoomName;
use rusqlite::{Connection, OptionalExtension, Result, params};

use super::reader::{message, number_of};
use super::schema::{MAX_ID, key, room_of};

/// Keys that are taken from the index at once: a few milliseconds' worth.
const AT_ONCE: u32 = 50_000;

/// A room by its number, and what it is called.
type Rooms<'a> = BTreeMap<i64, &'a RoomName>;

/// See [`super::Store::search`].
pub(super) fn search(db: &Connection, query: &str, rooms: &[RoomName], limit: u32) -> Result<Vec<Message>> {
    search_by(AT_ONCE, db, query, rooms, limit)
}

/// The same, with so many keys taken at once.
pub(super) fn search_by(
    at_once: u32,
    db: &Connection,
    query: &str,
    rooms: &[RoomName],
    limit: u32,
) -> Result<Vec<Message>> {
    let words = match_all(query);
    if words.is_empty() {
        return Ok(Vec::new());
    }
    let index = Index { db, words: &words };
    let rooms = numbered(db, rooms)?;
    let hits = match rooms.len() {
        1 => index.room_by_room(&rooms, limit)?,
        _ => index.everywhere(&rooms, limit, at_once)?,
    };
    newest(db, hits, limit)
}

/// Rooms that something was ever said in.
fn numbered<'a>(db: &Connection, rooms: &'a [RoomName]) -> Result<Rooms<'a>> {
    rooms.iter().filter_map(|room| number_of(db, room).map(|n| n.map(|n| (n, room))).transpose()).collect()
}

/// What is asked of the index.
struct Index<'a> {
    db: &'a Connection,
    words: &'a str,
}

impl Index<'_> {
    /// Asks for all rooms at once. To ask for each by itself would take far longer where words are often said
    /// but never together: the index looks through all rooms each time, before it comes to the one.
    fn everywhere<'a>(&self, rooms: &Rooms<'a>, limit: u32, at_once: u32) -> Result<Vec<Hits<'a>>> {
        let keys = self.keys(0, i64::MAX, at_once)?;
        // What was not looked at yet has many hits, so that none is far from the next.
        let rest = match keys.last() {
            Some(last) if keys.len() == at_once as usize => rooms.range(..=room_of(*last)),
            _ => rooms.range(..0),
        };
        let rest: Rooms<'a> = rest.map(|(number, room)| (*number, *room)).collect();
        let mut found: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
        for key in keys {
            let number = room_of(key);
            if rooms.contains_key(&number) && !rest.contains_key(&number) {
                found.entry(number).or_default().push(key);
            }
        }
        let mut hits = self.room_by_room(&rest, limit)?;
        hits.extend(found.into_iter().map(|(number, keys)| Hits::new(rooms[&number], keys)));
        Ok(hits)
    }

    fn room_by_room<'a>(&self, rooms: &Rooms<'a>, limit: u32) -> Result<Vec<Hits<'a>>> {
        let hits = |(number, room): (&i64, &&'a RoomName)| {
            self.keys(key(*number, 0), key(*number, MAX_ID), limit).map(|keys| Hits::new(room, keys))
        };
        rooms.iter().map(hits).collect()
    }

    /// The highest keys of messages that hold the words, within these bounds.
    fn keys(&self, first: i64, last: i64, limit: u32) -> Result<Vec<i64>> {
        let mut query = self.db.prepare_cached(
            "SELECT rowid FROM words WHERE words MATCH ? AND rowid BETWEEN ? AND ?
             ORDER BY rowid DESC LIMIT ?",
        )?;
        query.query_map(params![self.words, first, last, limit], |row| row.get(0))?.collect()
    }
}

/// What is found in one room, newest first.
struct Hits<'a> {
    room: &'a RoomName,
    keys: std::vec::IntoIter<i64>,
}

impl<'a> Hits<'a> {
    fn new(room: &'a RoomName, keys: Vec<i64>) -> Self {
        Hits { room, keys: keys.into_iter() }
    }

    /// The next message, with its turn; one that retention has removed meanwhile is passed over.
    fn next(&mut self, db: &Connection) -> Result<Option<(i64, Message)>> {
        let mut query =
            db.prepare_cached("SELECT key, sender, text, at, turn FROM messages WHERE key = ?")?;
        for key in self.keys.by_ref() {
            let read = query.query_row([key], |row| Ok((row.get(4)?, message(self.room, row)?)));
            if let Some(found) = read.optional()? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

/// The newest of what is found in all rooms.
fn newest(db: &Connection, mut hits: Vec<Hits<'_>>, limit: u32) -> Result<Vec<Message>> {
    let mut heads = hits.iter_mut().map(|room| room.next(db)).collect::<Result<Vec<_>>>()?;
    let mut found = Vec::new();
    let turn = |head: &Option<(i64, Message)>| head.as_ref().map(|(turn, _)| *turn);
    while found.len() < limit as usize
        && let Some(at) = (0..heads.len()).max_by_key(|at| turn(&heads[*at]))
        && let Some((_, message)) = heads[at].take()
    {
        found.push(message);
        heads[at] = hits[at].next(db)?;
    }
    Ok(found)
}

/// Words as people type them, as a query in which every one must be found and none is an operator.
fn match_all(query: &str) -> String {
    // A NUL would end the query inside a quotation.
    let separates = |c: char| c.is_whitespace() || c.is_control();
    let words = query.split(separates).filter(|word| !word.is_empty());
    let quoted = words.map(|word| format!("\"{}\"", word.replace('"', "\"\"")));
    quoted.collect::<Vec<_>>().join(" ")
}
