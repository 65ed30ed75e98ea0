//! Brings the write-ahead log into the database on a thread of its own, so that nobody who speaks waits for it.
//!
//! A pass beside a busy writer never reaches the end of the log, and only a log that was brought in to its end
//! is begun anew. So when a pass has done the bulk of it, flushes included, the writer does the rest between two
//! commits: a few pages. (SQLite before 3.51.3 could corrupt a database over this; ours is bundled.)

use std::fs::File;
use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use chassis::Failure;
use prometheus::Histogram;

use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, Error, ErrorCode, Result};
use tokio::sync::mpsc;

use super::writer::Job;
use crate::metrics::Metrics;

/// Pages in the log that are worth a pass: 4 MB.
const PAGES: i64 = 1000;
/// Pages in the log above which the writer waits for the pass that is under way: 64 MB. A log grows to this only
/// where it is written faster than the disk takes it.
const TOO_LONG: i64 = 16 * PAGES;
/// How soon what was put off is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// The database as the thread sees it.
#[derive(Debug)]
pub(super) struct Side {
    /// A connection that is used for nothing else.
    pub(super) db: Connection,
    /// The same file, to flush it. To close it would take the locks of all connections away (POSIX), so it is
    /// also held by whoever holds the folder.
    pub(super) file: Arc<File>,
}

/// The writer's end of the thread.
#[derive(Debug)]
pub(super) struct Checkpointer {
    orders: SyncSender<()>,
    thread: JoinHandle<()>,
    turn: Arc<Mutex<()>>,
    is_busy: bool,
    kept: Option<Kept>,
    by_writer: Histogram,
}

/// What a pass came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Passed {
    /// The bulk of the log is in the database.
    Done,
    /// The log keeps it: the disk is full, or somebody else is bringing it in.
    PutOff,
}

/// How much is in the log, in pages.
#[derive(Debug, Clone, Copy, Default)]
struct Log {
    length: i64,
    /// Those that are not in the database yet.
    left: i64,
}

/// A log that could not be brought in to its end, for want of room or because somebody looks at it.
#[derive(Debug, Clone, Copy)]
struct Kept {
    /// Its length then, in pages.
    length: i64,
    /// When that was.
    at: Instant,
}

/// What a log asks for.
#[derive(Debug, PartialEq, Eq)]
enum Due {
    Nothing,
    /// A pass beside the writer.
    Pass,
    /// That the writer does it.
    Finish,
}

impl Log {
    /// As it is now; nothing where somebody else is at it.
    fn look(db: &Connection) -> Result<Self> {
        checkpoint(db, CheckpointMode::NOOP).map(Option::unwrap_or_default)
    }

    /// What of it is to be remembered once it has been brought in as far as it goes.
    fn kept(self, at: Instant) -> Option<Kept> {
        (self.left > 0).then_some(Kept { length: self.length, at })
    }

    /// What is to be done about it, when the last that was done has kept so much. As long as nothing was added to
    /// that, the same would likely fail again at once, over and over; but whoever has looked at it may be gone, and on
    /// a full disk nothing can be added before.
    fn due(self, kept: Option<Kept>, now: Instant) -> Due {
        let is_put_off = |kept: Kept| kept.length == self.length && now < kept.at + AGAIN;
        match self.left {
            _ if kept.is_some_and(is_put_off) => Due::Nothing,
            ..PAGES => Due::Nothing,
            PAGES..TOO_LONG => Due::Pass,
            TOO_LONG.. => Due::Finish,
        }
    }
}

impl Checkpointer {
    /// Starts the thread, which reports the end of each pass to the writer.
    pub(super) fn start(
        side: Side,
        reports: mpsc::WeakSender<Job>,
        metrics: &Metrics,
    ) -> std::result::Result<Self, Failure> {
        // One order waits while another is carried out: a second adds nothing.
        let (orders, received) = sync_channel(1);
        let turn = Arc::new(Mutex::new(()));
        let pass = Pass { side, turn: turn.clone(), duration: metrics.upkeep.checkpoints_beside.clone() };
        let thread = super::spawn("chat-checkpoint", move || pass.run(&received, &reports))?;
        Ok(Checkpointer {
            orders,
            thread,
            turn,
            is_busy: false,
            kept: None,
            by_writer: metrics.upkeep.checkpoints_between.clone(),
        })
    }

    /// Looks how long the log is, after a commit.
    ///
    /// # Errors
    /// A disk that failed.
    pub(super) fn look(&mut self, db: &Connection) -> Result<()> {
        match Log::look(db)?.due(self.kept, Instant::now()) {
            Due::Nothing => {}
            Due::Pass if self.is_busy => {}
            Due::Pass => self.is_busy = self.orders.try_send(()).is_ok(),
            Due::Finish => self.finish(db)?,
        }
        Ok(())
    }

    /// A pass has ended: does what little is left, unless it was put off.
    ///
    /// # Errors
    /// A disk that failed.
    pub(super) fn passed(&mut self, db: &Connection, passed: Passed) -> Result<()> {
        self.is_busy = false;
        let log = Log::look(db)?;
        if passed == Passed::Done && log.left > 0 {
            return self.finish(db);
        }
        self.kept = log.kept(Instant::now());
        Ok(())
    }

    fn finish(&mut self, db: &Connection) -> Result<()> {
        let _mine = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let _timer = self.by_writer.start_timer();
        checkpoint(db, CheckpointMode::PASSIVE)?;
        self.kept = Log::look(db)?.kept(Instant::now());
        Ok(())
    }

    /// Waits until the thread has ended.
    pub(super) fn end(self) {
        drop(self.orders);
        // A thread that has panicked has ended too.
        let _ = self.thread.join();
    }
}

/// The thread's own end.
struct Pass {
    side: Side,
    turn: Arc<Mutex<()>>,
    duration: Histogram,
}

impl Pass {
    fn run(&self, orders: &Receiver<()>, reports: &mpsc::WeakSender<Job>) {
        while orders.recv().is_ok() {
            let passed = self.pass();
            let Some(writer) = reports.upgrade() else { return };
            if writer.blocking_send(Job::Passed(passed)).is_err() {
                return;
            }
        }
    }

    fn pass(&self) -> std::result::Result<Passed, String> {
        let _mine = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let _timer = self.duration.start_timer();
        match checkpoint(&self.side.db, CheckpointMode::PASSIVE).map_err(|error| error.to_string())? {
            None => Ok(Passed::PutOff),
            // SQLite flushes the database at the end of the log, which the writer has moved on since.
            Some(log) if log.left > 0 => flush(&self.side.file).map_err(|error| error.to_string()),
            Some(_) => Ok(Passed::Done),
        }
    }
}

fn flush(file: &File) -> io::Result<Passed> {
    match file.sync_data() {
        Ok(()) => Ok(Passed::Done),
        // What has no room stays in the log.
        Err(error) if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) => {
            Ok(Passed::PutOff)
        }
        Err(error) => Err(error),
    }
}

/// Brings the log in as far as the mode wants it, and says what it is then; nothing when that was put off, and
/// the log keeps what the database has no room for, or what somebody else looks at.
fn checkpoint(db: &Connection, mode: CheckpointMode) -> Result<Option<Log>> {
    match db.wal_checkpoint_v2(None::<&str>, mode) {
        Ok((length, done)) => {
            Ok(Some(Log { length: i64::from(length), left: i64::from(length) - i64::from(done) }))
        }
        Err(error) if is_put_off(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_put_off(error: &Error) -> bool {
    use ErrorCode::{DatabaseBusy, DatabaseLocked, DiskFull};
    matches!(error.sqlite_error_code(), Some(DatabaseBusy | DatabaseLocked | DiskFull))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_log_is_brought_in_and_a_far_too_long_one_by_the_writer() {
        let due = |left| Log { length: 2 * TOO_LONG, left }.due(None, Instant::now());
        assert_eq!([due(0), due(PAGES - 1)], [Due::Nothing, Due::Nothing]);
        assert_eq!([due(PAGES), due(TOO_LONG - 1)], [Due::Pass, Due::Pass]);
        assert_eq!(due(TOO_LONG), Due::Finish);
    }

    /// A full disk was asked again as soon as it had refused.
    #[test]
    fn what_was_put_off_waits_for_a_while_or_until_the_log_is_another() {
        let now = Instant::now();
        for left in [PAGES, TOO_LONG] {
            let log = Log { length: TOO_LONG, left };
            let kept = log.kept(now);
            assert_eq!(log.due(kept, now), Due::Nothing);
            assert_ne!(log.due(kept, now + AGAIN), Due::Nothing, "whoever looked at it may be gone");
            for length in [TOO_LONG + 1, TOO_LONG - 1] {
                assert_ne!(Log { length, left }.due(kept, now), Due::Nothing, "{length}");
            }
        }
        assert!(Log { length: TOO_LONG, left: 0 }.kept(now).is_none());
    }
}
