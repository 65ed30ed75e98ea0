//! A stored file, open for reading.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};

use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use engine::file::{Entry, FileName, Hash};
use engine::{Code, Refusal, Timestamp};
use rustix::fs::OFlags;
use rustix::io::Errno;
use tracing::debug;

use super::folders::{Folders, flags};
use super::tags::{Stamp, hash_bytes};
use super::{Store, trouble};

/// How often a file that changes while it is hashed is hashed again.
const ATTEMPTS: usize = 3;

/// One version of a file: what was opened stays whole, whatever happens to its name.
#[derive(Debug)]
pub(crate) struct Stored {
    file: File,
    /// Bytes.
    pub(crate) size: u64,
    /// BLAKE3 of them.
    pub(crate) hash: Hash,
    modified: Timestamp,
}

impl Stored {
    /// Fills `buf` with the bytes from `offset` on.
    ///
    /// # Errors
    /// [`io::ErrorKind::UnexpectedEof`] when the file has become shorter, cut by hand; what the disk says.
    pub(crate) fn read_exact(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buf, offset)
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

    /// Opens a file in its folder.
    pub(super) fn read_in(&self, folder: &Dir, own: &str) -> Result<Stored, Refusal> {
        let file = open_file(folder, own).map_err(|error| trouble::opening(&error))?;
        for _ in 0..ATTEMPTS {
            if let Some((meta, hash)) = self.identify(&file).map_err(|error| trouble::refusal(&error))? {
                return Ok(Stored { file, size: meta.len(), hash, modified: modified(&meta) });
            }
        }
        debug!("a file changes faster than it can be hashed");
        Err(Refusal::new(Code::Unavailable, "the file is being changed, try again later"))
    }

    /// What a file is and what its bytes hash to; `None` when it changed meanwhile.
    fn identify(&self, file: &File) -> io::Result<Option<(Metadata, Hash)>> {
        let meta = file.metadata()?;
        if let Some(hash) = self.0.tags.read(file, &meta) {
            return Ok(Some((meta, hash)));
        }
        let hash = hash_bytes(file)?.finalize();
        if Stamp::of(&file.metadata()?) != Stamp::of(&meta) {
            return Ok(None);
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

/// Opens a file and nothing else: no link is followed, and a pipe or a device does not hold us up.
fn open_file(folder: &Dir, own: &str) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(flags(OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY));
    let file = folder.open_with(own, &options)?.into_std();
    if file.metadata()?.is_file() { Ok(file) } else { Err(Errno::NODEV.into()) }
}

fn modified(meta: &Metadata) -> Timestamp {
    let secs = u64::try_from(meta.mtime()).unwrap_or(0);
    let millis = u64::try_from(meta.mtime_nsec()).unwrap_or(0) / 1_000_000;
    Timestamp(secs.saturating_mul(1000).saturating_add(millis))
}
