//! A stored file, open for reading.

use std::fs::{File, Metadata};
use std::io::{self, IoSliceMut};
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::atomic::Ordering;

use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use engine::file::{Entry, FileName, Hash};
use engine::{Code, Refusal, Timestamp};
use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use rustix::io::{Errno, ReadWriteFlags};
use tracing::{debug, warn};

use super::folders::{Folders, flags};
use super::tags::{Known, Stamp, hash_bytes};
use super::{Store, trouble};

/// How files are opened: no link is followed, and a pipe or a device does not hold us up.
const READ: OFlags = OFlags::NOFOLLOW.union(OFlags::NONBLOCK).union(OFlags::NOCTTY);
/// How often a file that changes while it is hashed is hashed again.
const ATTEMPTS: usize = 3;

/// One version of a file: what was opened stays whole, whatever happens to its name.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) file: File,
    /// Bytes.
    pub(crate) size: u64,
    /// BLAKE3 of them.
    pub(crate) hash: Hash,
    modified: Timestamp,
    /// How to read only what is in memory.
    eager: ReadWriteFlags,
}

impl Stored {
    /// Fills `buf` with the bytes from `offset` on.
    ///
    /// # Errors
    /// [`io::ErrorKind::UnexpectedEof`] when the file has become shorter, cut by hand; what the disk says.
    pub(crate) fn read_exact(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buf, offset)
    }

    /// Puts a part of the file behind `bytes` when that takes no wait for the disk; whether it did.
    pub(crate) fn read_cached(&self, bytes: &mut Vec<u8>, part: Range<u64>) -> bool {
        let there = bytes.len();
        let Ok(len) = usize::try_from(part.end - part.start) else { return false };
        bytes.resize(there + len, 0);
        let room = IoSliceMut::new(&mut bytes[there..]);
        let read = rustix::io::preadv2(&self.file, &mut [room], part.start, self.eager);
        if read != Ok(len) {
            bytes.truncate(there);
        }
        read == Ok(len)
    }

    /// The file as others see it.
    pub(crate) fn entry(&self, name: FileName) -> Entry {
        Entry { size: self.size, hash: self.hash, modified: self.modified, name }
    }
}

impl Store {
    /// Opens a file; one that was put there by hand is hashed first.
    ///
    /// # Errors
    /// [`Code::NotFound`], also for what is no file; [`Code::Unavailable`].
    pub(crate) fn read(&self, name: &FileName) -> Result<Stored, Refusal> {
        let (parts, own) = name.split();
        let folders = Folders::open(&self.0.root, parts).map_err(|error| trouble::opening(&error))?;
        self.read_in(folders.last(), own)
    }

    /// Opens a file about which everything is in memory, so that nothing waits for the disk. `None` also for
    /// what is out of the ordinary: [`Store::read`] finds out what it is.
    pub(crate) fn read_cached(&self, name: &FileName) -> Option<Stored> {
        // One step from the folder's handle to the file: the kernel sees to it that no link leads away.
        let way = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::CACHED;
        let how = READ | OFlags::RDONLY | OFlags::CLOEXEC;
        let file = File::from(openat2(&self.0.root, name.as_str(), how, Mode::empty(), way).ok()?);
        let meta = file.metadata().ok().filter(Metadata::is_file)?;
        let hash = self.0.tags.recall(&meta).or_else(|| self.tag_in_memory(&file, &meta))?;
        Some(self.stored(file, &meta, hash))
    }

    /// The hash that the file's tag says where even that is in memory.
    fn tag_in_memory(&self, file: &File, meta: &Metadata) -> Option<Hash> {
        if self.waits_for_disk() {
            return None;
        }
        match self.0.tags.read(file, meta) {
            Known::Hash(hash) => Some(hash),
            Known::Perhaps(_) | Known::Nothing => None,
        }
    }

    fn stored(&self, file: File, meta: &Metadata, hash: Hash) -> Stored {
        Stored { file, size: meta.len(), hash, modified: modified(meta), eager: self.0.eager }
    }

    /// Opens a file in its folder.
    pub(super) fn read_in(&self, folder: &Dir, own: &str) -> Result<Stored, Refusal> {
        let file = open_file(folder, own).map_err(|error| trouble::opening(&error))?;
        for _ in 0..ATTEMPTS {
            if let Some((meta, hash)) = self.identify(&file).map_err(|error| trouble::refusal(&error))? {
                return Ok(self.stored(file, &meta, hash));
            }
        }
        debug!("a file changes faster than it can be hashed");
        Err(Refusal::new(Code::Unavailable, "the file is being changed, try again later"))
    }

    /// What a file is and what its bytes hash to; `None` when it changed meanwhile.
    fn identify(&self, file: &File) -> io::Result<Option<(Metadata, Hash)>> {
        let meta = file.metadata()?;
        let known = self.0.tags.read(file, &meta);
        if let Known::Hash(hash) = known {
            return Ok(Some((meta, hash)));
        }
        let hash = hash_bytes(file)?.finalize();
        if !Stamp::of(&file.metadata()?).looks_like(&Stamp::of(&meta)) {
            return Ok(None);
        }
        if let Known::Perhaps(before) = known
            && before != hash
        {
            warn!(%before, %hash, "a file has other bytes than it had, at the same size and time");
            self.0.silent_changes.fetch_add(1, Ordering::Relaxed);
        }
        self.0.tags.write(file, &meta, hash);
        Ok(Some((meta, hash)))
    }

    /// How large the file of that name is; `None` when there is no file.
    pub(super) fn size_of(&self, name: &FileName) -> io::Result<Option<u64>> {
        let (parts, own) = name.split();
        let meta =
            Folders::open(&self.0.root, parts).and_then(|folders| folders.last().symlink_metadata(own));
        match meta {
            Ok(meta) => Ok(meta.is_file().then_some(meta.len())),
            Err(error) if trouble::is_absent(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Opens a file and nothing else.
pub(super) fn open_file(folder: &Dir, own: &str) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(flags(READ));
    let file = folder.open_with(own, &options)?.into_std();
    if file.metadata()?.is_file() { Ok(file) } else { Err(Errno::NODEV.into()) }
}

fn modified(meta: &Metadata) -> Timestamp {
    let secs = u64::try_from(meta.mtime()).unwrap_or(0);
    let millis = u64::try_from(meta.mtime_nsec()).unwrap_or(0) / 1_000_000;
    Timestamp(secs.saturating_mul(1000).saturating_add(millis))
}
