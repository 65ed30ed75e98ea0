//! The hash that goes with a file, so that it need not be read again to be known.
//!
//! It is an extended attribute of the file, with the size and the time of the last change that it was
//! taken at: a file that was edited by hand no longer fits its tag and is hashed anew. Where the file
//! system has no such attributes, a bounded table in memory stands in.

use std::collections::{BTreeMap, VecDeque};
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::sync::{Mutex, PoisonError};

use engine::file::Hash;
use rustix::fs::XattrFlags;

const ATTRIBUTE: &str = "user.parlance.blake3";
/// Longer than any tag: 64 hex digits, a size, seconds and nanoseconds.
const LONGEST: usize = 160;
/// Files that the table in memory knows at most, at about 100 bytes each.
const REMEMBERED: usize = 65_536;

/// What a file's bytes can't change without, short of somebody turning back the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    size: u64,
    secs: i64,
    nanos: i64,
}

impl Stamp {
    pub(super) fn of(meta: &Metadata) -> Self {
        Stamp { size: meta.size(), secs: meta.mtime(), nanos: meta.mtime_nsec() }
    }
}

/// Reads and writes tags.
#[derive(Debug, Default)]
pub(super) struct Tags {
    memory: Mutex<Memory>,
}

impl Tags {
    /// The hash of a file as it is now, when it is known.
    pub(super) fn read(&self, file: &File, meta: &Metadata) -> Option<Hash> {
        let stamp = Stamp::of(meta);
        attribute(file, stamp).or_else(|| self.memory().recall(meta, stamp))
    }

    /// Ties a hash to a file as it is now.
    pub(super) fn write(&self, file: &File, meta: &Metadata, hash: Hash) {
        let Stamp { size, secs, nanos } = Stamp::of(meta);
        let tag = format!("{hash} {size} {secs}.{nanos}");
        if rustix::fs::fsetxattr(file, ATTRIBUTE, tag.as_bytes(), XattrFlags::empty()).is_err() {
            self.memory().remember(meta, hash);
        }
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The hash of all bytes of a file, read from its beginning.
pub(super) fn hash_bytes(file: &File) -> io::Result<blake3::Hasher> {
    let mut hasher = blake3::Hasher::new();
    io::Seek::rewind(&mut &*file)?;
    hasher.update_reader(file)?;
    Ok(hasher)
}

fn attribute(file: &File, stamp: Stamp) -> Option<Hash> {
    let mut value = [0; LONGEST];
    let len = rustix::fs::fgetxattr(file, ATTRIBUTE, &mut value).ok()?;
    let tag = std::str::from_utf8(&value[..len]).ok()?;
    let (hash, rest) = tag.split_once(' ')?;
    let Stamp { size, secs, nanos } = stamp;
    if rest != format!("{size} {secs}.{nanos}") {
        return None;
    }
    Hash::from_hex(hash).ok()
}

/// Hashes by device and inode; the oldest goes first.
#[derive(Debug, Default)]
struct Memory {
    known: BTreeMap<(u64, u64), (Stamp, Hash)>,
    order: VecDeque<(u64, u64)>,
}

impl Memory {
    fn recall(&self, meta: &Metadata, stamp: Stamp) -> Option<Hash> {
        let (taken, hash) = self.known.get(&(meta.dev(), meta.ino()))?;
        (*taken == stamp).then_some(*hash)
    }

    fn remember(&mut self, meta: &Metadata, hash: Hash) {
        let file = (meta.dev(), meta.ino());
        if self.known.insert(file, (Stamp::of(meta), hash)).is_none() {
            self.order.push_back(file);
        }
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_tag_holds_until_the_file_changes() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"abc").unwrap();
        let tags = Tags::default();
        let hash = blake3::hash(b"abc");
        assert_eq!(tags.read(&file, &file.metadata().unwrap()), None);
        tags.write(&file, &file.metadata().unwrap(), hash);
        assert_eq!(tags.read(&file, &file.metadata().unwrap()), Some(hash));
        file.write_all(b"d").unwrap();
        assert_eq!(tags.read(&file, &file.metadata().unwrap()), None);
    }

    #[test]
    fn memory_stands_in_and_is_bounded() {
        let mut file = tempfile::tempfile().unwrap();
        let mut memory = Memory::default();
        let meta = file.metadata().unwrap();
        memory.remember(&meta, blake3::hash(b""));
        memory.remember(&meta, blake3::hash(b""));
        assert_eq!(memory.recall(&meta, Stamp::of(&meta)), Some(blake3::hash(b"")));
        assert_eq!(memory.order.len(), 1, "one file is one entry");
        file.write_all(b"x").unwrap();
        let meta = file.metadata().unwrap();
        assert_eq!(memory.recall(&meta, Stamp::of(&meta)), None);
    }
}
