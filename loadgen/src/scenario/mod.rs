//! What the users of a run do. One module a service.

pub mod chat;
pub mod info;

use std::sync::Arc;

use crate::clock::Clock;
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
}

impl Scene {
    /// A scene before its first act.
    pub fn new(schedule: Schedule, roster: Roster, patience: u64) -> Self {
        let sent = Sent::new(&schedule, &roster);
        Scene { schedule, roster: Arc::new(roster), clock: Clock::default(), sent, patience }
    }

    /// When an operation was due.
    pub fn due(&self, number: u32) -> u64 {
        self.schedule.operations()[number as usize].due
    }
}
