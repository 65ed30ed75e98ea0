//! A watcher is a place in the events, not a queue of them.

use std::sync::Arc;

use super::{Event, Roster, ServiceReport};

/// How far one watcher has been told. It costs the registry nothing: a watcher that reads slowly falls
/// off the kept events and is given a new snapshot, and never skips one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watcher {
    pub(super) place: Place,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// It has everything up to this revision.
    After(u64),
    /// It needs a snapshot first.
    Nowhere(Resync),
}

impl Watcher {
    /// The revision that the watcher has; `None` before its snapshot.
    pub fn rev(&self) -> Option<u64> {
        match self.place {
            Place::After(rev) => Some(rev),
            Place::Nowhere(_) => None,
        }
    }
}

/// What a watcher is told next.
#[derive(Debug)]
pub enum Feed {
    /// It has everything.
    Nothing,
    /// The next events, in order.
    Events(Vec<Arc<Event>>),
    /// Everything at one revision; the events after it follow.
    Snapshot {
        /// For how many milliseconds this run of the registry has lasted: whoever remembers a former one
        /// knows by it whether everybody has had the time to come back.
        age: u64,
        /// Everybody and every service.
        roster: Arc<Roster>,
        /// The services with what only the registry knows of them.
        services: Vec<ServiceReport>,
        /// Why events would not do.
        reason: Resync,
    },
}

/// Why a watcher is given a snapshot instead of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resync {
    /// It named no place.
    First,
    /// Its place is of another run of the registry.
    Epoch,
    /// Its place lies ahead of the registry's revision.
    Future,
    /// The events after its place were no longer kept when it came.
    Compacted,
    /// It read so slowly that the events after its place are no longer kept.
    Slow,
}

impl Resync {
    /// Every reason, for metrics that export each label from the start.
    pub const ALL: [Resync; 5] =
        [Resync::First, Resync::Epoch, Resync::Future, Resync::Compacted, Resync::Slow];

    /// The reason as a metric's label.
    pub fn as_str(self) -> &'static str {
        match self {
            Resync::First => "first",
            Resync::Epoch => "epoch",
            Resync::Future => "future",
            Resync::Compacted => "compacted",
            Resync::Slow => "slow",
        }
    }
}
