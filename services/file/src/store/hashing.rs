//! The hash of a file on its way in.
//!
//! Bytes that pass through memory are hashed as they pass. Those that go from a socket to the file within the
//! kernel are read back and hashed by a thread that follows the writer: beside it where there is a core for it,
//! and while they are still in the kernel's cache.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

/// What is read back in one piece: small enough to stay in a core's own cache until it is hashed.
const PIECE: usize = 128 * 1024;
/// Steps of the writer that may wait to be hashed. It waits when there are more, so that what is read back is
/// still in memory.
const WAITING: usize = 8;

/// Works out the hash of a file that grows.
#[derive(Debug, Default)]
pub(super) struct Hashing {
    /// What has seen the file's bytes; a follower has it while there is one.
    hasher: Box<blake3::Hasher>,
    follower: Option<Follower>,
}

impl Hashing {
    /// Goes on with a file whose bytes `hasher` has seen.
    pub(super) fn resume(hasher: blake3::Hasher) -> Self {
        Hashing { hasher: Box::new(hasher), follower: None }
    }

    /// The hasher, when it has seen all that it was told of.
    ///
    /// # Errors
    /// A file that could not be read back.
    pub(super) fn hasher(&mut self) -> io::Result<&mut blake3::Hasher> {
        if let Some(follower) = self.follower.take() {
            self.hasher = follower.end()?;
        }
        Ok(&mut self.hasher)
    }

    /// Tells of bytes in the file that were not seen here: it is this long now.
    ///
    /// # Errors
    /// No thread to be had, or none of the descriptors that it takes.
    pub(super) fn follow(&mut self, file: &File, len: u64) -> io::Result<()> {
        let follower = match &self.follower {
            Some(follower) => follower,
            None => {
                let follower = Follower::start(file.try_clone()?, std::mem::take(&mut self.hasher))?;
                self.follower.insert(follower)
            }
        };
        follower.told(len);
        Ok(())
    }
}

/// A thread that reads a file behind its writer.
#[derive(Debug)]
struct Follower {
    lengths: SyncSender<u64>,
    thread: JoinHandle<io::Result<Box<blake3::Hasher>>>,
}

impl Follower {
    fn start(file: File, hasher: Box<blake3::Hasher>) -> io::Result<Self> {
        let (lengths, told) = sync_channel(WAITING);
        let thread =
            thread::Builder::new().name("file-hash".into()).spawn(move || hash(&file, hasher, &told))?;
        Ok(Follower { lengths, thread })
    }

    fn told(&self, len: u64) {
        // Why it has ended before its time it says at its end.
        let _ = self.lengths.send(len);
    }

    fn end(self) -> io::Result<Box<blake3::Hasher>> {
        drop(self.lengths);
        self.thread.join().unwrap_or_else(|_| Err(io::Error::other("a hash was not worked out")))
    }
}

/// Hashes what is in a file behind what `hasher` has seen, up to each of the lengths that are told.
fn hash(
    file: &File,
    mut hasher: Box<blake3::Hasher>,
    told: &Receiver<u64>,
) -> io::Result<Box<blake3::Hasher>> {
    let mut piece = vec![0; PIECE];
    for len in told {
        while hasher.count() < len {
            let wanted = usize::try_from(len - hasher.count()).unwrap_or(PIECE).min(PIECE);
            file.read_exact_at(&mut piece[..wanted], hasher.count())?;
            hasher.update(&piece[..wanted]);
        }
    }
    Ok(hasher)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn bytes_that_were_seen_and_bytes_that_were_not_make_one_hash() {
        let mut file = tempfile::tempfile().unwrap();
        let mut hashing = Hashing::default();
        let bytes: Vec<u8> = (0..3 * PIECE + 5).map(|n| n as u8).collect();
        let (seen, rest) = bytes.split_at(7);
        let (followed, last) = rest.split_at(2 * PIECE);

        file.write_all(seen).unwrap();
        hashing.hasher().unwrap().update(seen);
        let mut len = seen.len();
        for step in followed.chunks(1000) {
            file.write_all(step).unwrap();
            len += step.len();
            hashing.follow(&file, len as u64).unwrap();
        }
        file.write_all(last).unwrap();
        hashing.hasher().unwrap().update(last);

        assert_eq!(hashing.hasher().unwrap().finalize(), blake3::hash(&bytes));
    }

    #[test]
    fn a_file_that_is_shorter_than_was_told_is_an_error_at_the_end() {
        let file = tempfile::tempfile().unwrap();
        let mut hashing = Hashing::default();
        for len in 1..=2 * WAITING as u64 {
            hashing.follow(&file, len).unwrap();
        }
        assert_eq!(hashing.hasher().unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
