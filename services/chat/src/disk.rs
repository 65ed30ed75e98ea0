//! How much of the disk history takes.

use std::fs;
use std::path::Path;

use crate::store::{FILE, LOG};

/// Bytes on the disk behind a data folder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    /// Taken by the database and its write-ahead log.
    pub(crate) history: u64,
    /// Still to be had by a user without privileges.
    pub(crate) free: u64,
}

/// What is taken and what is free; nothing where it can't be told.
pub(crate) fn usage(folder: &Path) -> Usage {
    let size = |name| fs::metadata(folder.join(name)).map_or(0, |file| file.len());
    let free = rustix::fs::statvfs(folder).map_or(0, |disk| disk.f_bavail * disk.f_frsize);
    Usage { history: size(FILE) + size(LOG), free }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_and_its_log_count() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("chat.db"), [0; 4096]).unwrap();
        fs::write(folder.path().join("chat.db-wal"), [0; 100]).unwrap();
        fs::write(folder.path().join("chat.lock"), [0; 10]).unwrap();
        let usage = usage(folder.path());
        assert_eq!(usage.history, 4196);
        assert!(usage.free > 0);
    }

    #[test]
    fn a_folder_that_is_gone_is_no_error() {
        assert_eq!(usage(Path::new("/no/such/folder")), Usage::default());
    }
}
