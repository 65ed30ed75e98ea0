//! The data folder: whole files and nothing else, reached through one folder handle that can't be left.
//!
//! Everything here blocks and belongs on the blocking threads. Files that are still growing are dot-files
//! at the top of the data folder, a name that no request can have: `.parlance-upload-<n>`, which go when
//! their connection goes, and `.parlance-partial-<hash>-<address>`, which wait to be resumed. A finished one is
//! flushed, renamed to its name, and the folders on the way are flushed; only then is it stored.

mod flushes;
mod folders;
mod incoming;
mod listing;
mod partials;
mod probe;
mod remove;
mod stored;
mod tags;
mod trouble;
mod verify;
mod walk;

use std::fs::File;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{fmt, fs, io};

use cap_std::fs::Dir;
use engine::file::{Admission, Limits};
use engine::{Code, Refusal};
use rustix::fs::{FlockOperation, FsWord};
use rustix::io::{Errno, ReadWriteFlags};
use tokio_util::sync::CancellationToken;
use tracing::warn;

pub(crate) use incoming::{Incoming, Receipt};
pub(crate) use partials::Resumed;
pub(crate) use stored::Stored;
pub(crate) use verify::{Finding, verify};

/// How a plain upload's temporary begins; a number follows.
const UPLOAD: &str = ".parlance-upload-";
/// How a partial upload's file begins; its key follows.
const PARTIAL: &str = ".parlance-partial-";

/// What Linux calls a tmpfs (`TMPFS_MAGIC`).
const TMPFS: FsWord = 0x0102_1994;

/// The data folder. Clones are the same folder.
#[derive(Clone)]
pub(crate) struct Store(Arc<Inner>);

struct Inner {
    root: Dir,
    /// Where the folder was when it was opened.
    path: PathBuf,
    books: Mutex<Admission>,
    /// Held while a name changes what it stands for, so that the books count every change once, and a
    /// folder is not tidied away under a file that is just being put into it. Never held over a flush.
    names: Mutex<()>,
    tags: tags::Tags,
    claims: partials::Claims,
    flushes: flushes::Flushes,
    uploads: AtomicU64,
    /// Files that were found to have other bytes at the same size and time.
    silent_changes: AtomicU64,
    /// How to read a file without waiting for the disk.
    eager: ReadWriteFlags,
    /// A flush has failed.
    failed: AtomicBool,
    /// Uploads that run are to come to an end.
    closing: CancellationToken,
}

/// What the folder holds, for those who watch it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Files stored.
    pub(crate) files: u64,
    /// Bytes of them.
    pub(crate) stored: u64,
    /// Bytes of partial uploads that wait.
    pub(crate) partial: u64,
    /// Bytes promised to uploads that run.
    pub(crate) promised: u64,
    /// Files that were found to have other bytes than before at the same size and time.
    pub(crate) silent_changes: u64,
    /// Files whose hash is known without a look at the disk.
    pub(crate) known_hashes: u64,
}

impl Store {
    /// Opens the folder, making it when it is not there, takes it for this process alone, removes what a
    /// crash left, and counts what is there. The hashes of so many files are kept in memory.
    ///
    /// # Errors
    /// What is wrong with the folder, in words.
    pub(crate) fn open(path: &Path, limits: Limits, known_hashes: usize) -> Result<Store, String> {
        fs::create_dir_all(path).map_err(unusable("made"))?;
        let folder = File::open(path).map_err(unusable("opened"))?;
        take_alone(&folder)?;
        let store = Store(Arc::new(Inner {
            eager: eager(&folder),
            root: Dir::from_std_file(folder),
            path: path.to_owned(),
            books: Mutex::new(Admission::new(limits)),
            names: Mutex::default(),
            tags: tags::Tags::new(known_hashes),
            claims: partials::Claims::default(),
            flushes: flushes::Flushes::default(),
            uploads: AtomicU64::default(),
            silent_changes: AtomicU64::default(),
            failed: AtomicBool::new(false),
            closing: CancellationToken::new(),
        }));
        store.try_writing().map_err(unusable("written"))?;
        store.sweep_uploads().map_err(unusable("cleaned"))?;
        store.recount().map_err(unusable("read"))?;
        Ok(store)
    }

    /// The books, for a moment.
    pub(crate) fn books(&self) -> MutexGuard<'_, Admission> {
        self.0.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the folder holds.
    pub(crate) fn totals(&self) -> Totals {
        let books = self.books();
        let (files, stored) = (books.files(), books.stored());
        let (partial, promised) = (books.partial(), books.promised());
        drop(books);
        let silent_changes = self.0.silent_changes.load(Ordering::Relaxed);
        Totals { files, stored, partial, promised, silent_changes, known_hashes: self.0.tags.known() as u64 }
    }

    /// Bytes that the file system has free for us.
    pub(crate) fn free(&self) -> io::Result<u64> {
        let disk = rustix::fs::fstatvfs(&self.0.root)?;
        Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
    }

    /// Whether it may take long to store a few bytes: not in memory, unless the folder is being counted.
    pub(crate) fn may_wait(&self) -> bool {
        self.waits_for_disk() || self.0.names.try_lock().is_err()
    }

    /// Whether the folder is on a disk, and not in memory.
    fn waits_for_disk(&self) -> bool {
        self.0.eager == ReadWriteFlags::NOWAIT
    }

    /// What a flush came to. Running out of space is an answer, anything else is the end of the service:
    /// the kernel reports such a failure once and may call the next flush of the same pages a success, so
    /// nothing is stored any more until a new process has read from the disk what is there.
    fn flushed(&self, flush: io::Result<()>) -> Result<(), Refusal> {
        let refusal = match flush {
            Ok(()) if !self.has_failed() => return Ok(()),
            Ok(()) => trouble::unavailable(),
            Err(error) => trouble::refusal(&error),
        };
        if refusal.code == Code::Unavailable {
            self.0.failed.store(true, Ordering::Relaxed);
        }
        Err(refusal)
    }

    /// Whether a flush has failed.
    pub(crate) fn has_failed(&self) -> bool {
        self.0.failed.load(Ordering::Relaxed)
    }

    /// Cancelled, it tells every upload that runs to come to an end. It has no hold on the folder.
    pub(crate) fn closing(&self) -> CancellationToken {
        self.0.closing.clone()
    }

    /// Whether uploads are to come to an end.
    pub(crate) fn is_closing(&self) -> bool {
        self.0.closing.is_cancelled()
    }

    fn names(&self) -> MutexGuard<'_, ()> {
        self.0.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_upload(&self) -> String {
        format!("{UPLOAD}{}", self.0.uploads.fetch_add(1, Ordering::Relaxed))
    }

    fn try_writing(&self) -> io::Result<()> {
        // Not a name of `next_upload`, which can't have been used before the sweep.
        let probe = format!("{UPLOAD}{}", u64::MAX);
        self.0.root.create(&probe)?;
        self.0.root.remove_file(&probe)
    }

    /// Removes the temporaries that an earlier process left.
    fn sweep_uploads(&self) -> io::Result<()> {
        for left in self.named(UPLOAD)? {
            if left.trim_start_matches(UPLOAD).parse::<u64>().is_ok() {
                self.0.root.remove_file(&left)?;
            }
        }
        Ok(())
    }

    /// The entries at the top of the folder that begin so.
    fn named(&self, prefix: &str) -> io::Result<Vec<String>> {
        let mut found = Vec::new();
        for entry in self.0.root.entries()? {
            if let Ok(name) = entry?.file_name().into_string()
                && name.starts_with(prefix)
            {
                found.push(name);
            }
        }
        Ok(found)
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

fn unusable(what: &str) -> impl Fn(io::Error) -> String {
    move |error| format!("can't be {what} ({error}); give a folder that this user can write to")
}

/// How to read no more of a file than is in memory. A file system that is all in memory need not be told.
fn eager(folder: &impl AsFd) -> ReadWriteFlags {
    match rustix::fs::fstatfs(folder) {
        Ok(disk) if disk.f_type == TMPFS => ReadWriteFlags::empty(),
        _ => ReadWriteFlags::NOWAIT,
    }
}

/// Two processes on one folder would sweep each other's temporaries away.
fn take_alone(folder: &impl AsFd) -> Result<(), String> {
    match rustix::fs::flock(folder, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => {
            Err("another file service is using it; stop that one, or give another folder".to_owned())
        }
        Err(error) => {
            warn!(%error, "this file system has no locks: nothing keeps a second service out of the folder");
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}
