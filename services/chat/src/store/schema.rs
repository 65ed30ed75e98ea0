//! Where the database is, and what is in it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chassis::Failure;
use rusqlite::{Connection, OpenFlags};

use super::checkpoint::Side;
use super::inspect::Found;
use super::upgrade::upgrade;
use super::{Sync, inspect};

/// The version of the tables below, kept in `PRAGMA user_version`. A newer one is refused.
pub(super) const VERSION: i64 = 2;
/// Marks the file as ours (`PRAGMA application_id`): "Parl".
pub(super) const APPLICATION_ID: i64 = 0x5061_726c;

/// What it is called in its folder.
pub(crate) const FILE: &str = "chat.db";
/// What SQLite calls its write-ahead log.
pub(crate) const LOG: &str = "chat.db-wal";
/// The length that the log is cut to when it begins anew.
const LOG_BYTES: i64 = 16 << 20;
/// What the writer keeps in memory, at most; a negative number is of KiB. The last pages of many rooms and of many
/// senders' keys are all to be had there, for each message changes some of them.
const CACHE_KIB: i64 = -16 * 1024;
/// The longest that SQLite can wait: 24 days.
const FOREVER: Duration = Duration::from_millis(i32::MAX as u64);

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
CREATE VIRTUAL TABLE words USING fts5(text, content='messages', content_rowid='key');
";

/// `digest` stands for the text, which a key outlives when retention removes the message before its day is over.
pub(super) const REFS: &str = "
CREATE TABLE refs (
    user TEXT NOT NULL,
    ref TEXT NOT NULL,
    key INTEGER NOT NULL,
    at INTEGER NOT NULL,
    digest BLOB NOT NULL,
    PRIMARY KEY (user, ref)
) WITHOUT ROWID;
CREATE INDEX refs_by_age ON refs (at);
";

/// The full-text index is merged by the writer, when there is time, and not within a commit.
pub(super) const SETTINGS: &str = "INSERT INTO words (words, rank) VALUES ('automerge', 0);";

/// A room's number and a message's id as one key.
pub(super) fn key(room: i64, id: u64) -> i64 {
    (room << ID_BITS) | id as i64
}

/// The id in a key.
pub(super) fn id_of(key: i64) -> u64 {
    (key & MAX_ID as i64) as u64
}

/// The number of the room in a key.
pub(super) fn room_of(key: i64) -> i64 {
    key >> ID_BITS
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
    /// See [`Side::file`].
    file: Option<Arc<File>>,
}

/// How much the database takes, in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    /// What is in it.
    pub(super) used: i64,
    /// What was in it, and is used again before it grows.
    pub(super) free: i64,
    /// The write-ahead log beside it.
    pub(super) log: i64,
}

impl Size {
    /// As it is now; a database in memory has no folder.
    pub(super) fn of(db: &Connection, folder: Option<&Path>) -> rusqlite::Result<Self> {
        let number = |name: &str| db.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        let (page, free) = (number("page_size")?, number("freelist_count")?);
        let log = folder.and_then(|folder| folder.join(LOG).metadata().ok());
        Ok(Size {
            used: (number("page_count")? - free) * page,
            free: free * page,
            log: log.map_or(0, |log| log.len() as i64),
        })
    }
}

impl Location {
    /// The database in a folder, which is made where it is missing; with [`Sync::Off`] one in memory.
    pub(super) fn of(data: &Path, sync: Sync) -> Result<Self, Failure> {
        if sync == Sync::Off {
            static NEXT: AtomicU64 = AtomicU64::new(0);
            let name = format!("/parlance-chat-{}", NEXT.fetch_add(1, Ordering::Relaxed));
            return Ok(Location { sync, path: name.into(), _lock: None, file: None });
        }
        let unusable = |problem: String| Failure::config("--data", data.display(), problem);
        fs::create_dir_all(data)
            .map_err(|e| unusable(format!("can't make the folder: {e}; give one that this user may make")))?;
        let lock = File::create(data.join("chat.lock"))
            .map_err(|e| unusable(format!("can't write there: {e}; give a folder that this user owns")))?;
        lock.try_lock().map_err(|_| unusable("another chat service uses this folder".into()))?;
        Ok(Location { sync, path: data.join(FILE), _lock: Some(lock), file: None })
    }

    /// The connection that writes: tables made, durability as wanted and read back.
    pub(super) fn open_writer(&self) -> Result<Connection, Failure> {
        self.try_open_writer().map_err(|problem| self.unusable(&problem))
    }

    fn try_open_writer(&self) -> Result<Connection, String> {
        // A connection that may write changes things by coming and going: none before it is known whose they
        // are.
        let found = if self.sync == Sync::Off { Found::Nothing } else { inspect::look(&self.path)? };
        let mut db = self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
        self.set_durability(&db)?;
        db.pragma_update(None, "wal_autocheckpoint", 0).map_err(words)?;
        db.pragma_update(None, "cache_size", CACHE_KIB).map_err(words)?;
        // After a long look at it by somebody else the log is not to stay large.
        db.pragma_update(None, "journal_size_limit", LOG_BYTES).map_err(words)?;
        match found {
            Found::Nothing => create(&mut db),
            Found::Earlier(version) => upgrade(&mut db, version),
            Found::Ours => Ok(()),
        }
        .map_err(words)?;
        Ok(db)
    }

    /// A connection that only reads.
    pub(super) fn open_reader(&self) -> Result<Connection, Failure> {
        self.open_beside()
            .and_then(|db| db.pragma_update(None, "query_only", true).map(|()| db).map_err(words))
            .map_err(|problem| self.unusable(&problem))
    }

    /// What a thread needs to checkpoint; nothing in memory, where there is no log.
    pub(super) fn open_side(&mut self) -> Result<Option<Side>, Failure> {
        if self.sync == Sync::Off {
            return Ok(None);
        }
        let db = self.open_beside().map_err(|problem| self.unusable(&problem))?;
        let file = File::open(&self.path).map_err(|error| self.unusable(&error.to_string()))?;
        let file = Arc::new(file);
        self.file = Some(file.clone());
        Ok(Some(Side { db, file }))
    }

    /// Where it is on a disk.
    pub(super) fn folder(&self) -> Option<PathBuf> {
        if self.sync == Sync::Off { None } else { self.path.parent().map(Path::to_owned) }
    }

    /// How durable it is.
    pub(super) fn sync(&self) -> Sync {
        self.sync
    }

    /// A connection beside the writer's. It opens the log only as it reads for the first time: before, it has
    /// nothing to bring in, and later there may be no descriptor left for it.
    fn open_beside(&self) -> Result<Connection, String> {
        let db = self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        db.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())).map_err(words)?;
        Ok(db)
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
        db.busy_timeout(self.patience()).map_err(words)?;
        db.set_prepared_statement_cache_capacity(64);
        Ok(db)
    }

    /// How long to wait for whoever has it locked: that is another process or, in memory, where whoever reads locks
    /// it too, one of our own threads, which will be done.
    fn patience(&self) -> Duration {
        if self.sync == Sync::Off { FOREVER } else { inspect::PATIENCE }
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

fn create(db: &mut Connection) -> rusqlite::Result<()> {
    let transaction = db.transaction()?;
    [TABLES, REFS, SETTINGS].iter().try_for_each(|part| transaction.execute_batch(part))?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.commit()
}

fn words(error: rusqlite::Error) -> String {
    error.to_string()
}
