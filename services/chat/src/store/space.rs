//! Whether a failure only means that there is no room: on the disk, or in somebody's quota.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rusqlite::{Error, ErrorCode, ffi};

/// How much must fit, else there is no room.
const LITTLE: usize = 64 * 1024;

/// The place that a database grows in.
#[derive(Debug)]
pub(super) struct Space {
    /// None for one in memory.
    pub(super) folder: Option<PathBuf>,
}

impl Space {
    /// Whether there is no room. SQLite knows a full disk, but says of an exhausted quota, and of its shared
    /// memory, only that a write failed: so it is tried what the system says of another.
    pub(super) fn is_short(&self, error: &Error) -> bool {
        let Some(code) = error.sqlite_error() else { return false };
        let is_write = matches!(code.extended_code, ffi::SQLITE_IOERR_WRITE | ffi::SQLITE_IOERR_SHMSIZE);
        code.code == ErrorCode::DiskFull
            || (is_write && self.folder.as_deref().is_some_and(|folder| is_refused(try_write(folder))))
    }
}

fn is_refused(written: io::Result<()>) -> bool {
    written
        .is_err_and(|error| matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded))
}

fn try_write(folder: &Path) -> io::Result<()> {
    let path = folder.join("chat.probe");
    let written = File::create(&path).and_then(|mut probe| probe.write_all(&[0; LITTLE]));
    // One that stays is overwritten by the next.
    let _ = fs::remove_file(&path);
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(extended_code: i32) -> Error {
        Error::SqliteFailure(ffi::Error::new(extended_code), None)
    }

    #[test]
    fn a_full_disk_is_known_by_its_code_and_a_failed_write_by_another() {
        let folder = tempfile::tempdir().unwrap();
        let space = Space { folder: Some(folder.path().to_owned()) };
        assert!(space.is_short(&failed(ffi::SQLITE_FULL)));
        for code in [ffi::SQLITE_IOERR_WRITE, ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_CORRUPT] {
            assert!(!space.is_short(&failed(code)), "{code}: there is room");
        }
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    }

    #[test]
    fn a_quota_that_is_used_up_is_no_room() {
        for kind in [io::ErrorKind::QuotaExceeded, io::ErrorKind::StorageFull] {
            assert!(is_refused(Err(kind.into())));
        }
        assert!(!is_refused(Err(io::ErrorKind::Other.into())));
        assert!(!is_refused(Ok(())));
    }
}
