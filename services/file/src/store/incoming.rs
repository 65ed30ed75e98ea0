//! A file on its way in.

use std::fs::File;
use std::io::{self, Write};

use cap_std::fs::OpenOptions;
use engine::file::{FileName, Hash, Reservation, Room};
use engine::{Code, Refusal};
use tokio_util::sync::CancellationToken;

use super::folders::Folders;
use super::partials::Claim;
use super::{Store, trouble};

/// A file on its way in, under a name that no request can have. Dropped before it is stored it goes, or
/// waits as a partial upload when it has a [`Claim`] on its hash.
#[derive(Debug)]
pub(crate) struct Incoming {
    store: Store,
    temporary: String,
    file: File,
    hasher: Box<blake3::Hasher>,
    reservation: Reservation,
    keep: bool,
    /// Let go last, when the file is closed and booked: somebody may wait for it.
    claim: Option<Claim>,
}

/// What was stored for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Receipt {
    /// Bytes.
    pub(crate) size: u64,
    /// BLAKE3 of them.
    pub(crate) hash: Hash,
}

impl Store {
    /// Begins a plain upload of so many bytes, as far as that is known.
    ///
    /// # Errors
    /// As [`engine::file::Admission::reserve`]; a name that can't be taken; a disk that can't.
    pub(crate) fn receive(&self, size: u64, name: &FileName) -> Result<Incoming, Refusal> {
        let replaces = self.check_place(name)?;
        let mut incoming = self.begin().map_err(|error| trouble::refusal(&error))?;
        incoming.reserve(size, replaces)?;
        Ok(incoming)
    }

    /// Whether a file may stand under that name, as things are now: who sends it is told before and not
    /// after. When it is stored that is checked again. Says how large the file is that it would replace.
    pub(super) fn check_place(&self, name: &FileName) -> Result<Option<u64>, Refusal> {
        let (parts, own) = name.split();
        match Folders::open(&self.0.root, parts) {
            Ok(folders) => size_in(&folders, own),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(trouble::placing(&error)),
        }
    }

    fn begin(&self) -> io::Result<Incoming> {
        let temporary = self.next_upload();
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        let file = self.0.root.open_with(&temporary, &options)?;
        Ok(Incoming {
            store: self.clone(),
            temporary,
            file: file.into_std(),
            hasher: Box::default(),
            reservation: Reservation::default(),
            keep: false,
            claim: None,
        })
    }

    /// Goes on with a partial upload, of which the file has what `hasher` has seen.
    pub(super) fn go_on(
        &self,
        temporary: String,
        file: File,
        hasher: blake3::Hasher,
        claim: Claim,
    ) -> Incoming {
        let reservation = self.books().resume(hasher.count());
        Incoming {
            store: self.clone(),
            temporary,
            file,
            hasher: Box::new(hasher),
            reservation,
            keep: true,
            claim: Some(claim),
        }
    }
}

impl Incoming {
    /// Bytes that are there.
    pub(crate) fn len(&self) -> u64 {
        self.reservation.written()
    }

    /// Told when somebody else goes on with this upload, or when the store closes.
    pub(crate) fn give_up(&self) -> CancellationToken {
        self.claim.as_ref().map_or_else(|| self.store.0.closing.child_token(), Claim::give_up)
    }

    /// Asks for room for `more` bytes than were reserved so far.
    ///
    /// # Errors
    /// As [`engine::file::Admission::reserve`].
    pub(crate) fn reserve_more(&mut self, more: u64, name: &FileName) -> Result<(), Refusal> {
        let replaces = self.store.size_of(name).map_err(|error| trouble::refusal(&error))?;
        self.reserve(more, replaces)
    }

    /// The same, when it is known how large the file is that will be replaced.
    pub(super) fn reserve(&mut self, more: u64, replaces: Option<u64>) -> Result<(), Refusal> {
        let free = self.store.free().map_err(|error| trouble::refusal(&error))?;
        let room = Room { free, replaces: replaces.unwrap_or(0) };
        self.store.books().reserve(&mut self.reservation, more, room)
    }

    /// Writes bytes that were reserved.
    ///
    /// # Errors
    /// A disk that can't; what it took of the bytes is there.
    pub(crate) fn write(&mut self, mut bytes: &[u8]) -> Result<(), Refusal> {
        while !bytes.is_empty() {
            let taken = match self.file.write(bytes) {
                Ok(taken) => taken,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(trouble::refusal(&error)),
            };
            self.hasher.update(&bytes[..taken]);
            self.store.books().written(&mut self.reservation, taken as u64);
            bytes = &bytes[taken..];
        }
        Ok(())
    }

    /// Stores the file under its name for good: when this returns, a power cut can't take it back.
    ///
    /// # Errors
    /// [`Code::HashMismatch`] when these are not the bytes that were announced; a disk that can't. Then
    /// the name stands for what it stood for before.
    pub(crate) fn store(mut self, name: &FileName, announced: Option<Hash>) -> Result<Receipt, Refusal> {
        let hash = self.hasher.finalize();
        if announced.is_some_and(|announced| announced != hash) {
            self.keep = false;
            return Err(Refusal::new(Code::HashMismatch, format!("the bytes that arrived hash to {hash}")));
        }
        self.store.flushed(self.file.sync_data())?;
        self.place(name, hash)?;
        Ok(Receipt { size: self.len(), hash })
    }

    /// Gives the file its name and its tag and flushes the folders on the way. A tag that is lost in a power
    /// cut all the same is made anew when the file is first asked for.
    fn place(&mut self, name: &FileName, hash: Hash) -> Result<(), Refusal> {
        let (parts, own) = name.split();
        let store = self.store.clone();
        let folders = {
            let _names = store.names();
            let mut folders =
                Folders::make(&store.0.root, parts).map_err(|error| trouble::placing(&error))?;
            if let Err(refusal) = self.rename_into(&folders, own) {
                folders.tidy(name.split().0);
                return Err(refusal);
            }
            folders
        };
        if let Ok(meta) = self.file.metadata() {
            store.0.tags.write(&self.file, &meta, hash);
        }
        store.flushed(folders.sync(&store.0.flushes))
    }

    fn rename_into(&mut self, folders: &Folders<'_>, own: &str) -> Result<(), Refusal> {
        let before = size_in(folders, own)?;
        let root = &self.store.0.root;
        root.rename(&self.temporary, folders.last(), own).map_err(|error| trouble::placing(&error))?;
        self.temporary.clear();
        self.store.books().changed(before, Some(self.len()));
        Ok(())
    }
}

/// How large the file is that another would replace there; `None` when there is none. Refused when what
/// is there is no file.
fn size_in(folders: &Folders<'_>, own: &str) -> Result<Option<u64>, Refusal> {
    match folders.last().symlink_metadata(own) {
        Ok(meta) if meta.is_file() => Ok(Some(meta.len())),
        Ok(_) => Err(trouble::occupied()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(trouble::refusal(&error)),
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        let placed = self.temporary.is_empty();
        let keep = self.keep && !placed && self.len() > 0;
        if !placed
            && !keep
            && let Err(error) = self.store.0.root.remove_file(&self.temporary)
        {
            tracing::warn!(%error, "a temporary file can't be removed");
        }
        let kept = if keep { self.len() } else { 0 };
        self.store.books().release(std::mem::take(&mut self.reservation), kept);
    }
}
