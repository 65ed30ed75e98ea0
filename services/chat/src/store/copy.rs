//! A copy of the database as it is at one moment, also while another process serves it.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use chassis::Failure;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::{inspect, schema};

/// What a copy holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Copied {
    /// Messages.
    pub messages: u64,
    /// Its length.
    pub bytes: u64,
}

/// Copies the database of a folder to a file that is not there yet. Whoever serves it need not wait; the
/// write-ahead log only grows while it is read.
///
/// # Errors
/// [`Failure::Config`] for a folder without a database that this version knows, and for a file that is there
/// already or can't be made; [`Failure::Fatal`] for what fails on the way. There is no file then.
pub(crate) fn copy(data: &Path, file: &Path) -> Result<Copied, Failure> {
    let source = inspect::open_to_read(&data.join(schema::FILE))
        .map_err(|problem| Failure::config("--data", data.display(), problem))?;
    if file.symlink_metadata().is_ok() {
        return Err(is_there(file));
    }
    let partial = Partial::of(file)?;
    let copied = fill(&source, &partial.path)
        .map_err(|problem| Failure::fatal(format!("the backup failed: {problem}")))?;
    partial.finish(file)?;
    Ok(copied)
}

fn is_there(file: &Path) -> Failure {
    Failure::config("FILE", file.display(), "is there already; give a name that is free")
}

/// Copies, and looks whether the copy is sound.
fn fill(source: &Connection, path: &Path) -> Result<Copied, String> {
    let words = |error: rusqlite::Error| error.to_string();
    write(source, path).map_err(words)?;
    let copy = inspect::open_sound(path)?;
    let kept = "SELECT (SELECT count(*) FROM messages), page_count * page_size
                FROM pragma_page_count, pragma_page_size";
    let counted = copy.query_row(kept, [], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)));
    let (messages, bytes) = counted.map_err(words)?;
    Ok(Copied { messages: messages as u64, bytes: bytes as u64 })
}

/// All pages in one step are those of one moment: a copy in several steps begins again with every commit.
fn write(source: &Connection, path: &Path) -> rusqlite::Result<()> {
    let mut copy = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // A copy that does not end is thrown away, and one that does is flushed before it gets its name.
    copy.pragma_update(None, "journal_mode", "off")?;
    copy.pragma_update(None, "synchronous", "off")?;
    let busy = || rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY), None);
    match Backup::new(source, &mut copy)?.step(-1)? {
        StepResult::Done => Ok(()),
        _ => Err(busy()),
    }
}

/// What is to become the file: beside it, and gone unless it does.
struct Partial {
    path: PathBuf,
    /// It is ours while this is locked. Closing it would take SQLite's locks away, so it outlives the copying.
    lock: File,
    is_finished: bool,
}

impl Partial {
    /// What a copy that was killed has left is overwritten.
    fn of(file: &Path) -> Result<Self, Failure> {
        let mut name = OsString::from(file);
        name.push(".partial");
        let path = PathBuf::from(name);
        let unusable = |problem: String| Failure::config("FILE", file.display(), problem);
        let lock = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
        let lock =
            lock.map_err(|e| unusable(format!("can't write there: {e}; give a folder that this user owns")))?;
        let is_named =
            || lock.metadata().is_ok_and(|ours| path.metadata().is_ok_and(|now| now.ino() == ours.ino()));
        // Another may have finished, and given it its name, since it was opened.
        if lock.try_lock().is_err() || !is_named() {
            return Err(unusable("another backup is writing it".into()));
        }
        lock.set_len(0).map_err(Failure::fatal)?;
        Ok(Partial { path, lock, is_finished: false })
    }

    /// Gives it its name once all of it is on the disk.
    fn finish(mut self, file: &Path) -> Result<(), Failure> {
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::AlreadyExists => is_there(file),
            _ => Failure::fatal(format!("the backup failed: {error}")),
        };
        self.lock.sync_all().map_err(failed)?;
        rename_new(&self.path, file).map_err(failed)?;
        self.is_finished = true;
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all()).map_err(failed)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.is_finished {
            // One that stays is overwritten by the next.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Renames without overwriting, also on file systems that only know how to link without overwriting.
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS) => {
            fs::hard_link(from, to)?;
            fs::remove_file(from)
        }
        renamed => Ok(renamed?),
    }
}
