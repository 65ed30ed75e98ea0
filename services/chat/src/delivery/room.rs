//! One room's way to its members: a queue that anybody may append to.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use engine::chat::{Event, MemberId, Skip};
use tokio::sync::Notify;

use super::flusher;
use super::member::Member;
use crate::metrics::Metrics;

/// What happens to a room, in order.
pub(super) enum Op {
    /// It is told something.
    Line {
        event: Event,
        skip: Skip,
        /// When a message was read off its sender's socket.
        received: Option<Instant>,
    },
    /// Somebody gets whatever comes from here on, once [`Op::Start`] says so.
    Attach(Arc<Member>),
    /// Somebody has got the past and is ready for the rest.
    Start(MemberId),
    /// Somebody's socket takes more again.
    Resume(MemberId),
    /// Somebody gets nothing more.
    Detach(MemberId),
    /// Nobody is left.
    Close,
}

/// A room somebody is in.
pub(crate) struct Room {
    queue: Mutex<Vec<Op>>,
    wake: Notify,
}

impl Room {
    /// Opens a room, with the task that serves it.
    pub(crate) fn open(metrics: Metrics) -> Arc<Self> {
        let room = Arc::new(Room { queue: Mutex::default(), wake: Notify::new() });
        tokio::spawn(flusher::run(room.clone(), metrics));
        room
    }

    /// Tells the room something.
    pub(crate) fn tell(&self, event: Event, skip: Skip, received: Option<Instant>) {
        self.push(Op::Line { event, skip, received });
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

    /// Lets a member out.
    pub(crate) fn detach(&self, member: MemberId) {
        self.push(Op::Detach(member));
    }

    /// Ends the room's task; nobody is left.
    pub(crate) fn close(&self) {
        self.push(Op::Close);
    }

    /// Waits until something has happened, and takes all of it.
    pub(super) async fn take(&self) -> Vec<Op> {
        loop {
            let ops = std::mem::take(&mut *self.queue.lock().unwrap_or_else(PoisonError::into_inner));
            if !ops.is_empty() {
                return ops;
            }
            self.wake.notified().await;
        }
    }

    fn push(&self, op: Op) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).push(op);
        self.wake.notify_one();
    }
}
