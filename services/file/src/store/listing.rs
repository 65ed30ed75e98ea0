//! What is stored, written down line by line in order.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;

use cap_std::fs::OpenOptions;
use engine::Refusal;
use engine::file::{Entry, Prefix};

use super::walk::walk_in_order;
use super::{Store, trouble};

/// Bytes of a list that are in memory at most; a longer one is put into a file without a name.
const IN_MEMORY: usize = 256 * 1024;

/// A list as it was at one time, ready to be sent: how long it is must be said in front of it.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// Lines.
    pub(crate) count: u64,
    /// The last of them, or all.
    tail: Vec<u8>,
    /// Those before.
    spool: Option<File>,
    spooled: u64,
    sent: u64,
}

impl Store {
    /// The files whose names begin so, sorted by the bytes of the whole name, each as `encode` writes it.
    /// Files put there by hand are hashed first; one that goes meanwhile is left out.
    ///
    /// # Errors
    /// A folder that can't be read; a disk without room for a long list.
    pub(crate) fn list(&self, prefix: &Prefix, encode: fn(&Entry) -> String) -> Result<Listing, Refusal> {
        let mut listing = Listing::default();
        let walked = walk_in_order(&self.0.root, "", prefix, &mut |folder, own, name| {
            if let Ok(stored) = self.read_in(folder, own) {
                listing.push(&encode(&stored.entry(name)));
            }
            if listing.tail.len() < IN_MEMORY { Ok(()) } else { listing.spool(self) }
        });
        walked.map_err(|error| trouble::refusal(&error))?;
        Ok(listing)
    }

    /// A file that nobody can find and that is gone when it is closed.
    fn nameless(&self) -> io::Result<File> {
        let name = self.next_upload();
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        let file = self.0.root.open_with(&name, &options)?;
        self.0.root.remove_file(&name)?;
        Ok(file.into_std())
    }
}

impl Listing {
    fn push(&mut self, line: &str) {
        self.tail.extend_from_slice(line.as_bytes());
        self.count += 1;
    }

    fn spool(&mut self, store: &Store) -> io::Result<()> {
        let mut file = match self.spool.take() {
            Some(file) => file,
            None => store.nameless()?,
        };
        file.write_all(&self.tail)?;
        self.spool = Some(file);
        self.spooled += self.tail.len() as u64;
        self.tail.clear();
        Ok(())
    }

    /// The next bytes of it; none at its end.
    ///
    /// # Errors
    /// A disk that can't.
    pub(crate) fn next(&mut self) -> io::Result<Vec<u8>> {
        let left = self.spooled - self.sent;
        let Some(spool) = self.spool.as_ref().filter(|_| left > 0) else {
            return Ok(std::mem::take(&mut self.tail));
        };
        let mut piece = vec![0; usize::try_from(left).unwrap_or(IN_MEMORY).min(IN_MEMORY)];
        spool.read_exact_at(&mut piece, self.sent)?;
        self.sent += piece.len() as u64;
        Ok(piece)
    }
}
