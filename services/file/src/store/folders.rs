//! The way from the data folder to the folder that a name lies in.

use std::io;

use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use rustix::fs::OFlags;

use super::flushes::Flushes;

/// The folders on the way to a file, outermost first, all of them open. No link is followed on the way,
/// not even one that stays inside: what a list does not show can't be reached either.
pub(super) struct Folders<'a> {
    root: &'a Dir,
    below: Vec<Dir>,
}

impl<'a> Folders<'a> {
    /// Opens the folders that are there.
    pub(super) fn open<'n>(root: &'a Dir, parts: impl Iterator<Item = &'n str>) -> io::Result<Self> {
        Self::walk(root, parts, open_folder)
    }

    /// Opens the folders, and makes those that are missing.
    pub(super) fn make<'n>(root: &'a Dir, parts: impl Iterator<Item = &'n str>) -> io::Result<Self> {
        Self::walk(root, parts, make_folder)
    }

    fn walk<'n>(
        root: &'a Dir,
        parts: impl Iterator<Item = &'n str>,
        enter: fn(&Dir, &str) -> io::Result<Dir>,
    ) -> io::Result<Self> {
        let mut folders = Folders { root, below: Vec::new() };
        for part in parts {
            let next = enter(folders.last(), part)?;
            folders.below.push(next);
        }
        Ok(folders)
    }

    /// The folder that the name lies in.
    pub(super) fn last(&self) -> &Dir {
        self.below.last().unwrap_or(self.root)
    }

    /// Removes the folders on this way that are empty, innermost first: to users a folder is only a part
    /// of the names in it. Those that are gone are no longer on the way.
    pub(super) fn tidy<'n>(&mut self, parts: impl Iterator<Item = &'n str>) {
        let parts: Vec<&str> = parts.take(self.below.len()).collect();
        for part in parts.into_iter().rev() {
            let parent = self.below.iter().rev().nth(1).unwrap_or(self.root);
            if parent.remove_dir(part).is_err() {
                return;
            }
            self.below.pop();
        }
    }

    /// Flushes every folder on the way, innermost first: a file is not there for good before each entry
    /// that leads to it is, whoever made it.
    pub(super) fn sync(&self, flushes: &Flushes) -> io::Result<()> {
        self.below.iter().rev().chain([self.root]).try_for_each(|folder| flushes.sync(folder))
    }
}

/// Opens one folder in another; a link is [`rustix::io::Errno::NOTDIR`] or `LOOP`.
pub(super) fn open_folder(parent: &Dir, part: &str) -> io::Result<Dir> {
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(flags(OFlags::DIRECTORY | OFlags::NOFOLLOW));
    Ok(Dir::from_std_file(parent.open_with(part, &options)?.into_std()))
}

fn make_folder(parent: &Dir, part: &str) -> io::Result<Dir> {
    match open_folder(parent, part) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            parent.create_dir(part)?;
            open_folder(parent, part)
        }
        opened => opened,
    }
}

/// Flags as [`OpenOptionsExt::custom_flags`] takes them.
pub(super) fn flags(flags: OFlags) -> i32 {
    flags.bits().cast_signed()
}
