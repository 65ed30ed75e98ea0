//! The thread that writes: whatever has queued while the last commit ran is the next transaction, and what can
//! wait is done in small steps while nobody speaks.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use chassis::Failure;
use engine::names::RoomName;
use engine::{Code, Refusal, Timestamp};
use prometheus::Histogram;
use rusqlite::{Connection, Transaction};
use tokio::sync::{mpsc, oneshot};
use tracing::{error, warn};

use super::checkpoint::{Checkpointer, Passed};
use super::commit::{Committed, commit};
use super::index::{self, Index};
use super::retention::{Forgetting, Retention};
use super::rooms::{self, Room};
use super::schema::Size;
use super::space::Space;
use super::{Outcome, Post, Sync};
use crate::metrics::Metrics;

/// Messages in one transaction at most.
const BATCH: usize = 1024;
/// How long messages that came together wait for more of them. A commit costs as much as a dozen messages,
/// and what several people say at once does not end with the first read.
const GATHERING: Duration = Duration::from_micros(200);
/// Messages that are indexed, or forgotten, in one step: one or two milliseconds.
const STEP: usize = 256;

/// How old the size that is exported may be while messages come.
const SIZE_AGE: Duration = Duration::from_secs(1);

/// What the writer is asked to do.
#[derive(Debug)]
pub(super) enum Job {
    /// To keep a message.
    Post(Post),
    /// To say so once everything that is committed by now is in the full-text index.
    Index(oneshot::Sender<()>),
    /// To bring the full-text index up to date when there is time.
    Tidy,
    /// To look for what is not to be kept any longer.
    Forget,
    /// To go on after a pass of the checkpointer, or to end because it has failed.
    Passed(Result<Passed, String>),
}

/// What the writer is made of.
pub(super) struct Parts {
    pub(super) db: Connection,
    pub(super) sync: Sync,
    pub(super) space: Space,
    pub(super) retention: Retention,
    /// None where there is no write-ahead log.
    pub(super) checkpointer: Option<Checkpointer>,
    pub(super) metrics: Metrics,
}

/// The one who writes.
pub(super) struct Writer {
    db: Connection,
    sync: Sync,
    space: Space,
    rooms: BTreeMap<RoomName, Room>,
    /// How many messages were ever kept, in all rooms.
    turn: i64,
    index: Index,
    forgetting: Forgetting,
    retention: Retention,
    checkpointer: Option<Checkpointer>,
    metrics: Metrics,
    /// When the size of it all was last looked at.
    sized: Option<Instant>,
}

impl Writer {
    /// One that knows what is there.
    pub(super) fn new(parts: Parts) -> Result<Self, Failure> {
        let Parts { db, sync, space, retention, checkpointer, metrics } = parts;
        let unreadable = |error| Failure::fatal(format!("can't read the rooms: {error}"));
        let rooms = rooms::load(&db).map_err(unreadable)?;
        let turn = rooms::last_turn(&db, &rooms).map_err(unreadable)?;
        let index = Index::load(&db).map_err(unreadable)?;
        let forgetting = Forgetting::load(&db, retention).map_err(unreadable)?;
        Ok(Writer {
            db,
            sync,
            space,
            rooms,
            turn,
            index,
            forgetting,
            retention,
            checkpointer,
            metrics,
            sized: None,
        })
    }

    /// Writes until everybody who could ask is gone, or the disk fails, or another program keeps the database locked.
    pub(super) fn run(
        mut self,
        mut jobs: mpsc::Receiver<Job>,
        mut on_commit: impl FnMut(Vec<(Post, Outcome)>),
    ) -> Result<(), Failure> {
        let ended = self.write(&mut jobs, &mut on_commit);
        if ended.is_err() {
            refuse_rest(&mut jobs, &mut on_commit);
        }
        self.checkpointer.take().into_iter().for_each(Checkpointer::end);
        ended.and_then(|()| self.close())
    }

    fn write(
        &mut self,
        jobs: &mut mpsc::Receiver<Job>,
        on_commit: &mut impl FnMut(Vec<(Post, Outcome)>),
    ) -> Result<(), Failure> {
        let mut waiting = Vec::with_capacity(BATCH);
        self.keep_house(jobs, 0)?;
        while jobs.blocking_recv_many(&mut waiting, BATCH) > 0 {
            if waiting.len() > 1 {
                gather(jobs, &mut waiting);
            }
            let (posts, asked) = sort_out(&mut waiting);
            let came = posts.len();
            if came > 0 {
                let (outcomes, failure) = self.keep(&posts);
                on_commit(posts.into_iter().zip(outcomes).collect());
                failure.map_or(Ok(()), Err)?;
            }
            asked.into_iter().try_for_each(|job| self.answer(job))?;
            self.keep_house(jobs, came)?;
        }
        Ok(())
    }

    /// Commits a batch. A full disk refuses the batch and nothing else; any other error is for good: what
    /// an fsync that failed has lost can't be known (PostgreSQL's "fsyncgate"), only a restart recovers.
    fn keep(&mut self, posts: &[Post]) -> (Vec<Outcome>, Option<Failure>) {
        let all = |code, words: &'static str| posts.iter().map(|_| Err(Refusal::new(code, words))).collect();
        self.metrics.store.commit_batch.observe(posts.len() as f64);
        let timer = self.metrics.store.commit_duration.start_timer();
        let (turn, at) = (self.turn + 1, now());
        let committed =
            commit(&mut self.db, &self.rooms, posts, turn, at, &self.metrics.store.flush_duration);
        timer.observe_duration();
        match committed {
            Ok(committed) => (self.remember(committed, posts.len(), at), None),
            Err(error) if self.space.is_short(&error) => {
                warn!(%error, messages = posts.len(), "the disk is full, nothing was kept");
                (all(Code::NoSpace, "the server's disk is full, nothing was kept"), None)
            }
            Err(error) => {
                error!(%error, "a commit failed");
                // The log may hold the batch, and whoever opens it next then finds it there.
                let words = "the server's disk failed; whether this was kept shows when it is back";
                (all(Code::Unavailable, words), Some(unwritable(error)))
            }
        }
    }

    /// Only what is committed counts: after a failure the ids are given again.
    fn remember(&mut self, committed: Committed, turns: usize, at: Timestamp) -> Vec<Outcome> {
        let Committed { outcomes, rooms, ranges } = committed;
        self.forgetting.add(&ranges, at, self.turn + 1);
        self.index.add(ranges);
        self.rooms.extend(rooms);
        self.turn += turns as i64;
        outcomes
    }

    fn answer(&mut self, job: Job) -> Result<(), Failure> {
        match job {
            Job::Index(asker) => self.index.tell(asker),
            Job::Tidy => self.index.tick(),
            Job::Forget => self.forgetting.tick(),
            Job::Passed(passed) => {
                let passed = passed.map_err(unwritable)?;
                if let Some(thread) = &mut self.checkpointer {
                    thread.passed(&self.db, passed).map_err(unwritable)?;
                }
            }
            Job::Post(_) => unreachable!("messages were sorted out"),
        }
        Ok(())
    }

    /// Does what can wait, a step at a time: what is overdue between two commits, as fast as messages come, and
    /// the rest while nobody speaks.
    fn keep_house(&mut self, jobs: &mpsc::Receiver<Job>, came: usize) -> Result<(), Failure> {
        let pace = came.max(STEP);
        if self.index.is_overdue() {
            self.index(pace)?;
            self.merge()?;
        }
        if self.forgetting.is_overdue() {
            self.forget(pace)?;
        }
        while jobs.is_empty() && self.idle_step()? {}
        if let Some(thread) = &mut self.checkpointer {
            thread.look(&self.db).map_err(unwritable)?;
        }
        self.tell();
        Ok(())
    }

    /// False when there is nothing to do.
    fn idle_step(&mut self) -> Result<bool, Failure> {
        if self.index.is_behind() {
            self.index(STEP)?;
        } else if self.forgetting.is_due() {
            self.forget(STEP)?;
        } else if self.index.may_merge() {
            self.merge()?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// Indexes some messages. Search can wait for room on the disk; messages can't.
    fn index(&mut self, most: usize) -> Result<(), Failure> {
        let index = &self.index;
        let step = |transaction: &Transaction<'_>| index.step(transaction, most as u64);
        match in_passing(&mut self.db, self.sync, &self.metrics.upkeep.index_steps, step) {
            Ok(indexed) => self.index.advance(indexed),
            Err(error) => {
                self.put_off(error, "the full-text index is behind")?;
                self.index.give_up();
            }
        }
        Ok(())
    }

    fn merge(&mut self) -> Result<(), Failure> {
        let merged = in_passing(&mut self.db, self.sync, &self.metrics.upkeep.merge_steps, index::merge);
        let merged = merged.or_else(|error| {
            self.put_off(error, "the full-text index could not be merged").map(|()| false)
        })?;
        self.index.merged(merged);
        Ok(())
    }

    /// Forgets a little of what is not to be kept.
    fn forget(&mut self, most: usize) -> Result<(), Failure> {
        let forgetting = &mut self.forgetting;
        let step = |transaction: &Transaction<'_>| forgetting.step(transaction, now(), most);
        match in_passing(&mut self.db, self.sync, &self.metrics.upkeep.forget_steps, step) {
            Ok(forgotten) => self.metrics.store.forgotten.inc_by(forgotten as u64),
            Err(error) => {
                self.put_off(error, "old messages could not be forgotten")?;
                self.forgetting = Forgetting::load(&self.db, self.retention).map_err(unwritable)?;
                self.forgetting.give_up();
            }
        }
        Ok(())
    }

    /// A full disk puts work off that can wait; any other error is for good, as it is for a commit.
    fn put_off(&self, error: rusqlite::Error, consequence: &str) -> Result<(), Failure> {
        if !self.space.is_short(&error) {
            error!(%error, "a commit failed");
            return Err(unwritable(error));
        }
        warn!(%error, "the disk is full: {consequence}");
        Ok(())
    }

    fn tell(&mut self) {
        self.metrics.store.history_messages.set(self.forgetting.kept() as i64);
        self.metrics.upkeep.index_lag.set(self.index.lag() as i64);
        if self.sized.is_some_and(|then| then.elapsed() < SIZE_AGE) {
            return;
        }
        self.sized = Some(Instant::now());
        // A database that can't be read tells that to whoever reads messages.
        if let Ok(size) = Size::of(&self.db, self.space.folder.as_deref()) {
            self.metrics.store.history_used.set(size.used);
            self.metrics.store.history_free.set(size.free);
            self.metrics.store.history_log.set(size.log);
        }
    }

    /// Leaves one file behind, without a write-ahead log where there is room for what is in it. A log that stays is
    /// read by whoever opens the database next.
    fn close(&mut self) -> Result<(), Failure> {
        match self.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())) {
            Err(error) if self.space.is_short(&error) => {
                warn!(%error, "the disk is full: the log stays beside the database, and nothing is lost");
                Ok(())
            }
            closed => closed.map_err(|error| Failure::fatal(format!("the last checkpoint failed: {error}"))),
        }
    }
}

fn unwritable(error: impl std::fmt::Display) -> Failure {
    Failure::fatal(format!("history can't be written: {error}"))
}

/// Commits work that may be done again, and so need not be flushed by itself: the next message's flush takes it
/// along. What a power cut undoes of it is undone whole.
fn in_passing<T>(
    db: &mut Connection,
    sync: Sync,
    duration: &Histogram,
    work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let _timer = duration.start_timer();
    if sync == Sync::Full {
        db.pragma_update(None, "synchronous", "normal")?;
    }
    let done = commit_work(db, work);
    if sync == Sync::Full {
        db.pragma_update(None, "synchronous", "full")?;
    }
    done
}

fn commit_work<T>(
    db: &mut Connection,
    work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let transaction = db.transaction()?;
    let done = work(&transaction)?;
    transaction.commit()?;
    Ok(done)
}

/// Splits what has queued into messages and the rest.
fn sort_out(waiting: &mut Vec<Job>) -> (Vec<Post>, Vec<Job>) {
    let (mut posts, mut asked) = (Vec::with_capacity(waiting.len()), Vec::new());
    for job in waiting.drain(..) {
        match job {
            Job::Post(post) => posts.push(post),
            job => asked.push(job),
        }
    }
    (posts, asked)
}

/// Takes in what comes within [`GATHERING`].
fn gather(jobs: &mut mpsc::Receiver<Job>, waiting: &mut Vec<Job>) {
    std::thread::sleep(GATHERING);
    while waiting.len() < BATCH
        && let Ok(job) = jobs.try_recv()
    {
        waiting.push(job);
    }
}

/// Answers whoever still waits for a writer that has failed.
fn refuse_rest(jobs: &mut mpsc::Receiver<Job>, on_commit: &mut impl FnMut(Vec<(Post, Outcome)>)) {
    jobs.close();
    while let Some(job) = jobs.blocking_recv() {
        if let Job::Post(post) = job {
            let refusal = Refusal::new(Code::Unavailable, "the server can't keep messages, nothing was kept");
            on_commit(vec![(post, Err(refusal))]);
        }
    }
}

/// The wall clock, for showing and storing.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
