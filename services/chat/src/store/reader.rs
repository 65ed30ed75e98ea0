//! The threads that read: one history, one search, beside the writer.

use engine::Timestamp;
use engine::chat::{Message, Page};
use engine::names::{RoomName, UserName};
use prometheus::Histogram;
use rusqlite::{Connection, OptionalExtension, Result, Row, params};
use tokio::sync::mpsc;

use super::schema::{MAX_ID, id_of, key};

/// One question to the database; whether anybody still wanted to know.
pub(super) type Reading = Box<dyn FnOnce(&mut Connection) -> bool + Send>;

/// Answers until every asker is gone.
pub(super) fn run(db: &mut Connection, mut readings: mpsc::Receiver<Reading>, duration: &Histogram) {
    while let Some(reading) = readings.blocking_recv() {
        let timer = duration.start_timer();
        if reading(db) {
            timer.observe_duration();
        } else {
            timer.stop_and_discard();
        }
    }
}

/// See [`super::Database::heads`].
pub(super) fn heads(db: &Connection) -> Result<Vec<(RoomName, u64)>> {
    let mut query = db.prepare("SELECT name, last_id FROM rooms")?;
    let rows = query.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))?;
    let parsed = |(name, id): (String, i64)| RoomName::parse(&name).ok().map(|name| (name, id as u64));
    rows.filter_map(|row| row.map(parsed).transpose()).collect()
}

/// See [`super::Store::page`].
pub(super) fn page(db: &Connection, room: &RoomName, page: Page, limit: u32) -> Result<Vec<Message>> {
    match page {
        Page::Newest => newest(db, room, MAX_ID, limit),
        Page::Before(id) => newest(db, room, id.saturating_sub(1).min(MAX_ID), limit),
        Page::After(id) => after(db, room, id, MAX_ID, limit),
    }
}

/// The newest up to `last`.
fn newest(db: &Connection, room: &RoomName, last: u64, limit: u32) -> Result<Vec<Message>> {
    let Some(number) = number_of(db, room)? else { return Ok(Vec::new()) };
    let mut query = db.prepare_cached(
        "SELECT key, sender, text, at FROM messages WHERE key BETWEEN ? AND ? ORDER BY key DESC LIMIT ?",
    )?;
    let rows =
        query.query_map(params![key(number, 0), key(number, last), limit], |row| message(room, row))?;
    let mut messages = rows.collect::<Result<Vec<_>>>()?;
    messages.reverse();
    Ok(messages)
}

/// See [`super::Store::after`].
pub(super) fn after(
    db: &Connection,
    room: &RoomName,
    since: u64,
    last: u64,
    limit: u32,
) -> Result<Vec<Message>> {
    let Some(number) = number_of(db, room)? else { return Ok(Vec::new()) };
    if since >= MAX_ID {
        return Ok(Vec::new());
    }
    let mut query = db.prepare_cached(
        "SELECT key, sender, text, at FROM messages WHERE key BETWEEN ? AND ? ORDER BY key LIMIT ?",
    )?;
    let range = params![key(number, since + 1), key(number, last.min(MAX_ID)), limit];
    query.query_map(range, |row| message(room, row))?.collect()
}

/// See [`super::Store::oldest`].
pub(super) fn oldest(db: &Connection, room: &RoomName) -> Result<Option<u64>> {
    let Some(number) = number_of(db, room)? else { return Ok(None) };
    let mut query = db.prepare_cached("SELECT min(key) FROM messages WHERE key BETWEEN ? AND ?")?;
    let oldest: Option<i64> =
        query.query_row(params![key(number, 0), key(number, MAX_ID)], |row| row.get(0))?;
    Ok(oldest.map(id_of))
}

/// A room's number, once something was said in it.
pub(super) fn number_of(db: &Connection, room: &RoomName) -> Result<Option<i64>> {
    let mut query = db.prepare_cached("SELECT number FROM rooms WHERE name = ?")?;
    query.query_row([room.as_str()], |row| row.get(0)).optional()
}

/// A message of a room out of its key, sender, text and time.
pub(super) fn message(room: &RoomName, row: &Row<'_>) -> Result<Message> {
    let (key, sender, text, at): (i64, String, String, i64) =
        (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
    let from = UserName::parse(&sender).map_err(|refusal| {
        rusqlite::Error::FromSqlConversionFailure(1, rusqlite::types::Type::Text, refusal.into())
    })?;
    Ok(Message { room: room.clone(), id: id_of(key), from, text, at: Timestamp(at.max(0) as u64) })
}

#[cfg(test)]
mod tests {
    use prometheus::HistogramOpts;

    use super::*;

    #[test]
    fn only_what_somebody_wants_to_know_is_timed() {
        let (ask, readings) = mpsc::channel(3);
        for is_wanted in [true, false, true] {
            let reading: Reading = Box::new(move |_| is_wanted);
            assert!(ask.try_send(reading).is_ok());
        }
        drop(ask);
        let duration = Histogram::with_opts(HistogramOpts::new("duration", "duration")).unwrap();
        run(&mut Connection::open_in_memory().unwrap(), readings, &duration);
        assert_eq!(duration.get_sample_count(), 2);
    }
}
