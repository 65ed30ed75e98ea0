//! Where the database is, and what is in it.

use std::ffi::c_int;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use chassis::Failure;
use rusqlite::hooks::Wal;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::{Sync, inspect};

/// The version of the tables below, kept in `PRAGMA user_version`. A newer one is refused.
pub(super) const VERSION: i64 = 1;
/// Marks the file as ours (`PRAGMA application_id`): "Parl".
pub(super) const APPLICATION_ID: i64 = 0x5061_726c;

/// What it is called in its folder.
pub(super) const FILE: &str = "chat.db";

/// The write-ahead log is brought into the database once it has so many pages.
const LOG_PAGES: c_int = 1000;

/// `messages.key` is the room's number in the high bits and the message's id in the low 40, so that a
/// room's messages lie together in the order of their ids, in one tree. `turn` rises by message across all
/// rooms: clocks jump, and many messages share a millisecond.
const TABLES: &str = "
CREATE TABLE rooms (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    last_id INTEGER NOT NULL,
    indexed_id INTEGER NOT NULL
);
CREATE TABLE messages (
    key INTEGER PRIMARY KEY,
    turn INTEGER NOT NULL,
    sender TEXT NOT NULL,
    text TEXT NOT NULL,
    at INTEGER NOT NULL
);
CREATE TABLE refs (
    user TEXT NOT NULL,
    ref TEXT NOT NULL,
    key INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (user, ref)
) WITHOUT ROWID;
CREATE INDEX refs_by_age ON refs (at);
CREATE VIRTUAL TABLE words USING fts5(text, content='messages', content_rowid='key');
";

/// A room's number and a message's id as one key.
pub(super) fn key(room: i64, id: u64) -> i64 {
    (room << ID_BITS) | id as i64
}

/// The id in a key.
pub(super) fn id_of(key: i64) -> u64 {
    (key & MAX_ID as i64) as u64
}

const ID_BITS: u32 = 40;
/// The largest id that a room can reach.
pub(super) const MAX_ID: u64 = (1 << ID_BITS) - 1;

/// Where a database is. It is ours alone while this lives.
#[derive(Debug)]
pub(super) struct Location {
    sync: Sync,
    path: PathBuf,
    /// Two writers on one database would each give the same ids; dropping the file gives the lock back.
    _lock: Option<File>,
}

impl Location {
    /// The database in a folder, which is made where it is missing; with [`Sync::Off`] one in memory.
    pub(super) fn of(data: &Path, sync: Sync) -> Result<Self, Failure> {
        if sync == Sync::Off {
            static NEXT: AtomicU64 = AtomicU64::new(0);
            let name = format!("/parlance-chat-{}", NEXT.fetch_add(1, Ordering::Relaxed));
            return Ok(Location { sync, path: name.into(), _lock: None });
        }
        let unusable = |problem: String| Failure::config("--data", data.display(), problem);
        fs::create_dir_all(data)
            .map_err(|e| unusable(format!("can't make the folder: {e}; give one that this user may make")))?;
        let lock = File::create(data.join("chat.lock"))
            .map_err(|e| unusable(format!("can't write there: {e}; give a folder that this user owns")))?;
        lock.try_lock().map_err(|_| unusable("another chat service uses this folder".into()))?;
        Ok(Location { sync, path: data.join(FILE), _lock: Some(lock) })
    }

    /// The connection that writes: tables made, durability as wanted and read back.
    pub(super) fn open_writer(&self) -> Result<Connection, Failure> {
        self.try_open_writer().map_err(|problem| self.unusable(&problem))
    }

    fn try_open_writer(&self) -> Result<Connection, String> {
        // A connection that may write changes things by coming and going: none before it is known whose they
        // are.
        let is_new = self.sync == Sync::Off || inspect::is_new(&self.path)?;
        let mut db = self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
        self.set_durability(&db)?;
        db.wal_hook(Some(checkpoint)).map_err(words)?;
        if is_new {
            create(&mut db).map_err(words)?;
        }
        Ok(db)
    }

    /// A connection that only reads.
    pub(super) fn open_reader(&self) -> Result<Connection, Failure> {
        self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE)
            .and_then(|db| db.pragma_update(None, "query_only", true).map(|()| db).map_err(words))
            .map_err(|problem| self.unusable(&problem))
    }

    fn connect(&self, how: OpenFlags) -> Result<Connection, String> {
        let flags = how | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
        let db = match self.sync {
            Sync::Off => {
                Connection::open_with_flags(format!("file:{}?vfs=memdb", self.path.display()), flags)
            }
            _ => Connection::open_with_flags(&self.path, flags),
        };
        let db = db.map_err(words)?;
        db.busy_timeout(inspect::PATIENCE).map_err(words)?;
        db.set_prepared_statement_cache_capacity(64);
        Ok(db)
    }

    fn set_durability(&self, db: &Connection) -> Result<(), String> {
        let (journal, synchronous) = match self.sync {
            Sync::Full => ("wal", 2),
            Sync::Normal => ("wal", 1),
            Sync::Off => ("memory", 0),
        };
        let set =
            |name: &str| db.pragma_query_value(None, name, |row| row.get::<_, String>(0)).map_err(words);
        db.pragma_update(None, "journal_mode", journal).map_err(words)?;
        db.pragma_update(None, "synchronous", synchronous).map_err(words)?;
        let journal_now = set("journal_mode")?;
        let synchronous_now: i64 =
            db.pragma_query_value(None, "synchronous", |row| row.get(0)).map_err(words)?;
        if journal_now != journal || synchronous_now != synchronous {
            return Err(format!(
                "the database stays at journal_mode={journal_now} synchronous={synchronous_now}"
            ));
        }
        Ok(())
    }

    fn unusable(&self, problem: &str) -> Failure {
        Failure::config("--data", self.path.display(), problem)
    }
}

/// Checkpoints as SQLite does by itself, but does not keep it to itself when the disk fails: what a flush that
/// failed has lost can't be known. The commit before it fails with it, though it holds.
fn checkpoint(log: &mut Wal, pages: c_int) -> rusqlite::Result<()> {
    if pages < LOG_PAGES {
        return Ok(());
    }
    log.checkpoint().or_else(|error| match error.sqlite_error_code() {
        // The log keeps what the database has no room for, or what somebody else looks at.
        Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Ok(()),
        _ => Err(error),
    })
}

fn create(db: &mut Connection) -> rusqlite::Result<()> {
    let transaction = db.transaction()?;
    transaction.execute_batch(TABLES)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.commit()
}

fn words(error: rusqlite::Error) -> String {
    error.to_string()
}
