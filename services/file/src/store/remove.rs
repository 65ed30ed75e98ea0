//! Taking a file away.

use engine::Refusal;
use engine::file::FileName;

use super::folders::Folders;
use super::{Store, trouble};

impl Store {
    /// Removes a file for good, and the folders that it leaves empty.
    ///
    /// # Errors
    /// [`engine::Code::NotFound`], also for what is no file; a disk that can't.
    pub(crate) fn remove(&self, name: &FileName) -> Result<(), Refusal> {
        let (parts, own) = name.split();
        let folders = {
            let _names = self.names();
            let mut folders = Folders::open(&self.0.root, parts).map_err(|error| trouble::opening(&error))?;
            let meta = folders.last().symlink_metadata(own).map_err(|error| trouble::opening(&error))?;
            if !meta.is_file() {
                return Err(trouble::not_found());
            }
            folders.last().remove_file(own).map_err(|error| trouble::opening(&error))?;
            self.books().changed(Some(meta.len()), None);
            folders.tidy(name.split().0);
            folders
        };
        self.flushed(folders.sync(&self.0.flushes))
    }
}
