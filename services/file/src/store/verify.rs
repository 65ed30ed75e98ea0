//! Reading everything again, beside whoever serves it.

use std::fs::File;
use std::io;
use std::path::Path;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use engine::file::{Hash, Prefix};

use super::stored::open_file;
use super::tags::{hash_bytes, tagged};
use super::walk::walk;

/// What a file was found to be.
#[derive(Debug)]
pub(crate) enum Finding {
    /// What it was when it was stored.
    Same,
    /// It has no hash yet, or was edited since it had one: its next reader is told a new one.
    Untagged,
    /// Its size and time are those of its hash, and its bytes are not.
    Differs {
        /// The hash that it was stored with.
        stored: Hash,
        /// The hash of its bytes.
        found: Hash,
    },
    /// It can't be read.
    Unreadable(io::Error),
}

/// Hashes every file of a data folder and tells what it is. Nothing is written.
///
/// # Errors
/// A folder that can't be read.
pub(crate) fn verify(data: &Path, mut told: impl FnMut(&str, Finding)) -> io::Result<()> {
    let root = Dir::open_ambient_dir(data, ambient_authority())?;
    walk(&root, "", &Prefix::default(), &mut |folder, own, name| match open_file(folder, own) {
        Ok(file) => told(name.as_str(), find(&file).unwrap_or_else(Finding::Unreadable)),
        // What went since it was listed is nobody's loss.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => told(name.as_str(), Finding::Unreadable(error)),
    })
}

fn find(file: &File) -> io::Result<Finding> {
    let Some(stored) = tagged(file, &file.metadata()?) else { return Ok(Finding::Untagged) };
    let found = hash_bytes(file)?.finalize();
    // Edited while it was read.
    let is_edited = tagged(file, &file.metadata()?) != Some(stored);
    Ok(match found == stored {
        true => Finding::Same,
        false if is_edited => Finding::Untagged,
        false => Finding::Differs { stored, found },
    })
}
