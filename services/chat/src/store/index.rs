//! The full-text index: behind the messages by a little, and brought up to date a step at a time.
//!
//! A step takes messages in the order of their commits, so whoever waits for the index waits for what was
//! committed before, and not for what is said meanwhile. What a step writes is a segment of its own; segments
//! are merged a few pages at a time too, for left to itself the index merges many megabytes at once.

use std::collections::VecDeque;

use rusqlite::{Connection, Result, Transaction};
use tokio::sync::oneshot;

use super::rooms::Range;
use super::schema::key;

/// Messages that the index may be behind while nobody searches.
pub(super) const LAG: u64 = 4096;
/// Messages that are worth a step of their own. What a step costs beside its messages, a commit and a segment
/// that is merged with the others, is a dozen times what a message costs.
const STEP: u64 = 256;
/// Pages of the index that one step merges.
const MERGED: i64 = 16;

/// What is still to be indexed, and who waits for it.
#[derive(Debug)]
pub(super) struct Index {
    behind: VecDeque<Range>,
    /// Messages in `behind`.
    lag: u64,
    /// Messages that were ever indexed or skipped since the start.
    done: u64,
    /// Whoever waits until so many are done, the most patient last.
    waiting: VecDeque<(u64, oneshot::Sender<()>)>,
    /// Whether the few messages that it is behind have waited long enough.
    is_due: bool,
    /// Whether there may be segments to merge.
    may_merge: bool,
    /// There was no room on the disk; there may be again after the next commit, and there is once a step succeeds.
    has_given_up: bool,
}

impl Index {
    /// What the last process has left.
    pub(super) fn load(db: &Connection) -> Result<Self> {
        let behind: VecDeque<Range> = db
            .prepare("SELECT number, indexed_id, last_id FROM rooms WHERE indexed_id < last_id")?
            .query_map([], |row| {
                let (room, indexed, last): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
                Ok(Range { room, first: indexed as u64 + 1, last: last as u64 })
            })?
            .collect::<Result<_>>()?;
        let lag = behind.iter().map(|range| range.len()).sum();
        Ok(Index {
            behind,
            lag,
            done: 0,
            waiting: VecDeque::new(),
            is_due: lag > 0,
            may_merge: true,
            has_given_up: false,
        })
    }

    /// Messages that are not indexed yet.
    pub(super) fn lag(&self) -> u64 {
        self.lag
    }

    /// Whether there is something to index when nobody speaks.
    pub(super) fn is_behind(&self) -> bool {
        let is_worth_it = self.lag >= STEP || self.is_due || !self.waiting.is_empty();
        self.lag > 0 && is_worth_it && !self.has_given_up
    }

    /// Some time has passed: what is not indexed now has waited long enough.
    pub(super) fn tick(&mut self) {
        self.is_due = self.lag > 0;
    }

    /// Whether messages have to share the writer with the index now.
    pub(super) fn is_overdue(&self) -> bool {
        self.lag > LAG && !self.has_given_up || !self.waiting.is_empty()
    }

    /// Whether there are segments that may be merged.
    pub(super) fn may_merge(&self) -> bool {
        self.may_merge
    }

    /// Messages were committed.
    pub(super) fn add(&mut self, ranges: impl IntoIterator<Item = Range>) {
        self.has_given_up = false;
        for range in ranges {
            self.lag += range.len();
            self.behind.push_back(range);
        }
    }

    /// Tells somebody once everything that is committed by now is indexed.
    pub(super) fn tell(&mut self, asker: oneshot::Sender<()>) {
        self.waiting.push_back((self.done + self.lag, asker));
        self.tell_whoever_is_due();
    }

    /// There is no room to index: lets everybody search in what there is.
    pub(super) fn give_up(&mut self) {
        self.has_given_up = true;
        for (_, asker) in self.waiting.drain(..) {
            // One that is gone needs no answer.
            let _ = asker.send(());
        }
    }

    /// Indexes the next messages, at most so many, and returns how many that were, to be told to
    /// [`Index::advance`] once it is committed.
    pub(super) fn step(&self, transaction: &Transaction<'_>, most: u64) -> Result<u64> {
        let parts = self.next(most);
        parts.iter().try_for_each(|part| insert(transaction, *part))?;
        Ok(parts.iter().map(|part| part.len()).sum())
    }

    /// The next messages, at most so many, each room's together and in the order of their keys: FTS5 begins a
    /// segment anew whenever a key is lower than the one before.
    fn next(&self, most: u64) -> Vec<Range> {
        let mut left = most;
        let mut parts = Vec::new();
        for range in &self.behind {
            if left == 0 {
                break;
            }
            let part = Range { last: range.last.min(range.first + left - 1), ..*range };
            left -= part.len();
            parts.push(part);
        }
        parts.sort_by_key(|part| (part.room, part.first));
        parts.dedup_by(|next, part| {
            let is_same = next.room == part.room;
            if is_same {
                part.last = next.last;
            }
            is_same
        });
        parts
    }

    /// So many are indexed.
    pub(super) fn advance(&mut self, mut count: u64) {
        self.done += count;
        self.lag -= count;
        self.is_due &= self.lag > 0;
        self.has_given_up = false;
        self.may_merge = true;
        while let Some(range) = self.behind.front_mut()
            && count > 0
        {
            let taken = count.min(range.len());
            range.first += taken;
            count -= taken;
            if range.len() == 0 {
                self.behind.pop_front();
            }
        }
        self.tell_whoever_is_due();
    }

    /// Notes whether a merge has found something to do.
    pub(super) fn merged(&mut self, something: bool) {
        self.may_merge = something;
    }

    fn tell_whoever_is_due(&mut self) {
        while let Some((_, asker)) = self.waiting.pop_front_if(|(target, _)| *target <= self.done) {
            let _ = asker.send(());
        }
    }
}

/// What retention has removed since is not there any more, and is skipped. One statement for many messages would
/// end a segment of the index by itself.
fn insert(transaction: &Transaction<'_>, range: Range) -> Result<()> {
    let mut read = transaction.prepare_cached("SELECT key, text FROM messages WHERE key BETWEEN ? AND ?")?;
    let mut write = transaction.prepare_cached("INSERT INTO words (rowid, text) VALUES (?, ?)")?;
    let mut rows = read.query([key(range.room, range.first), key(range.room, range.last)])?;
    while let Some(row) = rows.next()? {
        write.execute((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))?;
    }
    transaction
        .prepare_cached("UPDATE rooms SET indexed_id = ? WHERE number = ?")?
        .execute([range.last as i64, range.room])?;
    Ok(())
}

/// Merges a few pages of segments; false when there was nothing to merge
/// (<https://sqlite.org/fts5.html#the_merge_command>).
pub(super) fn merge(transaction: &Transaction<'_>) -> Result<bool> {
    let before = transaction.total_changes();
    transaction.prepare_cached("INSERT INTO words (words, rank) VALUES ('merge', ?)")?.execute([MERGED])?;
    Ok(transaction.total_changes() - before >= 2)
}
