//! What is forgotten: messages that are too old, and the oldest where there are too many; and senders' keys
//! after their day. A step forgets a few of them, so that whoever speaks need not wait long.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use std::time::Duration;

use engine::Timestamp;
use rusqlite::{Connection, OptionalExtension, Result, Transaction, params};

use super::rooms::Range;
use super::schema::{MAX_ID, id_of, key};

/// How long a sender's key is remembered, in milliseconds.
pub(super) const REF_LIFE_MS: u64 = 24 * 60 * 60 * 1000;
/// Messages above their number that may wait for a moment in which nobody speaks.
const SLACK: u64 = 4096;

/// How much history is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Retention {
    /// Messages are forgotten at this age.
    pub age: Duration,
    /// The oldest are forgotten above so many.
    pub messages: u64,
}

/// How much there may be to forget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    Nothing,
    /// When nobody speaks.
    Sometime,
    /// Between two commits: no moment has come in which nobody spoke.
    Now,
}

/// The oldest message of a room, ordered by its age; messages of one millisecond by their turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Oldest {
    at: i64,
    turn: i64,
    room: i64,
    id: u64,
}

/// What is kept, oldest first.
#[derive(Debug)]
pub(super) struct Forgetting {
    retention: Retention,
    /// One of each room that keeps something.
    oldest: BinaryHeap<Reverse<Oldest>>,
    rooms: HashSet<i64>,
    kept: u64,
    due: Due,
    /// There was no room on the disk; it is looked again when time has passed.
    has_given_up: bool,
}

impl Forgetting {
    pub(super) fn load(db: &Connection, retention: Retention) -> Result<Self> {
        let mut all = Forgetting {
            retention,
            oldest: BinaryHeap::new(),
            rooms: HashSet::new(),
            kept: 0,
            due: Due::Sometime,
            has_given_up: false,
        };
        let mut rooms = db.prepare("SELECT number, last_id FROM rooms")?;
        for row in rooms.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))? {
            let (room, last): (i64, i64) = row?;
            if let Some(oldest) = oldest(db, room)? {
                // Ids have no gap, so the oldest and the newest tell how many there are.
                all.kept += Range { room, first: oldest.id, last: last as u64 }.len();
                all.push(oldest);
            }
        }
        Ok(all)
    }

    /// How many messages are kept.
    pub(super) fn kept(&self) -> u64 {
        self.kept
    }

    /// Whether there may be something to forget when nobody speaks.
    pub(super) fn is_due(&self) -> bool {
        self.due != Due::Nothing
    }

    /// Whether messages have to share the writer with it now.
    pub(super) fn is_overdue(&self) -> bool {
        let is_far_too_much = self.kept > self.retention.messages.saturating_add(SLACK);
        self.due == Due::Now || (is_far_too_much && !self.has_given_up)
    }

    /// Time has passed.
    pub(super) fn tick(&mut self) {
        self.has_given_up = false;
        self.due = if self.due == Due::Nothing { Due::Sometime } else { Due::Now };
    }

    /// There is no room on the disk, not even to forget.
    pub(super) fn give_up(&mut self) {
        self.has_given_up = true;
        self.due = Due::Nothing;
    }

    /// Messages were committed, in this turn or soon after.
    pub(super) fn add(&mut self, ranges: &[Range], at: Timestamp, turn: i64) {
        for range in ranges {
            self.kept += range.len();
            if !self.rooms.contains(&range.room) {
                self.push(Oldest { at: at.0 as i64, turn, room: range.room, id: range.first });
            }
        }
    }

    fn push(&mut self, oldest: Oldest) {
        self.rooms.insert(oldest.room);
        self.oldest.push(Reverse(oldest));
    }

    /// Forgets at most so many, and returns how many messages those were. When it fails, or is not committed,
    /// what is known is to be loaded again.
    pub(super) fn step(
        &mut self,
        transaction: &Transaction<'_>,
        now: Timestamp,
        most: usize,
    ) -> Result<usize> {
        let keys = sweep_refs(transaction, now, most)?;
        let mut forgotten = 0;
        while forgotten < most
            && let Some(Reverse(first)) = self.oldest.peek().copied()
            && self.is_too_much(first.at, now)
        {
            self.oldest.pop();
            forgotten += self.forget_of(transaction, first, now, most - forgotten)?;
        }
        if keys < most && forgotten < most {
            self.due = Due::Nothing;
        }
        Ok(forgotten)
    }

    fn is_too_much(&self, at: i64, now: Timestamp) -> bool {
        let age = u64::try_from(self.retention.age.as_millis()).unwrap_or(u64::MAX);
        at < now.0.saturating_sub(age) as i64 || self.kept > self.retention.messages
    }

    /// Forgets of one room until another has an older message.
    fn forget_of(
        &mut self,
        transaction: &Transaction<'_>,
        first: Oldest,
        now: Timestamp,
        most: usize,
    ) -> Result<usize> {
        let room = first.room;
        let mut next = None;
        let mut gone = Vec::new();
        let mut query = transaction.prepare_cached(
            "SELECT key, at, turn, text FROM messages WHERE key BETWEEN ? AND ? ORDER BY key",
        )?;
        let mut rows = query.query(params![key(room, first.id), key(room, MAX_ID)])?;
        while let Some(row) = rows.next()? {
            let key: i64 = row.get(0)?;
            let oldest = Oldest { at: row.get(1)?, turn: row.get(2)?, room, id: id_of(key) };
            let is_oldest = self.oldest.peek().is_none_or(|Reverse(other)| oldest <= *other);
            let goes = gone.is_empty() || (is_oldest && self.is_too_much(oldest.at, now));
            if !goes || gone.len() == most {
                next = Some(oldest);
                break;
            }
            gone.push((key, row.get::<_, String>(3)?));
            self.kept -= 1;
        }
        drop(rows);
        remove(transaction, room, &gone)?;
        self.rooms.remove(&room);
        next.into_iter().for_each(|oldest| self.push(oldest));
        Ok(gone.len())
    }
}

/// The oldest message of a room that keeps one.
fn oldest(db: &Connection, room: i64) -> Result<Option<Oldest>> {
    let mut query = db.prepare_cached(
        "SELECT key, at, turn FROM messages WHERE key BETWEEN ? AND ? ORDER BY key LIMIT 1",
    )?;
    let range = params![key(room, 0), key(room, MAX_ID)];
    let found = query.query_row(range, |row| {
        Ok(Oldest { at: row.get(1)?, turn: row.get(2)?, room, id: id_of(row.get(0)?) })
    });
    found.optional()
}

/// Removes messages, and their words where they are indexed already; the index skips what is gone when it
/// comes to it.
fn remove(transaction: &Transaction<'_>, room: i64, gone: &[(i64, String)]) -> Result<()> {
    let indexed: i64 = transaction
        .prepare_cached("SELECT indexed_id FROM rooms WHERE number = ?")?
        .query_row([room], |row| row.get(0))?;
    let mut unindex =
        transaction.prepare_cached("INSERT INTO words (words, rowid, text) VALUES ('delete', ?, ?)")?;
    let mut delete = transaction.prepare_cached("DELETE FROM messages WHERE key = ?")?;
    for (key, text) in gone {
        if id_of(*key) <= indexed as u64 {
            unindex.execute(params![key, text])?;
        }
        delete.execute([key])?;
    }
    Ok(())
}

/// Removes senders' keys that have had their time, and returns how many.
fn sweep_refs(transaction: &Transaction<'_>, now: Timestamp, most: usize) -> Result<usize> {
    transaction
        .prepare_cached(
            "DELETE FROM refs WHERE (user, ref) IN (SELECT user, ref FROM refs WHERE at < ? ORDER BY at LIMIT ?)",
        )?
        .execute(params![now.0.saturating_sub(REF_LIFE_MS) as i64, most as i64])
}
