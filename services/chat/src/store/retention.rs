//! What is forgotten: messages that are too old, and the oldest where there are too many.

use std::time::Duration;

use engine::Timestamp;
use rusqlite::{Connection, OptionalExtension, Result, Transaction, params};

use super::schema::{MAX_ID, id_of, key};

/// How much history is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Retention {
    /// Messages are forgotten at this age.
    pub(crate) age: Duration,
    /// The oldest are forgotten above so many.
    pub(crate) messages: u64,
}

/// Messages forgotten in one transaction, so that new ones need not wait long.
const STEP: usize = 1000;

/// One room's oldest message.
struct Tail {
    room: i64,
    oldest: i64,
    at: i64,
    kept: u64,
}

/// Forgets one step's worth; true when there is more to forget.
pub(super) fn forget_step(db: &mut Connection, retention: Retention, now: Timestamp) -> Result<bool> {
    let transaction = db.transaction()?;
    let tails = tails(&transaction)?;
    let age = u64::try_from(retention.age.as_millis()).unwrap_or(u64::MAX);
    let too_old = now.0.saturating_sub(age) as i64;
    let surplus = tails.iter().map(|tail| tail.kept).sum::<u64>().saturating_sub(retention.messages);
    let Some(tail) = tails.iter().min_by_key(|tail| tail.at) else { return Ok(false) };
    if tail.at >= too_old && surplus == 0 {
        return Ok(false);
    }
    let mut left = surplus;
    for (key, text, at) in oldest(&transaction, tail)? {
        if at >= too_old && left == 0 {
            break;
        }
        left = left.saturating_sub(1);
        forget(&transaction, tail.room, key, &text)?;
    }
    transaction.commit()?;
    Ok(true)
}

/// The oldest message of every room that has one. Ids have no gap, so the oldest and the newest tell how
/// many there are.
fn tails(transaction: &Transaction<'_>) -> Result<Vec<Tail>> {
    let mut rooms = transaction.prepare_cached("SELECT number, last_id FROM rooms")?;
    let rooms =
        rooms.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<Vec<(i64, i64)>>>()?;
    let mut query = transaction
        .prepare_cached("SELECT key, at FROM messages WHERE key BETWEEN ? AND ? ORDER BY key LIMIT 1")?;
    let mut tails = Vec::with_capacity(rooms.len());
    for (room, last_id) in rooms {
        let range = params![key(room, 0), key(room, MAX_ID)];
        let oldest = query.query_row(range, |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        tails.extend(oldest.map(|(oldest, at)| Tail {
            room,
            oldest,
            at,
            kept: last_id as u64 - id_of(oldest) + 1,
        }));
    }
    Ok(tails)
}

fn oldest(transaction: &Transaction<'_>, tail: &Tail) -> Result<Vec<(i64, String, i64)>> {
    let mut query = transaction.prepare_cached(
        "SELECT key, text, at FROM messages WHERE key BETWEEN ? AND ? ORDER BY key LIMIT ?",
    )?;
    let range = params![tail.oldest, key(tail.room, MAX_ID), STEP as i64];
    query.query_map(range, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect()
}

/// Forgets one message, and its words where they are indexed already; an index that is behind skips it.
fn forget(transaction: &Transaction<'_>, room: i64, key: i64, text: &str) -> Result<()> {
    let id = id_of(key) as i64;
    let is_indexed: bool = transaction
        .prepare_cached("SELECT indexed_id >= ? FROM rooms WHERE number = ?")?
        .query_row([id, room], |row| row.get(0))?;
    if is_indexed {
        transaction
            .prepare_cached("INSERT INTO words (words, rowid, text) VALUES ('delete', ?, ?)")?
            .execute(params![key, text])?;
    } else {
        transaction
            .prepare_cached("UPDATE rooms SET indexed_id = ? WHERE number = ?")?
            .execute([id, room])?;
    }
    transaction.prepare_cached("DELETE FROM messages WHERE key = ?")?.execute([key])?;
    Ok(())
}
