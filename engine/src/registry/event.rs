//! What happened, one revision each.

use std::sync::Arc;

use super::Label;
use crate::Timestamp;
use crate::names::{RoomName, UserName};

/// One change of the roster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The revision that the roster has after it: one more than before.
    pub rev: u64,
    /// What changed.
    pub change: Change,
}

/// What an event changes.
///
/// A user is there as long as it is in a room or its name is held; `held` says how that stands after the
/// event, so that whoever replays it knows whether the user of a last room is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A user is in one more room; without a room, its name is held from now on.
    Joined {
        /// Who.
        user: UserName,
        /// Where to; `None` when the name alone was held.
        room: Option<RoomName>,
        /// The instance the user is connected to.
        instance: Label,
        /// When the user came.
        since: Timestamp,
        /// Whether the name is held also without a room.
        held: bool,
    },
    /// A user is in one room less; without a room, its name is no longer held.
    Left {
        /// Who.
        user: UserName,
        /// Where from; `None` when the user was in no room.
        room: Option<RoomName>,
        /// The instance the user was connected to.
        instance: Label,
        /// Whether the name is still held without a room.
        held: bool,
    },
    /// A user has another name, in all rooms at once.
    Renamed {
        /// The name until now.
        user: UserName,
        /// The name from now on.
        to: UserName,
        /// The instance the user is connected to.
        instance: Label,
    },
    /// An instance came, or changed what it says of itself.
    Up {
        /// Which.
        instance: Label,
        /// What it serves.
        service: Label,
        /// Where it is reached.
        addr: Label,
        /// What else it says of itself: the text of a JSON object.
        meta: Arc<str>,
    },
    /// An instance is gone.
    Down {
        /// Which.
        instance: Label,
        /// What it served.
        service: Label,
        /// Where it was reached.
        addr: Label,
    },
}
