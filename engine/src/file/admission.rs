//! Who may begin a transfer, and how many bytes may still be stored: arithmetic over what is there.

use crate::{Code, Refusal};

/// What the service takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest file in bytes.
    pub max_file: u64,
    /// Most bytes the data folder may hold, partial uploads included; `None` for no limit.
    pub quota: Option<u64>,
    /// Bytes of the file system that uploads leave free.
    pub keep_free: u64,
    /// Transfers at once, both directions together.
    pub transfers: usize,
}

/// What the disk and the name offer to an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Bytes that the file system has free now.
    pub free: u64,
    /// Bytes of the file that the upload will replace.
    pub replaces: u64,
}

/// What one upload was promised. It must be given back to [`Admission::release`].
#[derive(Debug, Default, PartialEq, Eq)]
#[must_use = "a reservation that is dropped is never released"]
pub struct Reservation {
    promised: u64,
    written: u64,
}

impl Reservation {
    /// Bytes that were promised so far.
    pub fn promised(&self) -> u64 {
        self.promised
    }

    /// Bytes that were written so far, those of an earlier attempt included.
    pub fn written(&self) -> u64 {
        self.written
    }
}

/// The books of the data folder: what is stored, what is kept for a resume, what is promised to uploads
/// that run. A size that is announced is reserved whole before a byte of it is read, so that two uploads
/// are never promised the same space.
#[derive(Debug)]
pub struct Admission {
    limits: Limits,
    transfers: usize,
    files: u64,
    stored: u64,
    partial: u64,
    promised: u64,
    unwritten: u64,
}

impl Admission {
    /// Books of an empty folder.
    pub fn new(limits: Limits) -> Self {
        Admission { limits, transfers: 0, files: 0, stored: 0, partial: 0, promised: 0, unwritten: 0 }
    }

    /// Files stored.
    pub fn files(&self) -> u64 {
        self.files
    }

    /// Bytes stored.
    pub fn stored(&self) -> u64 {
        self.stored
    }

    /// Bytes of partial uploads that nobody sends now.
    pub fn partial(&self) -> u64 {
        self.partial
    }

    /// Bytes promised to uploads that run.
    pub fn promised(&self) -> u64 {
        self.promised
    }

    /// What a walk over the folder found, in place of what the books said.
    pub fn recount(&mut self, files: u64, stored: u64, partial: u64) {
        (self.files, self.stored, self.partial) = (files, stored, partial);
    }

    /// A transfer wants to begin; when it may, [`Admission::end`] must follow.
    ///
    /// # Errors
    /// [`Code::Busy`].
    pub fn begin(&mut self) -> Result<(), Refusal> {
        if self.transfers >= self.limits.transfers {
            return Err(Refusal::new(Code::Busy, "too many transfers at once, try again later"));
        }
        self.transfers += 1;
        Ok(())
    }

    /// A transfer ended.
    pub fn end(&mut self) {
        self.transfers -= 1;
    }

    /// An upload goes on where an earlier attempt left `kept` bytes: they move from the partial uploads
    /// to it.
    pub fn resume(&mut self, kept: u64) -> Reservation {
        self.partial = self.partial.saturating_sub(kept);
        self.promised += kept;
        Reservation { promised: kept, written: kept }
    }

    /// An upload wants to write `more` bytes than it was promised so far.
    ///
    /// # Errors
    /// [`Code::TooLarge`], [`Code::Quota`], [`Code::NoSpace`]; then nothing was promised.
    pub fn reserve(&mut self, upload: &mut Reservation, more: u64, room: Room) -> Result<(), Refusal> {
        let size = upload.promised.checked_add(more).filter(|&size| size <= self.limits.max_file);
        if size.is_none() {
            let words = format!("a file has at most {} bytes here", self.limits.max_file);
            return Err(Refusal::new(Code::TooLarge, words));
        }
        let held = self.stored.saturating_sub(room.replaces) + self.partial + self.promised;
        if self.limits.quota.is_some_and(|quota| held.saturating_add(more) > quota) {
            return Err(Refusal::new(Code::Quota, "the quota of this server is used up"));
        }
        let needed = self.unwritten.saturating_add(more).saturating_add(self.limits.keep_free);
        if more > 0 && needed > room.free {
            return Err(Refusal::new(Code::NoSpace, "the server has no space left for it"));
        }
        upload.promised += more;
        self.promised += more;
        self.unwritten += more;
        Ok(())
    }

    /// An upload has written `bytes` of what it was promised: the file system counts them from now on.
    pub fn written(&mut self, upload: &mut Reservation, bytes: u64) {
        upload.written += bytes;
        self.unwritten -= bytes;
    }

    /// An upload ended; `kept` of its bytes wait for a resume.
    pub fn release(&mut self, upload: Reservation, kept: u64) {
        self.promised -= upload.promised;
        self.unwritten -= upload.promised - upload.written;
        self.partial += kept;
    }

    /// A partial upload was thrown away.
    pub fn forget_partial(&mut self, bytes: u64) {
        self.partial = self.partial.saturating_sub(bytes);
    }

    /// A name that held `before` bytes holds `after` now; `None` where there is no file.
    pub fn changed(&mut self, before: Option<u64>, after: Option<u64>) {
        let count = |file: Option<u64>| u64::from(file.is_some());
        self.files = (self.files + count(after)).saturating_sub(count(before));
        self.stored = (self.stored + after.unwrap_or(0)).saturating_sub(before.unwrap_or(0));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: Limits = Limits { max_file: 100, quota: Some(250), keep_free: 50, transfers: 2 };

    fn room(free: u64) -> Room {
        Room { free, replaces: 0 }
    }

    fn code(answer: Result<(), Refusal>) -> Option<Code> {
        answer.err().map(|refusal| refusal.code)
    }

    #[test]
    fn the_third_of_two_transfers_is_busy() {
        let mut books = Admission::new(LIMITS);
        assert_eq!([code(books.begin()), code(books.begin())], [None, None]);
        assert_eq!(code(books.begin()), Some(Code::Busy));
        books.end();
        assert_eq!(code(books.begin()), None);
    }

    #[test]
    fn a_file_may_be_as_large_as_the_limit() {
        let mut books = Admission::new(LIMITS);
        let mut upload = Reservation::default();
        assert_eq!(code(books.reserve(&mut upload, 101, room(1000))), Some(Code::TooLarge));
        assert_eq!(code(books.reserve(&mut upload, 60, room(1000))), None);
        assert_eq!(code(books.reserve(&mut upload, u64::MAX, room(1000))), Some(Code::TooLarge));
        assert_eq!(
            code(books.reserve(&mut upload, 41, room(1000))),
            Some(Code::TooLarge),
            "piece by piece too"
        );
        assert_eq!(code(books.reserve(&mut upload, 40, room(1000))), None);
        books.release(upload, 0);
    }

    #[test]
    fn the_same_space_is_promised_once() {
        let mut books = Admission::new(LIMITS);
        let (mut first, mut second) = (Reservation::default(), Reservation::default());
        assert_eq!(code(books.reserve(&mut first, 100, room(200))), None);
        assert_eq!(code(books.reserve(&mut second, 51, room(200))), Some(Code::NoSpace));
        books.written(&mut first, 100);
        assert_eq!(
            code(books.reserve(&mut second, 51, room(100))),
            Some(Code::NoSpace),
            "now the disk counts it"
        );
        assert_eq!(code(books.reserve(&mut second, 50, room(100))), None);
        books.release(first, 0);
        books.release(second, 0);
        assert_eq!(books.promised(), 0);
    }

    #[test]
    fn an_empty_file_needs_no_room() {
        let mut upload = Reservation::default();
        let mut books = Admission::new(LIMITS);
        assert_eq!(code(books.reserve(&mut upload, 0, room(0))), None);
        books.release(upload, 0);
    }

    #[test]
    fn the_quota_counts_what_is_there_kept_and_promised() {
        let mut books = Admission::new(LIMITS);
        books.recount(3, 180, 30);
        let mut upload = Reservation::default();
        assert_eq!(code(books.reserve(&mut upload, 41, room(1000))), Some(Code::Quota));
        let replacing = Room { free: 1000, replaces: 1 };
        assert_eq!(code(books.reserve(&mut upload, 41, replacing)), None, "what it replaces will be gone");
        books.release(upload, 0);
    }

    #[test]
    fn a_resume_pays_only_for_the_rest() {
        let mut books = Admission::new(LIMITS);
        books.recount(0, 0, 60);
        let mut upload = books.resume(60);
        assert_eq!((books.partial(), books.promised()), (0, 60));
        assert_eq!(code(books.reserve(&mut upload, 40, room(90))), None);
        books.written(&mut upload, 10);
        assert_eq!((upload.promised(), upload.written()), (100, 70));
        books.release(upload, 70);
        assert_eq!((books.partial(), books.promised()), (70, 0));
    }

    #[test]
    fn names_come_change_and_go() {
        let mut books = Admission::new(LIMITS);
        books.changed(None, Some(5));
        books.changed(Some(5), Some(3));
        assert_eq!((books.files(), books.stored()), (1, 3));
        books.changed(Some(3), None);
        assert_eq!((books.files(), books.stored()), (0, 0));
    }

    proptest! {
        /// Whatever uploads do, what is promised and unwritten never exceeds what the disk had above the
        /// floor, and at the end the books are even.
        #[test]
        fn the_books_stay_even(steps in proptest::collection::vec((0usize..4, 0u8..3, 0u64..120), 0..60)) {
            let mut books = Admission::new(Limits { quota: None, ..LIMITS });
            let mut uploads: [Option<Reservation>; 4] = Default::default();
            let mut disk = 400u64;
            for (who, what, bytes) in steps {
                let upload = uploads[who].get_or_insert_default();
                match what {
                    0 => if books.reserve(upload, bytes, room(disk)).is_ok() && bytes > 0 {
                        prop_assert!(books.unwritten + LIMITS.keep_free <= disk);
                    },
                    1 => {
                        let bytes = bytes.min(upload.promised() - upload.written());
                        books.written(upload, bytes);
                        disk -= bytes;
                    }
                    _ => {
                        let upload = uploads[who].take().unwrap();
                        disk += upload.written();
                        books.release(upload, 0);
                    }
                }
                let promised: u64 = uploads.iter().flatten().map(Reservation::promised).sum();
                prop_assert_eq!(books.promised(), promised);
            }
            for upload in uploads.into_iter().flatten() {
                books.release(upload, 0);
            }
            prop_assert_eq!((books.promised(), books.unwritten), (0, 0));
        }
    }
}
