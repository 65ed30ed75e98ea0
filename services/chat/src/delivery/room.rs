//! One room's way to its members: a queue that anybody may append to.
//!
//! The queue is bounded, although appending never waits. What members say has its [`RoomSpace`] before it goes to
//! be committed, and keeps it until the room has taken it up. Everything else is a handful for each connection
//! in the room: it comes, goes on and goes once, waits to be out before it can come again, and takes no new
//! name before the room has heard of the last.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use engine::chat::{Event, MemberId, Skip};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot};

use super::bounds::Bounds;
use super::flusher::Flusher;
use super::member::Member;
use super::threads::Threads;
use crate::metrics::Metrics;

/// The least space that a room has, in bytes: some of the longest lines.
const LEAST_SPACE: usize = 64 * 1024;
/// The most, however far behind members may be.
const MOST_SPACE: usize = 64 * 1024 * 1024;
/// What a message takes beside its text.
const BESIDE_TEXT: usize = 320;

/// What happens to a room, in order.
pub(super) enum Op {
    /// It is told something.
    Line(Line),
    /// Somebody gets whatever comes from here on, once [`Op::Start`] says so.
    Attach(Arc<Member>),
    /// Somebody has got the past and is ready for the rest.
    Start(MemberId),
    /// Somebody's socket takes more again.
    Resume(MemberId),
    /// Somebody gets nothing more; the other end hears of it when this is dropped.
    Detach(MemberId, oneshot::Sender<()>),
    /// Somebody wants to know that the room has come so far; they hear of it when this is dropped.
    Hear(oneshot::Sender<()>),
    /// Somebody wants to know for whom how much of the log is kept.
    Count(oneshot::Sender<Vec<(MemberId, usize)>>),
    /// Nobody is left.
    Close,
}

/// Something a room is told.
pub(crate) struct Line {
    pub event: Event,
    /// Who does not get it.
    pub skip: Skip,
    /// When a message's turn came, behind what its sender had said before.
    pub received: Option<Instant>,
    /// What a message takes of the room's space until the room has taken it up.
    pub space: Option<RoomSpace>,
}

/// A message's share of what may be on its way to a room, from before its commit until the room takes it up.
#[derive(Debug)]
pub(crate) struct RoomSpace(
    #[expect(dead_code, reason = "it is given back when dropped")] OwnedSemaphorePermit,
);

/// The end of a room's lines to a member.
pub(crate) struct Detached(oneshot::Receiver<()>);

impl Detached {
    /// Waits until the member gets nothing more of the room.
    pub(crate) async fn wait(self) {
        // The room says so by letting go of its end.
        let _ = self.0.await;
    }
}

/// The moment from which a room has taken up what it was told.
pub(crate) struct Heard(oneshot::Receiver<()>);

impl Heard {
    /// Waits for it.
    pub(crate) async fn wait(self) {
        // The room says so by letting go of its end.
        let _ = self.0.await;
    }
}

/// For whom how much of a room's log is kept.
pub(crate) struct Needs(oneshot::Receiver<Vec<(MemberId, usize)>>);

impl Needs {
    /// Waits for it; a room that is closed keeps nothing.
    pub(crate) async fn get(self) -> Vec<(MemberId, usize)> {
        self.0.await.unwrap_or_default()
    }
}

/// A room somebody is in.
pub(crate) struct Room {
    /// What has happened and is not taken up yet; `None` once the task that serves the room has ended.
    queue: Mutex<Option<Vec<Op>>>,
    wake: Notify,
    /// Bytes that may still be said before the room has taken up what was said.
    space: Arc<Semaphore>,
    /// Bytes of its log, kept for whoever is behind.
    kept: AtomicUsize,
    bounds: Bounds,
    metrics: Metrics,
}

impl Room {
    /// Opens a room, with the task that serves it.
    pub(crate) fn open(threads: &Threads, bounds: Bounds, metrics: Metrics) -> Arc<Self> {
        // Half of what a member may be behind: what is taken up at once does not cut off whoever was not.
        let space = (bounds.each() / 2).clamp(LEAST_SPACE, MOST_SPACE);
        let room = Arc::new(Room {
            queue: Mutex::new(Some(Vec::new())),
            wake: Notify::new(),
            space: Arc::new(Semaphore::new(space)),
            kept: AtomicUsize::new(0),
            bounds,
            metrics,
        });
        threads.serve(Flusher::new(room.clone()).run());
        room
    }

    /// Space for a message of this text; waits while the room has more to take up than it may. The room
    /// waits for nobody, so whoever waits here is served in turn.
    pub(crate) async fn space_for(&self, text: &str) -> RoomSpace {
        let bytes = (text.len() + BESIDE_TEXT).min(LEAST_SPACE) as u32;
        if let Ok(space) = self.space.clone().try_acquire_many_owned(bytes) {
            return RoomSpace(space);
        }
        self.metrics.limits.room_waits.inc();
        RoomSpace(self.space.clone().acquire_many_owned(bytes).await.expect("a room's space is never closed"))
    }

    /// Tells the room something.
    pub(crate) fn tell(&self, line: Line) {
        self.push(Op::Line(line));
    }

    /// Tells the room what has been committed together.
    pub(crate) fn tell_all(&self, lines: Vec<Line>) {
        self.push_all(lines.into_iter().map(Op::Line));
    }

    /// Lets a member in; it gets everything from here on once it is [started](Room::start).
    pub(crate) fn attach(&self, member: Arc<Member>) {
        self.push(Op::Attach(member));
    }

    /// The member has got the past.
    pub(crate) fn start(&self, member: MemberId) {
        self.push(Op::Start(member));
    }

    /// The member's socket takes more again.
    pub(super) fn resume(&self, member: MemberId) {
        self.push(Op::Resume(member));
    }

    /// Lets a member out. Lines may be on their way to it until the answer is there.
    pub(crate) fn detach(&self, member: MemberId) -> Detached {
        let (done, detached) = oneshot::channel();
        self.push(Op::Detach(member, done));
        Detached(detached)
    }

    /// For whoever is not to tell the room more than it takes up.
    pub(crate) fn heard(&self) -> Heard {
        let (done, heard) = oneshot::channel();
        self.push(Op::Hear(done));
        Heard(heard)
    }

    /// Asks for whom how much of the log is kept.
    pub(crate) fn needs(&self) -> Needs {
        let (answer, needs) = oneshot::channel();
        self.push(Op::Count(answer));
        Needs(needs)
    }

    /// Bytes of the log, kept for whoever is behind.
    pub(crate) fn kept(&self) -> usize {
        self.kept.load(Ordering::Relaxed)
    }

    /// Says how many bytes of the log are kept now.
    pub(super) fn keeps(&self, bytes: usize) {
        let before = self.kept.swap(bytes, Ordering::Relaxed);
        self.bounds.changed(before, bytes);
    }

    /// What bounds it.
    pub(super) fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    /// What it moves.
    pub(super) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Ends the room's task; nobody is left.
    pub(crate) fn close(&self) {
        self.push(Op::Close);
    }

    /// Waits until something has happened.
    pub(super) async fn stirred(&self) {
        while self.queue().as_ref().is_some_and(Vec::is_empty) {
            self.wake.notified().await;
        }
    }

    /// Takes all that has happened.
    pub(super) fn take(&self) -> Vec<Op> {
        self.queue().as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Forgets what has happened and whatever still will: nobody serves the room any more, and so nobody must
    /// wait for it.
    pub(super) fn end(&self) {
        let waiting = self.queue().take();
        // Not under the lock: whoever waited may push at once.
        drop(waiting);
    }

    fn push(&self, op: Op) {
        self.push_all(std::iter::once(op));
    }

    fn push_all(&self, ops: impl Iterator<Item = Op>) {
        if let Some(queue) = &mut *self.queue() {
            queue.extend(ops);
        }
        self.wake.notify_one();
    }

    fn queue(&self) -> MutexGuard<'_, Option<Vec<Op>>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chassis::Life;
    use tokio::time::timeout;

    use super::*;
    use crate::config::Config;

    /// A task that has ended took its answers with it.
    #[tokio::test]
    async fn nobody_waits_for_a_room_that_nobody_serves() {
        let (config, _) = chassis::parse::<Config>(&crate::SERVICE, &[]).unwrap();
        let metrics = Metrics::new(&Life::new(&crate::SERVICE).metrics);
        let (threads, late) = Threads::late();
        let room = Room::open(&threads, Bounds::new(&config, &metrics), metrics);
        let before = (room.heard(), room.detach(MemberId(1)));
        late.fail();
        let after = (room.heard(), room.detach(MemberId(1)));
        let waited = async {
            tokio::join!(before.0.wait(), before.1.wait(), after.0.wait(), after.1.wait());
            room.needs().get().await
        };
        assert_eq!(timeout(Duration::from_secs(30), waited).await, Ok(Vec::new()));
    }
}
