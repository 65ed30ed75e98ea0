//! The hash that goes with a file, so that it need not be read again to be known.
//!
//! It is an extended attribute of the file, with what the file was when it was taken: a file that was
//! edited by hand no longer fits its tag and is hashed anew. Where the file system has no such attributes,
//! the bounded table in memory that stands in front of them stands alone.
//!
//! Whoever edits a file and then puts its size and its time back as they were still moves the inode's own
//! time of change, which nobody can set. It is a part of the stamp. To write the attribute moves it too, so
//! an attribute holds for [`SETTLING`] after the moment it was written at.

use std::collections::{HashMap, VecDeque};
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use engine::file::Hash;
use rustix::fs::XattrFlags;

const ATTRIBUTE: &str = "user.parlance.blake3";
/// Longer than any tag: 64 hex digits, a size, two times of seconds and nanoseconds.
const LONGEST: usize = 192;
/// How long after its tag an inode may still be changed by what we do to it ourselves.
const SETTLING: Duration = Duration::from_secs(1);

/// What a file's bytes can't change without, short of somebody turning back the clock of the machine or
/// writing to the disk behind the file system's back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    size: u64,
    /// When the bytes were changed, in seconds and nanoseconds; anybody may set it.
    modified: (i64, i64),
    /// When anything about the file was changed.
    changed: (i64, i64),
}

impl Stamp {
    pub(super) fn of(meta: &Metadata) -> Self {
        Stamp {
            size: meta.size(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        }
    }

    /// Whether anybody who looks at the size and the time of a file would take both for the same.
    pub(super) fn looks_like(&self, other: &Stamp) -> bool {
        (self.size, self.modified) == (other.size, other.modified)
    }
}

/// What is known about the hash of a file as it is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// It is this.
    Hash(Hash),
    /// It was this. Size and time are as they were, but somebody has changed something since.
    Perhaps(Hash),
    /// Nothing.
    Nothing,
}

/// Reads and writes tags.
#[derive(Debug)]
pub(super) struct Tags {
    memory: Mutex<Memory>,
}

impl Tags {
    /// With a table in memory that knows so many files at most.
    pub(super) fn new(most: usize) -> Self {
        Tags { memory: Mutex::new(Memory::new(most)) }
    }

    /// The hash of a file as it is now, as far as it is known.
    pub(super) fn read(&self, file: &File, meta: &Metadata) -> Known {
        // Memory knows the very moment at which the file was last tagged or looked at, an attribute does not.
        let remembered = self.memory().says(meta);
        if remembered != Known::Nothing {
            return remembered;
        }
        let known = attribute(file).map_or(Known::Nothing, |tag| tag.says(Stamp::of(meta)));
        if let Known::Hash(hash) = known {
            self.memory().remember(meta, hash);
        }
        known
    }

    /// The hash of a file as it is now, when it is known without a look at the disk.
    pub(super) fn recall(&self, meta: &Metadata) -> Option<Hash> {
        match self.memory().says(meta) {
            Known::Hash(hash) => Some(hash),
            Known::Perhaps(_) | Known::Nothing => None,
        }
    }

    /// Ties a hash to a file as it is now.
    pub(super) fn write(&self, file: &File, meta: &Metadata, hash: Hash) {
        let tagged = tag(file, Stamp::of(meta), hash);
        self.memory().remember(tagged.as_ref().unwrap_or(meta), hash);
    }

    /// How many files the table in memory knows.
    pub(super) fn known(&self) -> usize {
        self.memory().known.len()
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
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

/// The hash that a file of this size and time was stored with.
pub(super) fn tagged(file: &File, meta: &Metadata) -> Option<Hash> {
    let tag = attribute(file).filter(|tag| tag.stamp.looks_like(&Stamp::of(meta)))?;
    Some(tag.hash)
}

/// What the attribute says: `<hash> <size> <modified> <changed>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tag {
    hash: Hash,
    /// The file just before it was tagged.
    stamp: Stamp,
}

impl Tag {
    fn encode(&self) -> String {
        let Stamp { size, modified, changed } = self.stamp;
        format!("{} {size} {}.{} {}.{}", self.hash, modified.0, modified.1, changed.0, changed.1)
    }

    fn decode(written: &str) -> Option<Self> {
        let mut words = written.split(' ');
        let hash = Hash::from_hex(words.next()?).ok()?;
        let size = words.next()?.parse().ok()?;
        let (modified, changed) = (moment(words.next()?)?, moment(words.next()?)?);
        Some(Tag { hash, stamp: Stamp { size, modified, changed } })
    }

    /// What it says about a file that is like this now.
    fn says(&self, now: Stamp) -> Known {
        if !self.stamp.looks_like(&now) {
            return Known::Nothing;
        }
        let nanos = |(secs, nanos): (i64, i64)| i128::from(secs) * 1_000_000_000 + i128::from(nanos);
        let since = nanos(now.changed) - nanos(self.stamp.changed);
        let settled = (0..=SETTLING.as_nanos().cast_signed()).contains(&since);
        if settled { Known::Hash(self.hash) } else { Known::Perhaps(self.hash) }
    }
}

fn moment(written: &str) -> Option<(i64, i64)> {
    let (secs, nanos) = written.split_once('.')?;
    Some((secs.parse().ok()?, nanos.parse().ok()?))
}

/// The tag of a file, whatever has become of the file since.
fn attribute(file: &File) -> Option<Tag> {
    let mut value = [0; LONGEST];
    let len = rustix::fs::fgetxattr(file, ATTRIBUTE, &mut value).ok()?;
    Tag::decode(std::str::from_utf8(&value[..len]).ok()?)
}

/// Writes the tag of a file, and says what the file is then; `None` where that can't be done. The first
/// writing may move the time of change by years; the second is close behind it.
fn tag(file: &File, mut stamp: Stamp, hash: Hash) -> Option<Metadata> {
    for _ in 0..2 {
        let tag = Tag { hash, stamp };
        rustix::fs::fsetxattr(file, ATTRIBUTE, tag.encode().as_bytes(), XattrFlags::empty()).ok()?;
        let tagged = file.metadata().ok()?;
        if tag.says(Stamp::of(&tagged)) == Known::Hash(hash) {
            return Some(tagged);
        }
        stamp.changed = Stamp::of(&tagged).changed;
    }
    None
}

/// Hashes by device and inode; the oldest goes first.
#[derive(Debug)]
struct Memory {
    known: HashMap<(u64, u64), (Stamp, Hash)>,
    order: VecDeque<(u64, u64)>,
    most: usize,
}

impl Memory {
    fn new(most: usize) -> Self {
        Memory { known: HashMap::new(), order: VecDeque::new(), most }
    }

    fn says(&self, meta: &Metadata) -> Known {
        let now = Stamp::of(meta);
        match self.known.get(&(meta.dev(), meta.ino())) {
            Some((taken, hash)) if *taken == now => Known::Hash(*hash),
            Some((taken, hash)) if taken.looks_like(&now) => Known::Perhaps(*hash),
            _ => Known::Nothing,
        }
    }

    fn remember(&mut self, meta: &Metadata, hash: Hash) {
        let file = (meta.dev(), meta.ino());
        if self.known.insert(file, (Stamp::of(meta), hash)).is_none() {
            self.order.push_back(file);
        }
        if self.order.len() > self.most
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::FileTimes;
    use std::io::Write;
    use std::os::unix::fs::FileExt;

    use super::*;

    #[test]
    fn a_tag_holds_until_the_file_changes() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"abc").unwrap();
        let hash = blake3::hash(b"abc");
        let tags = Tags::new(1);
        assert_eq!(tags.read(&file, &file.metadata().unwrap()), Known::Nothing);
        tags.write(&file, &file.metadata().unwrap(), hash);
        for tags in [&tags, &Tags::new(1)] {
            assert_eq!(tags.read(&file, &file.metadata().unwrap()), Known::Hash(hash));
            assert_eq!(tags.recall(&file.metadata().unwrap()), Some(hash), "once it was read");
        }
        file.write_all(b"d").unwrap();
        assert_eq!(tags.read(&file, &file.metadata().unwrap()), Known::Nothing);
    }

    #[test]
    fn whoever_puts_the_time_back_has_changed_the_file_all_the_same() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"abc").unwrap();
        let tags = Tags::new(1);
        let before = file.metadata().unwrap();
        tags.write(&file, &before, blake3::hash(b"abc"));
        file.write_all_at(b"x", 0).unwrap();
        file.set_times(FileTimes::new().set_modified(before.modified().unwrap())).unwrap();
        let after = file.metadata().unwrap();
        assert!(Stamp::of(&after).looks_like(&Stamp::of(&before)));
        assert_eq!(tags.read(&file, &after), Known::Perhaps(blake3::hash(b"abc")));
    }

    #[test]
    fn an_attribute_holds_for_the_changes_that_come_with_it() {
        let stamp = Stamp { size: 3, modified: (5, 0), changed: (7, 999_999_999) };
        let hash = blake3::hash(b"abc");
        let tag = Tag { hash, stamp };
        assert_eq!(Tag::decode(&tag.encode()), Some(tag));
        let says = |changed| tag.says(Stamp { changed, ..stamp });
        assert_eq!([says((7, 999_999_999)), says((8, 999_999_999))], [Known::Hash(hash); 2]);
        assert_eq!([says((9, 0)), says((7, 0))], [Known::Perhaps(hash); 2]);
        assert_eq!(tag.says(Stamp { size: 4, ..stamp }), Known::Nothing);
        assert_eq!(tag.says(Stamp { modified: (5, 1), ..stamp }), Known::Nothing);
    }

    #[test]
    fn a_file_that_has_been_there_for_long_is_tagged_once() {
        let file = tempfile::tempfile().unwrap();
        let hash = blake3::hash(b"");
        let long_ago = Stamp { changed: (1, 0), ..Stamp::of(&file.metadata().unwrap()) };
        let tagged = tag(&file, long_ago, hash).unwrap();
        assert_eq!(Stamp::of(&tagged), Stamp::of(&file.metadata().unwrap()));
        assert_eq!(Tags::new(1).read(&file, &tagged), Known::Hash(hash));
    }

    #[test]
    fn memory_is_bounded() {
        let mut file = tempfile::tempfile().unwrap();
        let mut memory = Memory::new(1);
        let meta = file.metadata().unwrap();
        memory.remember(&meta, blake3::hash(b""));
        memory.remember(&meta, blake3::hash(b""));
        assert_eq!(memory.says(&meta), Known::Hash(blake3::hash(b"")));
        assert_eq!(memory.order.len(), 1, "one file is one entry");
        file.write_all(b"x").unwrap();
        assert_eq!(memory.says(&file.metadata().unwrap()), Known::Nothing);
        let other = tempfile::tempfile().unwrap().metadata().unwrap();
        memory.remember(&other, blake3::hash(b""));
        assert_eq!(
            [memory.says(&meta), memory.says(&other)],
            [Known::Nothing, Known::Hash(blake3::hash(b""))]
        );
        assert_eq!((memory.known.len(), memory.order.len()), (1, 1), "the oldest made room");
    }
}
