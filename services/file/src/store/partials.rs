//! Uploads that were cut off and wait to be resumed.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use cap_std::fs::{OpenOptions, OpenOptionsExt};
use engine::Refusal;
use engine::file::{FileName, Hash, PartialKey};
use rustix::fs::OFlags;
use rustix::io::Errno;
use tokio_util::sync::CancellationToken;

use super::folders::flags;
use super::incoming::Receipt;
use super::tags::hash_bytes;
use super::{Incoming, PARTIAL, Store, trouble};

/// What somebody is sending now.
#[derive(Debug, Clone, Default)]
pub(super) struct Claims(Arc<Mutex<HashMap<PartialKey, Sender>>>);

#[derive(Debug, Clone)]
struct Sender {
    give_up: CancellationToken,
    gone: CancellationToken,
}

/// The right to send the bytes of one upload, until it is dropped or another connection of the same owner wants
/// it.
#[derive(Debug)]
pub(crate) struct Claim {
    key: PartialKey,
    sender: Sender,
    claims: Claims,
}

/// What a resume finds.
#[derive(Debug)]
pub(crate) enum Resumed {
    /// The name stands for those very bytes: the upload got through and only its `OK` was lost.
    Stored(Receipt),
    /// What is there of the upload, perhaps nothing.
    Partial(Incoming),
}

impl Claim {
    /// Told when another connection wants to send the same bytes: most likely the same peer's, which noticed
    /// the end of the old one before we did.
    pub(super) fn give_up(&self) -> CancellationToken {
        self.sender.give_up.clone()
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.claims.lock().remove(&self.key);
        self.sender.gone.cancel();
    }
}

impl Claims {
    fn lock(&self) -> MutexGuard<'_, HashMap<PartialKey, Sender>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the claim when nobody has it, else says who has.
    fn take(&self, key: PartialKey, give_up: CancellationToken) -> Result<Claim, Sender> {
        let mut held = self.lock();
        if let Some(other) = held.get(&key) {
            return Err(other.clone());
        }
        let sender = Sender { give_up, gone: CancellationToken::new() };
        held.insert(key, sender.clone());
        Ok(Claim { key, sender, claims: self.clone() })
    }
}

impl Store {
    /// Claims the right to send the bytes of an upload; whoever has it is told to let go, and waited for.
    pub(crate) async fn claim(&self, key: PartialKey) -> Claim {
        loop {
            match self.0.claims.take(key, self.0.closing.child_token()) {
                Ok(claim) => return claim,
                Err(other) => {
                    other.give_up.cancel();
                    other.gone.cancelled().await;
                }
            }
        }
    }

    /// Finds what is there of an upload.
    ///
    /// # Errors
    /// As [`Store::receive`].
    pub(crate) fn resume(&self, size: u64, name: &FileName, claim: Claim) -> Result<Resumed, Refusal> {
        if let Some(receipt) = self.stored_as(size, name, claim.key.hash) {
            return Ok(Resumed::Stored(receipt));
        }
        let replaces = self.check_place(name)?;
        let temporary = format!("{PARTIAL}{}", claim.key);
        let (file, hasher) = self.open_partial(&temporary, size).map_err(|error| trouble::placing(&error))?;
        let mut incoming = self.go_on(temporary, file, hasher, claim);
        incoming.reserve(size - incoming.len(), replaces)?;
        Ok(Resumed::Partial(incoming))
    }

    /// Removes the partial uploads that nobody went on with for so long.
    ///
    /// # Errors
    /// A folder that can't be read.
    pub(crate) fn sweep_partials(&self, keep: Duration, now: SystemTime) -> io::Result<()> {
        for (name, key) in self.partials()? {
            // Held meanwhile, so that nobody resumes what is being removed.
            let Ok(_claim) = self.0.claims.take(key, CancellationToken::new()) else { continue };
            let Ok(meta) = self.0.root.symlink_metadata(&name) else { continue };
            let age = now.duration_since(meta.modified()?.into_std()).unwrap_or_default();
            if age > keep && self.0.root.remove_file(&name).is_ok() {
                self.books().forget_partial(meta.len());
            }
        }
        Ok(())
    }

    /// Bytes of the partial uploads that nobody sends now.
    pub(super) fn waiting(&self) -> io::Result<u64> {
        let held = self.0.claims.lock();
        let waiting = self.partials()?.filter(|(_, key)| !held.contains_key(key));
        Ok(waiting
            .filter_map(|(name, _)| self.0.root.symlink_metadata(name).ok())
            .map(|meta| meta.len())
            .sum())
    }

    fn partials(&self) -> io::Result<impl Iterator<Item = (String, PartialKey)>> {
        let named = self.named(PARTIAL)?.into_iter();
        Ok(named.filter_map(|name| name[PARTIAL.len()..].parse().ok().map(|key| (name, key))))
    }

    /// What a name stands for, when it is a file of this size and hash.
    fn stored_as(&self, size: u64, name: &FileName, hash: Hash) -> Option<Receipt> {
        if self.size_of(name).ok()? != Some(size) {
            return None;
        }
        let stored = self.read(name).ok()?;
        (stored.size == size && stored.hash == hash).then_some(Receipt { size, hash })
    }

    /// Opens a partial upload at its end, and hashes what is there; what can't be a part of `size` bytes
    /// is thrown away.
    fn open_partial(&self, temporary: &str, size: u64) -> io::Result<(File, blake3::Hasher)> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).custom_flags(flags(OFlags::NOFOLLOW | OFlags::NONBLOCK));
        let file = self.0.root.open_with(temporary, &options)?.into_std();
        let meta = file.metadata()?;
        if !meta.is_file() {
            return Err(Errno::NODEV.into());
        }
        if meta.len() > size {
            file.set_len(0)?;
            self.books().forget_partial(meta.len());
        }
        let hasher = hash_bytes(&file)?;
        Ok((file, hasher))
    }
}
