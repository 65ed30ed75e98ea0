//! Whether a database may be used, found out without writing: neither to its file, nor to the logs that a
//! process which was killed has left beside it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::schema::{APPLICATION_ID, VERSION};

/// How long another process may keep the database locked.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// Whose a database is.
#[derive(Debug, PartialEq, Eq)]
enum Owner {
    Nobody,
    Us,
    /// A chat of this earlier version.
    Earlier(i64),
    /// A chat of this later version.
    Later(i64),
    Another,
}

/// What is there to be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The database is still to be made.
    Nothing,
    /// One of an earlier version, to be upgraded.
    Earlier(i64),
    /// One of this version.
    Ours,
}

/// Whether a database can be used, or the words why not; what SQLite itself fails at is outside.
type Verdict = rusqlite::Result<Result<Found, String>>;

/// Looks for a database that this version can use.
///
/// # Errors
/// Why it can't be used.
pub(super) fn look(path: &Path) -> Result<Found, String> {
    // SQLite keeps its logs beside the file that a link leads to.
    let path = &path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let has_log = has_frames(&beside(path, "-wal"));
    // To SQLite a file of one byte is empty too, and it throws away the log of an empty one.
    if length(path) <= 1 {
        let problem = "the database is gone or empty, but its write-ahead log is there; restore a backup";
        return if has_log { Err(problem.into()) } else { Ok(Found::Nothing) };
    }
    let verdict = if length(&beside(path, "-journal")) > 0 {
        rolled_back(path)
    } else if has_log {
        with_log(path)
    } else {
        open(path, OpenFlags::SQLITE_OPEN_READ_ONLY, "immutable=1").and_then(|db| judge(&db))
    };
    verdict.map_err(words).flatten()
}

/// Opens a database that another process may be serving, only to read it.
///
/// # Errors
/// Why it can't be read.
pub(super) fn open_to_read(path: &Path) -> Result<Connection, String> {
    let path = &path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let nothing = || "there is no database in it; give the folder that chat serves".to_owned();
    if length(path) <= 1 {
        return Err(nothing());
    }
    let db = open(path, OpenFlags::SQLITE_OPEN_READ_ONLY, "mode=ro").map_err(words)?;
    match usable(owner(&db).map_err(words)?)? {
        Found::Nothing => Err(nothing()),
        Found::Earlier(_) | Found::Ours => Ok(db),
    }
}

/// Opens a database that nobody serves, only to read it, once nothing wrong has been found with it.
///
/// # Errors
/// What is wrong with it.
pub(super) fn open_sound(path: &Path) -> Result<Connection, String> {
    let db = open(path, OpenFlags::SQLITE_OPEN_READ_ONLY, "immutable=1").map_err(words)?;
    judge(&db).map_err(words)?.map(|_| db)
}

/// Judges what the file and its write-ahead log make together. SQLite wants to see the log's index, if only
/// an empty one; where it may not write it, it makes its own in memory.
fn with_log(path: &Path) -> Verdict {
    let index = beside(path, "-shm");
    let is_missing = File::create_new(&index).is_ok();
    let verdict =
        open(path, OpenFlags::SQLITE_OPEN_READ_ONLY, "mode=ro&readonly_shm=1").and_then(|db| judge(&db));
    if is_missing {
        // An index that stays behind is empty, and does no harm.
        let _ = fs::remove_file(index);
    }
    match verdict {
        // Another process has the database open and keeps the index.
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::ReadOnly) => written(path),
        verdict => verdict,
    }
}

/// Judges a database that was left in the middle of a transaction, which only a connection that writes can
/// roll back; whose it is shows before.
fn rolled_back(path: &Path) -> Verdict {
    let found = open(path, OpenFlags::SQLITE_OPEN_READ_ONLY, "immutable=1").and_then(|db| owner(&db));
    match found {
        Ok(owner @ (Owner::Later(_) | Owner::Another)) => Ok(usable(owner)),
        // What can't be read yet may be whole again after the roll back.
        _ => written(path),
    }
}

/// Judges a database as a connection sees it that may write, and does not tidy up.
fn written(path: &Path) -> Verdict {
    let db = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE, "mode=rw")?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    judge(&db)
}

fn judge(db: &Connection) -> Verdict {
    let found = match usable(owner(db)?) {
        Ok(found) => found,
        refused => return Ok(refused),
    };
    Ok(first_wrong(db)?.map_or(Ok(found), |wrong| Err(corrupt(&wrong))))
}

/// Looks through all tables and their indexes. Asked about everything at once, SQLite would also work out the
/// whole full-text index anew from its own pages, which takes longer than all the rest.
fn first_wrong(db: &Connection) -> rusqlite::Result<Option<String>> {
    let mut tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0")?;
    for table in tables.query_map([], |row| row.get::<_, String>(0))? {
        let quick_check = "SELECT quick_check FROM pragma_quick_check(?)";
        let said: String = db.query_row(quick_check, [table?], |row| row.get(0))?;
        // Above what is wrong stands in which database it is.
        let wrong = said.lines().last().unwrap_or_default();
        if wrong != "ok" {
            return Ok(Some(wrong.to_owned()));
        }
    }
    Ok(None)
}

/// Whose a database is. A later version may have tables that this SQLite can't even read.
fn owner(db: &Connection) -> rusqlite::Result<Owner> {
    let number = |name: &str| db.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    Ok(match (number("user_version")?, number("application_id")?) {
        (VERSION, APPLICATION_ID) => Owner::Us,
        (version, APPLICATION_ID) if version > VERSION => Owner::Later(version),
        (version @ 1.., APPLICATION_ID) => Owner::Earlier(version),
        (0, 0) if db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)) == Ok(0) => {
            Owner::Nobody
        }
        _ => Owner::Another,
    })
}

fn usable(owner: Owner) -> Result<Found, String> {
    match owner {
        Owner::Later(version) => Err(format!(
            "the database has version {version}, this chat knows up to {VERSION}; use a newer chat"
        )),
        Owner::Another => Err("this is another program's database; give another folder".into()),
        Owner::Nobody => Ok(Found::Nothing),
        Owner::Earlier(version) => Ok(Found::Earlier(version)),
        Owner::Us => Ok(Found::Ours),
    }
}

fn corrupt(how: &str) -> String {
    format!("the database is corrupt ({how}); restore a backup")
}

fn words(error: rusqlite::Error) -> String {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => "this is no database; move it away".into(),
        Some(ErrorCode::DatabaseCorrupt) => corrupt(&error.to_string()),
        _ => error.to_string(),
    }
}

fn open(path: &Path, access: OpenFlags, how: &str) -> rusqlite::Result<Connection> {
    let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let db = Connection::open_with_flags(uri(path, how), flags)?;
    db.busy_timeout(PATIENCE)?;
    Ok(db)
}

/// A path and parameters as SQLite takes them (<https://sqlite.org/uri.html>).
fn uri(path: &Path, parameters: &str) -> PathBuf {
    let mut uri = b"file:".to_vec();
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'%' => uri.extend(b"%25"),
            b'?' => uri.extend(b"%3f"),
            b'#' => uri.extend(b"%23"),
            _ => uri.push(*byte),
        }
    }
    uri.push(b'?');
    uri.extend(parameters.as_bytes());
    OsString::from_vec(uri).into()
}

/// Whether a write-ahead log can hold something: there is more than its header, and that is one
/// (<https://sqlite.org/fileformat2.html#walformat>). SQLite takes any other for empty, but a connection that
/// can't write waits for somebody to mend it.
fn has_frames(log: &Path) -> bool {
    let mut header = [0; 33];
    let read = File::open(log).and_then(|mut log| log.read_exact(&mut header));
    read.is_ok() && matches!(header, [0x37, 0x7f, 0x06, 0x82 | 0x83, ..])
}

/// A file of SQLite's beside the database.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// A file's length, 0 where there is none.
fn length(path: &Path) -> u64 {
    path.metadata().map_or(0, |file| file.len())
}
