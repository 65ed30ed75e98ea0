//! What is asked of the registry and what it answers.

use std::sync::Arc;

use super::{Label, Roster, Watcher};
use crate::names::{RoomName, UserName};
use crate::{Code, Refusal, Timestamp};

/// What the caller adds to a request, since the machine has neither clock nor chance.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// Milliseconds of a monotonic clock.
    pub now: u64,
    /// What the wall clock says, to be told on and never reckoned with.
    pub at: Timestamp,
    /// A fresh random number that nobody can guess, for the lease that a register may grant.
    pub random: u64,
}

/// A request of a service or a watcher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// An instance says that it is there.
    Register(Register),
    /// The lease shall go on for another time to live.
    Keepalive {
        /// Its lease.
        lease: u64,
        /// New figures, the text of a JSON object; without them the old ones stay.
        stats: Option<Arc<str>>,
    },
    /// A user enters a room; the first one claims the name.
    Join {
        /// The instance's lease.
        lease: u64,
        /// Who.
        user: UserName,
        /// Where.
        room: RoomName,
        /// Whether the name stays the user's also without a room, until [`Request::Release`].
        hold: bool,
        /// For how many milliseconds the user has had the name already; 0 when it is new.
        age: u64,
    },
    /// A user's name is claimed, in no room.
    Hold {
        /// The instance's lease.
        lease: u64,
        /// Who.
        user: UserName,
        /// For how many milliseconds the user has had the name already; 0 when it is new.
        age: u64,
    },
    /// A user leaves a room; the last one frees a name that is not held.
    Leave {
        /// The instance's lease.
        lease: u64,
        /// Who.
        user: UserName,
        /// Which.
        room: RoomName,
    },
    /// A user is gone from every room, and its name is free.
    Release {
        /// The instance's lease.
        lease: u64,
        /// Who.
        user: UserName,
    },
    /// A user takes another name, in all its rooms at once.
    Rename {
        /// The instance's lease.
        lease: u64,
        /// The name until now.
        user: UserName,
        /// The name wanted; it may be another spelling of the old one.
        to: UserName,
    },
    /// The instance is leaving: all that its lease holds goes at once.
    Drop {
        /// Its lease.
        lease: u64,
    },
    /// Who is here?
    ListUsers,
    /// Which services are there?
    ListServices,
    /// Tell every change from now on.
    Watch {
        /// The run of the registry that `since` is of.
        epoch: Option<Arc<str>>,
        /// The last revision that the watcher has.
        since: Option<u64>,
    },
}

/// What an instance says when it registers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Register {
    /// What it serves.
    pub service: Label,
    /// Which instance it is; no two at once are the same.
    pub instance: Label,
    /// Where it is reached.
    pub addr: Label,
    /// The time to live it wants, in milliseconds; whatever it is, it is clamped.
    pub ttl_ms: Option<i64>,
    /// The lease it had, to go on with it; without it the instance was started anew.
    pub lease: Option<u64>,
    /// What else it says of itself: the text of a JSON object.
    pub meta: Arc<str>,
}

/// The answer to a request that was granted.
#[derive(Debug)]
pub enum Answer {
    /// To [`Request::Register`].
    Registered {
        /// The lease's number, 1 to 2^53.
        lease: u64,
        /// The time to live that holds, in milliseconds.
        ttl_ms: u64,
        /// The revision after it.
        rev: u64,
        /// What became of the lease.
        how: Registration,
    },
    /// To [`Request::Keepalive`].
    Kept {
        /// Names that the lease held and that an older claim has taken from it. They are told once.
        lost: Vec<UserName>,
    },
    /// To [`Request::Join`], [`Request::Hold`] and [`Request::Rename`].
    Granted {
        /// The revision after it.
        rev: u64,
        /// The grant's generation: the revision at which the name was given.
        generation: u64,
    },
    /// To [`Request::Leave`], [`Request::Release`] and [`Request::Drop`].
    Gone {
        /// The revision after it.
        rev: u64,
    },
    /// To [`Request::ListUsers`].
    Users(Arc<Roster>),
    /// To [`Request::ListServices`].
    Services {
        /// The revision of the list.
        rev: u64,
        /// The services by instance.
        services: Vec<ServiceReport>,
    },
    /// To [`Request::Watch`]: what to tell is asked with the watcher from now on.
    Watching {
        /// The revision now.
        rev: u64,
        /// The place from which to tell.
        watcher: Watcher,
    },
}

/// What became of the lease in a register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registration {
    /// A new lease.
    Granted,
    /// The old lease goes on.
    Resumed,
    /// A new lease, and the one that the instance still had has ended.
    Replaced,
}

/// A service with what only the registry knows of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceReport {
    /// Which instance.
    pub instance: Label,
    /// What it serves.
    pub service: Label,
    /// Where it is, or was, reached.
    pub addr: Label,
    /// Whether a lease holds it.
    pub up: bool,
    /// Milliseconds since it was last heard.
    pub age_ms: u64,
    /// Its newest figures: the text of a JSON object.
    pub stats: Arc<str>,
    /// What else it says of itself: the text of a JSON object.
    pub meta: Arc<str>,
}

/// A request that was refused; it has changed nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    /// Why.
    pub refusal: Refusal,
    /// With [`Code::NameTaken`], the instance whose user has the name.
    pub holder: Option<Label>,
}

impl Denied {
    pub(super) fn unknown_lease() -> Self {
        Refusal::new(Code::UnknownLease, "the lease is over or another instance's: register again").into()
    }

    pub(super) fn taken(holder: Label) -> Self {
        let refusal = Refusal::new(Code::NameTaken, "somebody has that name, or one that looks the same");
        Denied { refusal, holder: Some(holder) }
    }

    pub(super) fn no_such_user() -> Self {
        Refusal::new(Code::NoSuchUser, "the lease holds no such user").into()
    }

    pub(super) fn not_in_room() -> Self {
        Refusal::new(Code::NotInRoom, "the user is not in that room").into()
    }
}

impl From<Refusal> for Denied {
    fn from(refusal: Refusal) -> Self {
        Denied { refusal, holder: None }
    }
}
