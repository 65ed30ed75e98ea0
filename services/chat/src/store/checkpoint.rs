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
    by_writer: Histogram,
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
            by_writer: metrics.upkeep.checkpoints_between.clone(),
        })
    }

    /// Looks how long the log is, after a commit.
    ///
    /// # Errors
    /// A disk that failed.
    pub(super) fn look(&mut self, db: &Connection) -> Result<()> {
        let left = left(db, CheckpointMode::NOOP)?;
        if left >= TOO_LONG {
            return self.finish(db);
        }
        if left >= PAGES && !self.is_busy {
            self.is_busy = self.orders.try_send(()).is_ok();
        }
        Ok(())
    }

    /// A pass has ended: does what little is left.
    ///
    /// # Errors
    /// A disk that failed.
    pub(super) fn passed(&mut self, db: &Connection) -> Result<()> {
        self.is_busy = false;
        match left(db, CheckpointMode::NOOP)? {
            0 => Ok(()),
            _ => self.finish(db),
        }
    }

    fn finish(&self, db: &Connection) -> Result<()> {
        let _mine = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let _timer = self.by_writer.start_timer();
        left(db, CheckpointMode::PASSIVE).map(|_| ())
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

    fn pass(&self) -> std::result::Result<(), String> {
        let _mine = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let _timer = self.duration.start_timer();
        let left = left(&self.side.db, CheckpointMode::PASSIVE).map_err(|error| error.to_string())?;
        // SQLite flushes the database at the end of the log, which the writer has moved on since.
        if left > 0 { flush(&self.side.file).map_err(|error| error.to_string()) } else { Ok(()) }
    }
}

fn flush(file: &File) -> io::Result<()> {
    match file.sync_data() {
        // What has no room stays in the log.
        Err(error) if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) => {
            Ok(())
        }
        flushed => flushed,
    }
}

/// Pages of the log that are not in the database yet.
fn left(db: &Connection, mode: CheckpointMode) -> Result<i64> {
    match db.wal_checkpoint_v2(None::<&str>, mode) {
        Ok((log, done)) => Ok(i64::from(log) - i64::from(done)),
        // The log keeps what the database has no room for, or what somebody else looks at.
        Err(error) if is_put_off(&error) => Ok(0),
        Err(error) => Err(error),
    }
}

fn is_put_off(error: &Error) -> bool {
    use ErrorCode::{DatabaseBusy, DatabaseLocked, DiskFull};
    matches!(error.sqlite_error_code(), Some(DatabaseBusy | DatabaseLocked | DiskFull))
}
