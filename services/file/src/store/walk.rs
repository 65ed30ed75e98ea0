//! Everything that is stored.

use std::io;

use cap_std::fs::{Dir, DirEntry};
use engine::Refusal;
use engine::file::{Entry, FileName, Prefix};

use super::folders::open_folder;
use super::{Store, trouble};

/// Called with each file: the folder it lies in, its own name there, its whole name.
type Visit<'a> = dyn FnMut(&Dir, &str, FileName) + 'a;

impl Store {
    /// The files whose names begin so, sorted by the bytes of the whole name. Files put there by hand are
    /// hashed first; one that goes meanwhile is left out.
    ///
    /// # Errors
    /// A folder that can't be read.
    pub(crate) fn list(&self, prefix: &Prefix) -> Result<Vec<Entry>, Refusal> {
        let mut entries = Vec::new();
        let mut visit = |folder: &Dir, own: &str, name: FileName| {
            if prefix.covers(&name)
                && let Ok(stored) = self.read_in(folder, own)
            {
                entries.push(stored.entry(name));
            }
        };
        walk(&self.0.root, "", prefix, &mut visit).map_err(|error| trouble::refusal(&error))?;
        entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    /// Counts what is there, for what people put into the folder or took out of it by hand.
    ///
    /// # Errors
    /// A folder that can't be read.
    pub(crate) fn recount(&self) -> io::Result<()> {
        // Held all the while: a change in the middle of the count would be counted twice or not at all.
        let _names = self.names();
        let (mut files, mut stored) = (0, 0);
        let mut visit = |folder: &Dir, own: &str, _: FileName| {
            if let Ok(meta) = folder.symlink_metadata(own) {
                files += 1;
                stored += meta.len();
            }
        };
        walk(&self.0.root, "", &Prefix::default(), &mut visit)?;
        let partial = self.waiting()?;
        self.books().recount(files, stored, partial);
        Ok(())
    }
}

/// Visits the files below a folder whose names may begin so. `at` is the folder's name with its slash.
/// Links are not followed; what has no name that a request can have is not there. Names bound the depth.
fn walk(folder: &Dir, at: &str, prefix: &Prefix, visit: &mut Visit<'_>) -> io::Result<()> {
    for entry in folder.entries()? {
        let entry = entry?;
        let Some((own, name)) = name_of(&entry, at) else { continue };
        let kind = entry.file_type()?;
        if kind.is_file() {
            visit(folder, &own, name);
        } else if kind.is_dir() {
            let below = format!("{name}/");
            let apart = !below.starts_with(prefix.as_str()) && !prefix.as_str().starts_with(&below);
            if apart {
                continue;
            }
            // A folder that went meanwhile, or that we may not read, hides nothing but itself.
            if let Ok(next) = open_folder(folder, &own) {
                walk(&next, &below, prefix, visit)?;
            }
        }
    }
    Ok(())
}

/// An entry's own name and its whole name; `None` when no request can have it.
fn name_of(entry: &DirEntry, at: &str) -> Option<(String, FileName)> {
    let own = entry.file_name().into_string().ok()?;
    let whole = format!("{at}{own}");
    let name = FileName::parse(&whole).ok()?;
    // A name that is not in NFC on disk would be listed, but never found.
    (name.as_str() == whole).then_some((own, name))
}
