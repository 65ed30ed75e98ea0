//! Everything that is stored.

use std::collections::BTreeSet;
use std::io;

use cap_std::fs::{Dir, DirEntry};
use engine::file::{FileName, Prefix};

use super::Store;
use super::folders::open_folder;

/// Names of one folder that are in memory at once while they are sorted. A folder of more is read once for
/// each so many.
const BATCH: usize = 32_768;

/// Called with each file: the folder it lies in, its own name there, its whole name.
pub(super) type Visit<'a> = dyn FnMut(&Dir, &str, FileName) + 'a;

impl Store {
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
pub(super) fn walk(folder: &Dir, at: &str, prefix: &Prefix, visit: &mut Visit<'_>) -> io::Result<()> {
    for entry in folder.entries()? {
        let entry = entry?;
        let Some((own, name)) = name_of(&entry, at) else { continue };
        let kind = entry.file_type()?;
        if kind.is_file() {
            visit(folder, &own, name);
        } else if kind.is_dir() {
            let below = format!("{name}/");
            // A folder that went meanwhile, or that we may not read, hides nothing but itself.
            if may_hold(&below, prefix)
                && let Ok(next) = open_folder(folder, &own)
            {
                walk(&next, &below, prefix, visit)?;
            }
        }
    }
    Ok(())
}

/// The same, in the order of the bytes of the whole names, with bounded memory however many there are.
///
/// # Errors
/// What `visit` answers; a folder that can't be read.
pub(super) fn walk_in_order(
    folder: &Dir,
    at: &str,
    prefix: &Prefix,
    visit: &mut dyn FnMut(&Dir, &str, FileName) -> io::Result<()>,
) -> io::Result<()> {
    let mut after = String::new();
    loop {
        let batch = smallest(folder, at, prefix, &after)?;
        let is_last = batch.len() < BATCH;
        for own in batch {
            let whole = format!("{at}{own}");
            if let Some(part) = own.strip_suffix('/') {
                if let Ok(next) = open_folder(folder, part) {
                    walk_in_order(&next, &whole, prefix, visit)?;
                }
            } else if let Ok(name) = FileName::parse(&whole) {
                visit(folder, &own, name)?;
            }
            after = own;
        }
        if is_last {
            return Ok(());
        }
    }
}

/// The first names of a folder behind one of them. A folder's ends in a slash, which puts it among the
/// others where the names below it belong.
fn smallest(folder: &Dir, at: &str, prefix: &Prefix, after: &str) -> io::Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    for entry in folder.entries()? {
        let entry = entry?;
        let Some((own, name)) = name_of(&entry, at) else { continue };
        let kind = entry.file_type()?;
        let own = if kind.is_dir() { format!("{own}/") } else { own };
        let is_wanted = match kind.is_dir() {
            true => may_hold(&format!("{name}/"), prefix),
            false => kind.is_file() && prefix.covers(&name),
        };
        if is_wanted && own.as_str() > after {
            found.insert(own);
        }
        if found.len() > BATCH {
            found.pop_last();
        }
    }
    Ok(found)
}

/// Whether names below a folder, whose name is given with its slash, may begin so.
fn may_hold(below: &str, prefix: &Prefix) -> bool {
    below.starts_with(prefix.as_str()) || prefix.as_str().starts_with(below)
}

/// An entry's own name and its whole name; `None` when no request can have it.
fn name_of(entry: &DirEntry, at: &str) -> Option<(String, FileName)> {
    let own = entry.file_name().into_string().ok()?;
    let whole = format!("{at}{own}");
    let name = FileName::parse(&whole).ok()?;
    // A name that is not in NFC on disk would be listed, but never found.
    (name.as_str() == whole).then_some((own, name))
}
