//! Whether the data folder is still what it was.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;

use rustix::fs::{Access, AtFlags};

use super::Store;

impl Store {
    /// Looks whether the folder is still there, the same, and can be written to. Nothing is written: a
    /// disk may sleep, and a full one can still be read.
    ///
    /// # Errors
    /// Why no file can be stored or found, in words.
    pub(crate) fn probe(&self) -> Result<(), &'static str> {
        let path = &self.0.path;
        let at_path = fs::metadata(path).map_err(|error| absent(&error))?;
        let held = rustix::fs::fstat(&self.0.root).map_err(|_| "the data folder can't be read")?;
        if (at_path.dev(), at_path.ino()) != (held.st_dev, held.st_ino) {
            return Err("the data folder was replaced by another; restart the service to use that one");
        }
        let access = Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK;
        rustix::fs::accessat(&self.0.root, ".", access, AtFlags::empty())
            .map_err(|_| "the data folder can't be written to")
    }
}

fn absent(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => "the data folder is gone",
        _ => "the data folder can't be reached",
    }
}

#[cfg(test)]
mod tests {
    use engine::file::Limits;

    use super::*;

    #[test]
    fn a_folder_that_goes_or_changes_is_told_and_may_come_back() {
        let top = tempfile::tempdir().unwrap();
        let (data, aside) = (top.path().join("data"), top.path().join("aside"));
        let limits = Limits { max_file: 1, quota: None, keep_free: 0, transfers: 1 };
        let store = Store::open(&data, limits, 1).unwrap();
        assert_eq!(store.probe(), Ok(()));
        fs::rename(&data, &aside).unwrap();
        assert_eq!(store.probe(), Err("the data folder is gone"));
        fs::create_dir(&data).unwrap();
        assert!(store.probe().unwrap_err().contains("was replaced"));
        fs::remove_dir(&data).unwrap();
        fs::rename(&aside, &data).unwrap();
        assert_eq!(store.probe(), Ok(()));
        fs::remove_dir(&data).unwrap();
        assert_eq!(store.probe(), Err("the data folder is gone"));
    }
}
