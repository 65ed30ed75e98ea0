//! Search: the newest messages that hold all the words, in one room or in many.
//!
//! The full-text index knows messages by their keys, which lie room by room; newest is what has the highest
//! turn. So each room's keys are found first, newest first, and messages are read only as far as they are among
//! the newest of all. A room that the index was not asked about yet is asked about only when its newest message
//! is newer than what was found elsewhere: no hit in it can be newer than that (the threshold algorithm of Fagin,
//! Lotem and Naor, 2001).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use engine::chat::{Message, search_words};
use engine::names::RoomName;
use rusqlite::{Connection, OptionalExtension, Result, params};

use super::reader::{message, number_of};
use super::schema::{MAX_ID, key, room_of};

/// Keys that are taken from the index at once: a few milliseconds' worth.
const AT_ONCE: u32 = 50_000;

/// How long one search may take, for others wait behind it; the log grows meanwhile, as nothing that it reads can be
/// overwritten.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// Instructions of SQLite's between two looks at the clock. The index takes a few for each page that it reads.
const INSTRUCTIONS: i32 = 100;

/// A room by its number, and what it is called.
type Rooms<'a> = BTreeMap<i64, &'a RoomName>;

/// See [`super::Store::search`]; one that takes longer than `patience` is interrupted.
pub(super) fn search(
    db: &mut Connection,
    query: &str,
    rooms: &[RoomName],
    limit: u32,
    patience: Duration,
) -> Result<Vec<Message>> {
    let began = Instant::now();
    db.progress_handler(INSTRUCTIONS, Some(move || began.elapsed() >= patience))?;
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
    let index = Index { db, words: &words, limit };
    let rooms = numbered(db, rooms)?;
    let hits = match rooms.len() {
        0 => Vec::new(),
        1 => index.room_by_room(&rooms)?,
        _ => index.everywhere(&rooms, at_once)?,
    };
    newest(&index, hits)
}

/// Rooms that something was ever said in.
fn numbered<'a>(db: &Connection, rooms: &'a [RoomName]) -> Result<Rooms<'a>> {
    rooms.iter().filter_map(|room| number_of(db, room).map(|n| n.map(|n| (n, room))).transpose()).collect()
}

/// What is asked of the index.
struct Index<'a> {
    db: &'a Connection,
    words: &'a str,
    /// Messages that are wanted, at most.
    limit: u32,
}

impl Index<'_> {
    /// Asks for all rooms at once. To ask for each by itself would take far longer where words are often said
    /// but never together: the index looks through all rooms each time, before it comes to the one.
    fn everywhere<'a>(&self, rooms: &Rooms<'a>, at_once: u32) -> Result<Vec<Hits<'a>>> {
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
        let mut hits = self.room_by_room(&rest)?;
        for (number, keys) in found {
            hits.extend(Hits::read(self.db, rooms[&number], keys.into_iter())?);
        }
        Ok(hits)
    }

    /// Leaves it until then to ask for each room by itself.
    fn room_by_room<'a>(&self, rooms: &Rooms<'a>) -> Result<Vec<Hits<'a>>> {
        let hits = |(number, room): (&i64, &&'a RoomName)| {
            let newest = self.newest_turn(*number)?;
            Ok(newest.map(|turn| Hits::Unasked { room, number: *number, turn }))
        };
        rooms.iter().map(hits).filter_map(Result::transpose).collect()
    }

    /// The turn of a room's newest message, whatever it says.
    fn newest_turn(&self, number: i64) -> Result<Option<i64>> {
        let mut query = self.db.prepare_cached(
            "SELECT turn FROM messages WHERE key BETWEEN ? AND ? ORDER BY key DESC LIMIT 1",
        )?;
        query.query_row([key(number, 0), key(number, MAX_ID)], |row| row.get(0)).optional()
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
enum Hits<'a> {
    /// Nobody looked yet.
    Unasked {
        room: &'a RoomName,
        number: i64,
        /// No hit is newer.
        turn: i64,
    },
    /// The newest that is left, and the keys of those behind it.
    Found { room: &'a RoomName, turn: i64, message: Message, rest: std::vec::IntoIter<i64> },
}

impl<'a> Hits<'a> {
    /// Reads the first of these messages; one that retention has removed meanwhile is passed over.
    fn read(db: &Connection, room: &'a RoomName, mut rest: std::vec::IntoIter<i64>) -> Result<Option<Self>> {
        let mut query =
            db.prepare_cached("SELECT key, sender, text, at, turn FROM messages WHERE key = ?")?;
        for key in rest.by_ref() {
            let read = query.query_row([key], |row| Ok((row.get(4)?, message(room, row)?)));
            if let Some((turn, message)) = read.optional()? {
                return Ok(Some(Hits::Found { room, turn, message, rest }));
            }
        }
        Ok(None)
    }

    /// Nothing in it is newer.
    fn turn(&self) -> i64 {
        match self {
            Hits::Unasked { turn, .. } | Hits::Found { turn, .. } => *turn,
        }
    }

    /// Takes the newest message, if it is known, and says what is left.
    fn take(self, index: &Index<'_>) -> Result<(Option<Message>, Option<Self>)> {
        match self {
            Hits::Unasked { room, number, .. } => {
                let keys = index.keys(key(number, 0), key(number, MAX_ID), index.limit)?;
                Ok((None, Hits::read(index.db, room, keys.into_iter())?))
            }
            Hits::Found { room, message, rest, .. } => Ok((Some(message), Hits::read(index.db, room, rest)?)),
        }
    }
}

/// The newest of what is found in all rooms.
fn newest(index: &Index<'_>, mut hits: Vec<Hits<'_>>) -> Result<Vec<Message>> {
    let mut found = Vec::new();
    while found.len() < index.limit as usize
        && let Some(at) = (0..hits.len()).max_by_key(|at| hits[*at].turn())
    {
        let (message, left) = hits.swap_remove(at).take(index)?;
        found.extend(message);
        hits.extend(left);
    }
    Ok(found)
}

/// Words as people type them, as a query in which every one must be found and none is an operator.
pub(super) fn match_all(query: &str) -> String {
    let quoted = |word: &str| format!("\"{}\"", word.replace('"', "\"\""));
    search_words(query).into_iter().map(quoted).collect::<Vec<_>>().join(" ")
}
