//! One room's way to its members: a queue that anybody may append to.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use engine::chat::{Event, MemberId, Skip};
use tokio::sync::{Notify, oneshot};

use super::flusher;
use super::member::Member;
use super::threads::Threads;
use crate::metrics::Metrics;

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
    /// Nobody is left.
    Close,
}

/// Something a room is told.
pub(crate) struct Line {
    pub event: Event,
    /// Who does not get it.
    pub skip: Skip,
    /// When a message was read off its sender's socket.
    pub received: Option<Instant>,
}

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

/// A room somebody is in.
pub(crate) struct Room {
    queue: Mutex<Vec<Op>>,
    wake: Notify,
}

impl Room {
    /// Opens a room, with the task that serves it; whoever is `behind_limit` bytes behind is cut off.
    pub(crate) fn open(threads: &Threads, behind_limit: usize, metrics: Metrics) -> Arc<Self> {
        let room = Arc::new(Room { queue: Mutex::default(), wake: Notify::new() });
        threads.serve(flusher::run(room.clone(), behind_limit, metrics));
        room
    }

    /// Tells the room something.
    pub(crate) fn tell(&self, line: Line) {
        self.push(Op::Line(line));
    }

    /// Tells the room what has been committed together.
    pub(crate) fn tell_all(&self, lines: Vec<Line>) {
        self.queue().extend(lines.into_iter().map(Op::Line));
        self.wake.notify_one();
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

    /// Ends the room's task; nobody is left.
    pub(crate) fn close(&self) {
        self.push(Op::Close);
    }

    /// Waits until something has happened.
    pub(super) async fn stirred(&self) {
        while self.queue().is_empty() {
            self.wake.notified().await;
        }
    }

    /// Takes all that has happened.
    pub(super) fn take(&self) -> Vec<Op> {
        std::mem::take(&mut *self.queue())
    }

    fn push(&self, op: Op) {
        self.queue().push(op);
        self.wake.notify_one();
    }

    fn queue(&self) -> MutexGuard<'_, Vec<Op>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
