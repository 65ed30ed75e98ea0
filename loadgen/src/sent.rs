//! What was really sent, and when: written by the pacer, read by whoever sees the other end.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::roster::Roster;
use crate::schedule::{Action, Schedule};

/// The record of a run's sends, by operation number.
#[derive(Debug)]
pub struct Sent {
    /// When each operation was handed to its socket, plus one; 0 while it was not.
    at: Vec<AtomicU64>,
    /// When each message was acknowledged, plus one; 0 while it was not.
    answered: Vec<AtomicU64>,
    /// When each message was last seen to reach somebody, plus one; 0 while it was not.
    seen: Vec<AtomicU64>,
    /// How many receivers each message has not reached.
    unreached: Vec<AtomicU32>,
    by_user: Vec<AtomicU32>,
    messages: AtomicU64,
    queries: AtomicU64,
    owed: AtomicU64,
    waiting: AtomicU64,
    unsent: AtomicU64,
    unsaid: AtomicU64,
}

impl Sent {
    /// An empty record for a plan.
    pub fn new(schedule: &Schedule, roster: &Roster) -> Self {
        let audience = |action| match action {
            Action::Say { user, .. } => roster.audience(user),
            _ => 0,
        };
        let operations = schedule.operations();
        Sent {
            at: operations.iter().map(|_| AtomicU64::new(0)).collect(),
            answered: operations.iter().map(|_| AtomicU64::new(0)).collect(),
            seen: operations.iter().map(|_| AtomicU64::new(0)).collect(),
            unreached: operations.iter().map(|operation| audience(operation.action).into()).collect(),
            by_user: (0..roster.users()).map(|_| AtomicU32::new(0)).collect(),
            messages: AtomicU64::new(0),
            queries: AtomicU64::new(0),
            owed: AtomicU64::new(0),
            waiting: AtomicU64::new(0),
            unsent: AtomicU64::new(0),
            unsaid: AtomicU64::new(0),
        }
    }

    /// Notes that an operation is being handed to its socket. It is noted before, because the other end
    /// can be quicker than we are; when the socket refuses, it is noted again at the next attempt.
    pub fn attempt(&self, number: u32, now: u64) {
        self.at[number as usize].store(now + 1, Ordering::Release);
    }

    /// When an operation was handed to its socket.
    pub fn at(&self, number: u32) -> Option<u64> {
        self.at[number as usize].load(Ordering::Acquire).checked_sub(1)
    }

    /// Notes when a message was acknowledged.
    pub fn answered(&self, number: u32, now: u64) {
        self.answered[number as usize].store(now + 1, Ordering::Release);
    }

    /// Notes when a message reached somebody.
    pub fn seen(&self, number: u32, now: u64) {
        self.seen[number as usize].fetch_max(now + 1, Ordering::AcqRel);
    }

    /// Until when a message was on its way: its acknowledgement or the last that was noted of its being seen,
    /// whichever came later, for a server may deliver before or behind its acknowledgement. `None` while it is
    /// not acknowledged.
    pub fn in_flight_until(&self, number: u32) -> Option<u64> {
        let [answered, seen] =
            [&self.answered, &self.seen].map(|at| at[number as usize].load(Ordering::Acquire));
        answered.checked_sub(1).map(|answered| answered.max(seen.saturating_sub(1)))
    }

    /// Notes that a socket has taken a user's next message, which is now owed to `audience` others.
    pub fn message_taken(&self, user: u32, audience: u32) {
        self.by_user[user as usize].fetch_add(1, Ordering::Relaxed);
        self.messages.fetch_add(1, Ordering::Relaxed);
        self.owed.fetch_add(audience.into(), Ordering::Relaxed);
    }

    /// Notes that a query is being handed to its socket: before, for its reply may be noted at once.
    pub fn query_attempted(&self) {
        self.queries.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that the socket would not take the query after all.
    pub fn query_refused(&self) {
        self.queries.fetch_sub(1, Ordering::Relaxed);
        self.skipped();
    }

    /// Notes that a socket would not take a message, which waits from now on.
    pub fn began_waiting(&self) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that a message waits no longer.
    pub fn ended_waiting(&self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    /// Notes an operation that fell due and could not be sent.
    pub fn skipped(&self) {
        self.unsent.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes a message that fell due and could not be sent.
    pub fn unsaid(&self) {
        self.unsaid.fetch_add(1, Ordering::Relaxed);
        self.skipped();
    }

    /// Notes that a message has reached one more receiver; true when that was the last of them.
    pub fn reached_last(&self, number: u32) -> bool {
        self.unreached[number as usize].fetch_sub(1, Ordering::Relaxed) == 1
    }

    /// How many messages of a user were sent: always its first ones.
    pub fn messages_of(&self, user: u32) -> u32 {
        self.by_user[user as usize].load(Ordering::Relaxed)
    }

    /// How many messages were sent.
    pub fn messages(&self) -> u64 {
        self.messages.load(Ordering::Relaxed)
    }

    /// How many queries were sent.
    pub fn queries(&self) -> u64 {
        self.queries.load(Ordering::Relaxed)
    }

    /// How many deliveries are owed for the messages that were sent.
    pub fn owed(&self) -> u64 {
        self.owed.load(Ordering::Relaxed)
    }

    /// How many messages wait for their socket.
    pub fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }

    /// How many operations fell due and could not be sent.
    pub fn unsent(&self) -> u64 {
        self.unsent.load(Ordering::Relaxed)
    }

    /// How many messages among them.
    pub fn messages_unsaid(&self) -> u64 {
        self.unsaid.load(Ordering::Relaxed)
    }
}
