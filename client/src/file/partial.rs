//! The part of a file that is here already, beside the place of the whole and under a name of its own:
//! what is left of a download that was cut off, whatever cut it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use blake3::Hasher;
use engine::file::Hash;
use indicatif::HumanBytes;
use tempfile::TempPath;

use super::hash::hashed;
use super::{Options, local};
use crate::errors::{Failure, Outcome};

/// A shorter part is fetched again sooner than somebody has looked at its name.
const WORTH: u64 = 1024 * 1024;
/// As long as a name may be on the file systems that people use.
const LONGEST_NAME: usize = 255;
/// Digits of the hash: enough that the part of another file is never taken for this one's.
const DIGITS: usize = 16;

/// A part of a file, held by this run alone.
pub(super) struct Partial<'a> {
    options: &'a Options,
    path: PathBuf,
    file: File,
    placed: bool,
}

impl<'a> Partial<'a> {
    /// Opens what there is of the file with this hash, or begins it.
    pub(super) fn open(options: &'a Options, target: &Path, hash: &Hash) -> Outcome<Self> {
        let path = path_of(target, hash);
        let file = open(&path).map_err(|error| local(&path, &error))?;
        let about = file.metadata().map_err(|error| local(&path, &error))?;
        if !about.is_file() || !is_own(&about) {
            return Err(Failure::Usage(format!("{} is in the way and not ours", path.display())));
        }
        let locked = match file.try_lock() {
            Ok(()) => true,
            Err(TryLockError::WouldBlock) => false,
            // A file system without locks: there it is nobody's business who else writes.
            Err(TryLockError::Error(_)) => true,
        };
        // Whoever held it before may have moved it into its place meanwhile.
        if !locked || !is_still(&about, &path) {
            return Err(Failure::Usage(format!("{} is being fetched already", target.display())));
        }
        Ok(Partial { options, path, file, placed: false })
    }

    /// Bytes that are here of a file of this size. One is always left to be fetched, so that the service
    /// says whether it still has that file.
    pub(super) fn len(&self, size: u64) -> u64 {
        self.file.metadata().map_or(0, |about| about.len()).min(size.saturating_sub(1))
    }

    /// Reads so many bytes again, for their hash, and drops what is behind them.
    pub(super) async fn hashed(&mut self, len: u64) -> Outcome<Hasher> {
        let file = self.writer(0)?;
        self.file.set_len(len).map_err(|error| local(&self.path, &error))?;
        hashed(self.options, file, len, &self.path).await
    }

    /// For what follows the first so many bytes.
    pub(super) fn writer(&mut self, from: u64) -> Outcome<tokio::fs::File> {
        let file = self.file.seek(SeekFrom::Start(from)).and_then(|_| self.file.try_clone());
        Ok(tokio::fs::File::from_std(file.map_err(|error| local(&self.path, &error))?))
    }

    /// These bytes are good for nothing.
    pub(super) fn spoil(&self) {
        // What can't be emptied now is found to be wrong the next time, too.
        let _ = self.file.set_len(0);
    }

    /// Moves the whole file to its place, where `force` replaces what is there.
    ///
    /// # Errors
    /// The system's; [`io::ErrorKind::AlreadyExists`] without `force`.
    pub(super) fn place(mut self, target: &Path, force: bool) -> io::Result<()> {
        let whole = TempPath::try_from_path(&self.path)?;
        let placed = if force { whole.persist(target) } else { whole.persist_noclobber(target) };
        placed.map_err(|failed| {
            // It stays as long as it is worth that, and goes with the rest of this otherwise.
            let _ = failed.path.keep();
            failed.error
        })?;
        self.placed = true;
        clear_older(target);
        Ok(())
    }
}

/// Parts of what the service had under this name before: nothing goes on from them any more. One that
/// another run holds is left to it.
fn clear_older(target: &Path) {
    for path in parts_of(target) {
        let Ok(file) = open_there(&path) else { continue };
        let ours = file.metadata().is_ok_and(|about| about.is_file() && is_own(&about));
        if ours && file.try_lock().is_ok() {
            // What can't be removed is in nobody's way.
            let _ = std::fs::remove_file(&path);
        }
    }
}

impl Drop for Partial<'_> {
    fn drop(&mut self) {
        if self.placed {
            return;
        }
        match self.file.metadata().map_or(0, |about| about.len()) {
            0..WORTH => {
                let _ = std::fs::remove_file(&self.path);
            }
            len => {
                let (len, path) = (HumanBytes(len), self.path.display());
                let words = format!("-- {len} of it stay in {path}; the same command goes on from there");
                self.options.bars.note(&words);
            }
        }
    }
}

/// Whether there is a part of the file with this hash.
pub(super) fn is_begun(target: &Path, hash: &Hash) -> bool {
    path_of(target, hash).symlink_metadata().is_ok()
}

/// Whether there is a part of any file that was to be put there.
pub(super) fn is_any_begun(target: &Path) -> bool {
    parts_of(target).next().is_some()
}

/// The parts of all files that were to be put there.
fn parts_of(target: &Path) -> impl Iterator<Item = PathBuf> {
    let start = start_of(target);
    let entries = std::fs::read_dir(super::get::folder_of(target)).into_iter().flatten().flatten();
    entries.filter_map(move |entry| {
        let name = entry.file_name();
        let hash = name.to_str()?.strip_prefix(&start)?.strip_suffix(".part")?;
        let is_hash = hash.len() == DIGITS && hash.bytes().all(|digit| digit.is_ascii_hexdigit());
        is_hash.then(|| entry.path())
    })
}

/// In the same folder, so that the rename is one step; the file service has no names that begin with a
/// dot, so it is no other file's.
fn path_of(target: &Path, hash: &Hash) -> PathBuf {
    let hash = hash.to_string();
    super::get::folder_of(target).join(format!("{}{}.part", start_of(target), &hash[..DIGITS]))
}

/// The beginning of the names of all its parts.
fn start_of(target: &Path) -> String {
    let own = target.file_name().map(|own| own.to_string_lossy()).unwrap_or_default();
    let room = LONGEST_NAME - "...part".len() - DIGITS;
    format!(".{}.", &own[..own.floor_char_boundary(room)])
}

fn open(path: &Path) -> io::Result<File> {
    open_with(path, OpenOptions::new().create(true).truncate(false))
}

fn open_there(path: &Path) -> io::Result<File> {
    open_with(path, &mut OpenOptions::new())
}

fn open_with(path: &Path, how: &mut OpenOptions) -> io::Result<File> {
    how.read(true).write(true);
    #[cfg(unix)]
    {
        // In a folder that others write to, a link could lead to any file of ours.
        use std::os::unix::fs::OpenOptionsExt;
        how.custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
    }
    how.open(path)
}

#[cfg(unix)]
fn is_own(about: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    about.uid() == rustix::process::geteuid().as_raw()
}

#[cfg(not(unix))]
fn is_own(_: &std::fs::Metadata) -> bool {
    true
}

#[cfg(unix)]
fn is_still(about: &std::fs::Metadata, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    path.symlink_metadata().is_ok_and(|now| (now.dev(), now.ino()) == (about.dev(), about.ino()))
}

#[cfg(not(unix))]
fn is_still(_: &std::fs::Metadata, path: &Path) -> bool {
    path.exists()
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::*;
    use crate::file::tests::options;

    #[test]
    fn a_part_has_a_name_that_fits_and_is_found_by_it() {
        let folder = tempfile::tempdir().unwrap();
        let hash = blake3::hash(b"x");
        for own in ["a.txt", "日本語".repeat(30).as_str(), "x".repeat(255).as_str()] {
            let target = folder.path().join(own);
            assert!(!is_any_begun(&target));
            let path = path_of(&target, &hash);
            std::fs::write(&path, "x").unwrap();
            assert!(path.file_name().unwrap().len() <= LONGEST_NAME);
            assert!(is_begun(&target, &hash) && is_any_begun(&target), "{own}");
            assert!(!is_begun(&target, &blake3::hash(b"y")));
        }
        assert!(!is_any_begun(&folder.path().join("a")), "that is a part of a.txt");
    }

    #[test]
    fn a_part_stays_when_it_is_worth_it_and_one_run_holds_it() {
        let folder = tempfile::tempdir().unwrap();
        let (target, hash, options) = (folder.path().join("a"), blake3::hash(b"x"), options());
        let open = || Partial::open(&options, &target, &hash);
        let part = open().unwrap();
        part.file.set_len(WORTH).unwrap();
        assert!(open().err().unwrap().to_string().ends_with("is being fetched already"));
        drop(part);
        let part = open().unwrap();
        assert_eq!((part.len(2 * WORTH), part.len(WORTH)), (WORTH, WORTH - 1));
        part.spoil();
        drop(part);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn nothing_is_replaced_unasked() {
        let folder = tempfile::tempdir().unwrap();
        let (target, hash, options) = (folder.path().join("a"), blake3::hash(b"x"), options());
        std::fs::write(&target, "old").unwrap();
        let open = || Partial::open(&options, &target, &hash).unwrap();
        assert_eq!(open().place(&target, false).unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&target).unwrap(), b"old");
        open().place(&target, true).unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no part stays");
    }

    #[test]
    fn parts_of_older_files_go_when_the_new_one_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let (target, options) = (folder.path().join("a"), options());
        let begun = |content: &[u8]| Partial::open(&options, &target, &blake3::hash(content)).unwrap();
        let (old, held) = (path_of(&target, &blake3::hash(b"old")), begun(b"held"));
        std::fs::write(&old, "half of it").unwrap();
        let others = [".b.0123456789abcdef.part", ".a.notes.part", ".a.0123456789abcdef"];
        others.iter().for_each(|name| std::fs::write(folder.path().join(name), "mine").unwrap());
        begun(b"new").place(&target, false).unwrap();
        assert!(!old.exists());
        assert!(held.path.exists(), "another run is at it");
        assert!(others.iter().all(|name| folder.path().join(name).exists()), "they are no parts of this");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (target, hash, options) = (folder.path().join("a"), blake3::hash(b"x"), options());
        let other = folder.path().join("other");
        std::fs::write(&other, "mine").unwrap();
        std::os::unix::fs::symlink(&other, path_of(&target, &hash)).unwrap();
        assert!(Partial::open(&options, &target, &hash).is_err());
        assert_eq!(std::fs::read(&other).unwrap(), b"mine");
    }
}
