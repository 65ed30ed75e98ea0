//! The thread that writes: whatever has queued while the last commit ran is the next transaction.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chassis::Failure;
use engine::names::RoomName;
use engine::{Code, Refusal, Timestamp};
use rusqlite::{Connection, ErrorCode, OptionalExtension, Transaction, params};
use tokio::sync::{mpsc, oneshot};
use tracing::{error, warn};

use super::retention::{Retention, forget_step};
use super::schema::{id_of, key};
use super::{Kept, Outcome, Post};
use crate::metrics::Metrics;

/// Messages in one transaction at most.
const BATCH: usize = 1024;
/// How long messages that came together wait for more of them. A commit costs as much as a dozen messages,
/// and what several people say at once does not end with the first read.
const GATHERING: Duration = Duration::from_micros(200);
/// How long a sender's key is remembered.
const REF_LIFE_MS: u64 = 24 * 60 * 60 * 1000;
/// Messages that may wait to be indexed before the writer does it unasked, in its idle time.
const UNINDEXED: u64 = 4096;

/// What the writer is asked to do.
#[derive(Debug)]
pub(super) enum Job {
    /// To keep a message.
    Post(Post),
    /// To bring the full-text index up to date, and say so.
    Index(oneshot::Sender<()>),
    /// To forget what is not to be kept any longer, in idle time.
    Forget,
}

/// The one who writes.
pub(super) struct Writer {
    db: Connection,
    rooms: BTreeMap<RoomName, Room>,
    /// How many messages were ever kept, in all rooms.
    turn: i64,
    unindexed: u64,
    refs_swept: Timestamp,
    retention: Retention,
    /// Whether there may be something to forget.
    is_forgetting: bool,
    metrics: Metrics,
}

#[derive(Debug, Clone, Copy)]
struct Room {
    number: i64,
    last_id: u64,
}

impl Writer {
    pub(super) fn new(db: Connection, retention: Retention, metrics: Metrics) -> Result<Self, Failure> {
        let rooms =
            load_rooms(&db).map_err(|error| Failure::fatal(format!("can't read the rooms: {error}")))?;
        let turn = last_turn(&db, &rooms)
            .map_err(|error| Failure::fatal(format!("can't read the rooms: {error}")))?;
        let refs_swept = Timestamp(0);
        Ok(Writer {
            db,
            rooms,
            turn,
            unindexed: UNINDEXED,
            refs_swept,
            retention,
            is_forgetting: true,
            metrics,
        })
    }

    /// Writes until everybody who could ask is gone, or the disk fails.
    pub(super) fn run(
        &mut self,
        mut jobs: mpsc::Receiver<Job>,
        mut on_commit: impl FnMut(Vec<(Post, Outcome)>),
    ) -> Result<(), Failure> {
        let mut waiting = Vec::with_capacity(BATCH);
        while jobs.blocking_recv_many(&mut waiting, BATCH) > 0 {
            if waiting.len() > 1 {
                gather(&mut jobs, &mut waiting);
            }
            let (posts, askers) = self.sort_out(&mut waiting);
            if !posts.is_empty() {
                let (outcomes, failure) = self.keep(&posts);
                on_commit(posts.into_iter().zip(outcomes).collect());
                if let Some(failure) = failure {
                    refuse_rest(&mut jobs, &mut on_commit);
                    return Err(failure);
                }
            }
            if !askers.is_empty() || (jobs.is_empty() && self.unindexed >= UNINDEXED) {
                self.index();
            }
            for asker in askers {
                // One that is gone needs no answer.
                let _ = asker.send(());
            }
            while self.is_forgetting && jobs.is_empty() {
                self.forget();
            }
        }
        self.close()
    }

    /// Splits what has queued into messages and requests for the index.
    fn sort_out(&mut self, waiting: &mut Vec<Job>) -> (Vec<Post>, Vec<oneshot::Sender<()>>) {
        let (mut posts, mut askers) = (Vec::with_capacity(waiting.len()), Vec::new());
        for job in waiting.drain(..) {
            match job {
                Job::Post(post) => posts.push(post),
                Job::Index(asker) => askers.push(asker),
                Job::Forget => self.is_forgetting = true,
            }
        }
        (posts, askers)
    }

    /// Commits a batch. A full disk refuses the batch and nothing else; any other error is for good: what
    /// an fsync that failed has lost can't be known (PostgreSQL's "fsyncgate"), only a restart recovers.
    fn keep(&mut self, posts: &[Post]) -> (Vec<Outcome>, Option<Failure>) {
        let all = |code, words: &'static str| posts.iter().map(|_| Err(Refusal::new(code, words))).collect();
        self.metrics.commit_batch.observe(posts.len() as f64);
        let timer = self.metrics.commit_duration.start_timer();
        let committed = self.commit(posts);
        timer.observe_duration();
        match committed {
            Ok(outcomes) => (outcomes, None),
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DiskFull) => {
                warn!(%error, messages = posts.len(), "the disk is full, nothing was kept");
                (all(Code::NoSpace, "the server's disk is full, nothing was kept"), None)
            }
            Err(error) => {
                error!(%error, "a commit failed");
                let failure = Failure::fatal(format!("history can't be written: {error}"));
                // The log may hold the batch, and whoever opens it next then finds it there.
                let words = "the server's disk failed; whether this was kept shows when it is back";
                (all(Code::Unavailable, words), Some(failure))
            }
        }
    }

    fn commit(&mut self, posts: &[Post]) -> rusqlite::Result<Vec<Outcome>> {
        let at = now();
        let transaction = self.db.transaction()?;
        if at.0.saturating_sub(self.refs_swept.0) > REF_LIFE_MS / 24 {
            sweep_refs(&transaction, at)?;
        }
        let mut rooms = BTreeMap::new();
        let mut outcomes = Vec::with_capacity(posts.len());
        for post in posts {
            self.turn += 1;
            outcomes.push(insert(&transaction, &self.rooms, &mut rooms, post, self.turn, at)?);
        }
        for room in rooms.values() {
            let mut update = transaction.prepare_cached("UPDATE rooms SET last_id = ? WHERE number = ?")?;
            update.execute(params![room.last_id as i64, room.number])?;
        }
        transaction.commit()?;
        // Only what is committed counts: after a failure the ids are given again.
        self.rooms.extend(rooms);
        self.unindexed += posts.len() as u64;
        self.refs_swept = self.refs_swept.max(at);
        Ok(outcomes)
    }

    /// Brings the full-text index up to date. Search can wait for room on the disk; messages can't.
    fn index(&mut self) {
        match self.index_all() {
            Ok(()) => self.unindexed = 0,
            Err(error) => warn!(%error, "the full-text index is behind"),
        }
    }

    fn index_all(&mut self) -> rusqlite::Result<()> {
        let transaction = self.db.transaction()?;
        let behind: Vec<(i64, i64, i64)> = transaction
            .prepare_cached("SELECT number, indexed_id, last_id FROM rooms WHERE indexed_id < last_id")?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<rusqlite::Result<_>>()?;
        for (number, indexed, last) in behind {
            transaction
                .prepare_cached("INSERT INTO words (rowid, text) SELECT key, text FROM messages WHERE key BETWEEN ? AND ?")?
                .execute([key(number, indexed as u64 + 1), key(number, last as u64)])?;
            transaction
                .prepare_cached("UPDATE rooms SET indexed_id = ? WHERE number = ?")?
                .execute([last, number])?;
        }
        transaction.commit()
    }

    /// Forgets a little of what is not to be kept.
    fn forget(&mut self) {
        self.is_forgetting = forget_step(&mut self.db, self.retention, now()).unwrap_or_else(|error| {
            warn!(%error, "old messages could not be forgotten");
            false
        });
    }

    /// Leaves one file without a write-ahead log behind.
    fn close(&mut self) -> Result<(), Failure> {
        self.db
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .map_err(|error| Failure::fatal(format!("the last checkpoint failed: {error}")))
    }
}

/// Takes in what comes within [`GATHERING`].
fn gather(jobs: &mut mpsc::Receiver<Job>, waiting: &mut Vec<Job>) {
    std::thread::sleep(GATHERING);
    while waiting.len() < BATCH
        && let Ok(job) = jobs.try_recv()
    {
        waiting.push(job);
    }
}

/// Answers whoever still waits for a writer that has failed.
fn refuse_rest(jobs: &mut mpsc::Receiver<Job>, on_commit: &mut impl FnMut(Vec<(Post, Outcome)>)) {
    jobs.close();
    while let Some(job) = jobs.blocking_recv() {
        if let Job::Post(post) = job {
            let refusal = Refusal::new(Code::Unavailable, "the server can't keep messages, nothing was kept");
            on_commit(vec![(post, Err(refusal))]);
        }
    }
}

fn load_rooms(db: &Connection) -> rusqlite::Result<BTreeMap<RoomName, Room>> {
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
fn last_turn(db: &Connection, rooms: &BTreeMap<RoomName, Room>) -> rusqlite::Result<i64> {
    let mut query = db.prepare("SELECT turn FROM messages WHERE key = ?")?;
    let mut last = 0;
    for room in rooms.values() {
        let turn = query.query_row([key(room.number, room.last_id)], |row| row.get(0)).optional()?;
        last = last.max(turn.unwrap_or(0));
    }
    Ok(last)
}

/// Keeps one message; `touched` holds the rooms as they will be once this transaction is committed.
fn insert(
    transaction: &Transaction<'_>,
    known: &BTreeMap<RoomName, Room>,
    touched: &mut BTreeMap<RoomName, Room>,
    post: &Post,
    turn: i64,
    at: Timestamp,
) -> rusqlite::Result<Outcome> {
    if let Some(outcome) = said_before(transaction, known, touched, post, at)? {
        return Ok(outcome);
    }
    let room = match touched.get_mut(&post.room) {
        Some(room) => room,
        None => {
            let room = match known.get(&post.room) {
                Some(room) => *room,
                None => create_room(transaction, &post.room)?,
            };
            touched.entry(post.room.clone()).or_insert(room)
        }
    };
    room.last_id += 1;
    let key = key(room.number, room.last_id);
    transaction
        .prepare_cached("INSERT INTO messages (key, turn, sender, text, at) VALUES (?, ?, ?, ?, ?)")?
        .execute(params![key, turn, post.from.as_str(), post.text, at.0 as i64])?;
    if let Some(reference) = &post.reference {
        transaction
            .prepare_cached("INSERT OR REPLACE INTO refs (user, ref, key, at) VALUES (?, ?, ?, ?)")?
            .execute(params![post.from.folded(), reference.as_str(), key, at.0 as i64])?;
    }
    Ok(Ok(Kept::New { id: room.last_id, at }))
}

fn create_room(transaction: &Transaction<'_>, name: &RoomName) -> rusqlite::Result<Room> {
    transaction
        .prepare_cached("INSERT INTO rooms (name, last_id, indexed_id) VALUES (?, 0, 0)")?
        .execute([name.as_str()])?;
    Ok(Room { number: transaction.last_insert_rowid(), last_id: 0 })
}

/// What the sender's key says: nothing, the same message again, or another one.
fn said_before(
    transaction: &Transaction<'_>,
    known: &BTreeMap<RoomName, Room>,
    touched: &BTreeMap<RoomName, Room>,
    post: &Post,
    at: Timestamp,
) -> rusqlite::Result<Option<Outcome>> {
    let Some(reference) = &post.reference else { return Ok(None) };
    let earliest = at.0.saturating_sub(REF_LIFE_MS) as i64;
    let found: Option<(i64, String, i64)> = transaction
        .prepare_cached(
            "SELECT m.key, m.text, m.at FROM refs r JOIN messages m ON m.key = r.key
             WHERE r.user = ? AND r.ref = ? AND r.at >= ?",
        )?
        .query_row(params![post.from.folded(), reference.as_str(), earliest], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?;
    let room = touched.get(&post.room).or_else(|| known.get(&post.room));
    Ok(found.map(|(found_key, text, said_at)| {
        let id = id_of(found_key);
        let same = text == post.text && room.is_some_and(|room| key(room.number, id) == found_key);
        if same {
            Ok(Kept::Again { id, at: Timestamp(said_at as u64) })
        } else {
            Err(Refusal::new(Code::RefReused, "this ref stands for another message"))
        }
    }))
}

fn sweep_refs(transaction: &Transaction<'_>, at: Timestamp) -> rusqlite::Result<()> {
    let earliest = at.0.saturating_sub(REF_LIFE_MS) as i64;
    transaction.prepare_cached("DELETE FROM refs WHERE at < ?")?.execute([earliest])?;
    Ok(())
}

/// The wall clock, for showing and storing.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
