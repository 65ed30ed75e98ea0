//! What the users of a run do. One module a service.

pub mod chat;
pub mod file;
pub mod info;
pub mod registry;

use std::sync::Arc;

use crate::clock::Clock;
use crate::payload::Header;
use crate::roster::Roster;
use crate::schedule::Schedule;
use crate::sent::Sent;

/// What every thread of a run knows: the plan, who is in it, the time, and what was sent.
#[derive(Debug)]
pub struct Scene {
    /// What falls due when.
    pub schedule: Schedule,
    /// The users and their rooms.
    pub roster: Arc<Roster>,
    /// The run's time.
    pub clock: Clock,
    /// What was sent so far.
    pub sent: Sent,
    /// How long after its due time something still counts as in time, in nanoseconds.
    pub patience: u64,
    /// Whether users wait for their acks, and times run from the send.
    pub closed: bool,
    /// Whether whose connection breaks comes back.
    pub reconnect: bool,
    /// Whether listeners leave and come back.
    pub churn: bool,
}

impl Scene {
    /// A scene before its first act.
    pub fn new(schedule: Schedule, roster: Roster, patience: u64) -> Self {
        let sent = Sent::new(&schedule, &roster);
        let (roster, clock) = (Arc::new(roster), Clock::default());
        Scene { schedule, roster, clock, sent, patience, closed: false, reconnect: false, churn: false }
    }

    /// When an operation was due.
    pub fn due(&self, number: u32) -> u64 {
        self.schedule.operations()[number as usize].due
    }

    /// When the time of a message's response begins: at its due time, but in a closed loop at its send.
    pub fn began(&self, number: u32) -> u64 {
        let sent = if self.closed { self.sent.at(number) } else { None };
        sent.unwrap_or_else(|| self.due(number))
    }

    /// What a user's message, operation `number`, says about itself.
    pub fn header(&self, number: u32, user: u32, sequence: u32) -> Header {
        let (run, room) = (self.roster.run(), self.roster.room_of(user) as u16);
        Header { run, room, sender: user, sequence, due: self.due(number) }
    }
}
