//! What the files hold, and whether it came back. No file is copied or hashed as a whole: that would keep the
//! thread from the sockets that it reads for others, and the time of a large one would be the service's fault.

use std::io;
use std::ops::Range;

use bytes::Buf;
use engine::file::Hash;
use tokio::io::{AsyncBufRead, AsyncBufReadExt};
use tokio::task::yield_now;

/// The bytes of a mark: the number of a file and that of its run, the least of each first.
const MARK: usize = 8;

/// What all files of a run hold: the same, but for a mark at the end, so that none can be taken for another, nor
/// for what another run has left half uploaded: the service knows that by its hash.
#[derive(Debug)]
pub(super) struct Contents {
    run: u32,
    body: Vec<u8>,
    /// What is left for the mark.
    room: usize,
    /// Knows the body, and takes the mark.
    hasher: blake3::Hasher,
}

/// What one file holds.
#[derive(Debug)]
pub(super) struct Content<'a> {
    body: &'a [u8],
    mark: Vec<u8>,
    pub(super) hash: Hash,
}

impl Contents {
    /// For files of so many bytes.
    pub(super) fn new(run: u32, size: u64) -> Self {
        let room = size.min(MARK as u64);
        let body: Vec<u8> = (0..size - room).map(|at| (at * 31 + at / 251) as u8).collect();
        let mut hasher = blake3::Hasher::new();
        hasher.update(&body);
        Contents { run, body, room: room as usize, hasher }
    }

    /// That of a file.
    pub(super) fn of(&self, file: u32) -> Content<'_> {
        let mark = [file, self.run].map(u32::to_le_bytes).concat()[..self.room].to_vec();
        let hash = self.hasher.clone().update(&mark).finalize();
        Content { body: &self.body, mark, hash }
    }
}

impl Content<'_> {
    /// How many bytes it has.
    pub(super) fn size(&self) -> usize {
        self.body.len() + self.mark.len()
    }

    /// All of them.
    pub(super) fn bytes(&self) -> impl Buf {
        self.body.chain(self.mark.as_slice())
    }

    /// Some of them, by where they are.
    pub(super) fn part(&self, at: Range<usize>) -> impl Buf {
        let mut bytes = self.bytes();
        bytes.advance(at.start);
        bytes.take(at.len())
    }

    /// Reads as many bytes as it has, and says whether they are the same.
    ///
    /// # Errors
    /// Those of the stream, and when it ends before.
    pub(super) async fn comes_from(&self, stream: &mut (impl AsyncBufRead + Unpin)) -> io::Result<bool> {
        let (mut wanted, mut is_same) = (self.bytes(), true);
        while wanted.has_remaining() {
            let came = stream.fill_buf().await?;
            if came.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let len = came.len().min(wanted.chunk().len());
            is_same &= came[..len] == wanted.chunk()[..len];
            stream.consume(len);
            wanted.advance(len);
            yield_now().await;
        }
        Ok(is_same)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use tokio::io::BufReader;

    use super::*;

    fn whole(content: &Content<'_>) -> Vec<u8> {
        let mut bytes = Vec::new();
        content.bytes().reader().read_to_end(&mut bytes).unwrap();
        bytes
    }

    /// Whether it is what comes, a few bytes at a time.
    async fn comes(content: &Content<'_>, bytes: &[u8]) -> io::Result<bool> {
        content.comes_from(&mut BufReader::with_capacity(7, bytes)).await
    }

    #[tokio::test]
    async fn a_file_is_known_by_its_bytes_and_their_hash() {
        for size in [0, 1, 3, 4, 5, 1_000, 70_000] {
            let contents = Contents::new(7, size);
            let (content, other) = (contents.of(260), contents.of(261));
            let bytes = whole(&content);
            assert_eq!((bytes.len(), content.size()), (size as usize, size as usize));
            assert_eq!(content.hash, blake3::hash(&bytes), "{size}");
            assert!(comes(&content, &bytes).await.unwrap());
            assert_eq!(comes(&other, &bytes).await.unwrap(), size == 0, "{size}");
        }
    }

    #[test]
    fn no_file_of_another_run_is_the_same() {
        let hash = |run| Contents::new(run, 1_000).of(5).hash;
        assert_ne!(hash(7), hash(8));
    }

    #[tokio::test]
    async fn what_ends_too_early_is_an_error_and_what_follows_is_left() {
        let contents = Contents::new(7, 100);
        let content = contents.of(1);
        let mut bytes = whole(&content);
        assert!(comes(&content, &bytes[..99]).await.is_err());
        bytes.extend_from_slice(b"more");
        let mut stream = BufReader::new(bytes.as_slice());
        assert!(content.comes_from(&mut stream).await.unwrap());
        assert_eq!(stream.buffer(), b"more");
    }

    #[tokio::test]
    async fn one_other_byte_is_found_wherever_it_is() {
        let contents = Contents::new(7, 30);
        let content = contents.of(7);
        for at in 0..30 {
            let mut bytes = whole(&content);
            bytes[at] ^= 1;
            assert!(!comes(&content, &bytes).await.unwrap(), "{at}");
        }
    }
}
