//! What the machine is given and what it gives.

use std::time::Duration;

use engine::Refusal;
use engine::chat::{Replay, Told};
use engine::names::{RoomName, UserName};

use crate::naming::Naming;
use crate::skew::Skew;

/// What has to be done next.
#[derive(Debug, PartialEq)]
pub(crate) enum Effect {
    /// Open a connection, then call [`Model::connected`](super::Model::connected) or [`Model::lost`](super::Model::lost).
    Dial,
    /// Send a line, which has its end.
    Send(String),
    /// Close the connection; [`Model::lost`](super::Model::lost) was called already.
    Hang,
    /// Tell the person what the server says.
    Show(Told),
    /// Tell the person something else.
    Note(Note),
    /// Leave.
    End(End),
}

/// What the person should know beside what the server says.
#[derive(Debug, PartialEq)]
pub(crate) enum Note {
    /// The wanted name is taken; this one is tried.
    Renaming { taken: UserName, to: UserName },
    /// The connection is gone; it is tried again and again.
    Lost,
    /// The connection is there again.
    Back,
    /// Nobody knows whether a direct message arrived.
    Unsure { to: UserName },
    /// A typed line can't be sent.
    Mistake(Refusal),
    /// The server sends a line that never ends; the connection is given up.
    Endless,
    /// The server's clock is so far from this machine's.
    Clock(Skew),
    /// What can be typed.
    Help,
}

/// How the connection is at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Connection {
    /// There; with the time that an answer takes, when that is known, and whether one is waited for.
    Up { latency: Option<Duration>, waiting: bool },
    /// Being made.
    Coming,
    /// Gone; the next try is at this time.
    Waiting { until: Duration },
}

/// Why it is over.
#[derive(Debug, PartialEq)]
pub(crate) enum End {
    /// All was said, and answered; so many lines were refused.
    Done { refused: usize },
    /// The server does not let one in.
    Refused(Refusal),
    /// The connection ended before the server said a word that a chat server says.
    NeverIn,
    /// The same, or no such word came in time; and this came instead.
    Stranger { problem: String },
    /// The server did not say welcome in time.
    Silent,
    /// The connection is gone and did not come back; so many requests have no answer.
    Lost { open: usize },
}

/// How a chat begins.
pub(crate) struct Start {
    /// Who one wants to be.
    pub(crate) naming: Naming,
    /// Where one goes.
    pub(crate) room: RoomName,
    /// What of a room's past to show on entering.
    pub(crate) replay: Replay,
    /// Whether a join keeps the rooms that one is in, and the latency is measured, as a screen wants it.
    pub(crate) many: bool,
    /// How long a server may take to answer.
    pub(crate) timeout: Duration,
    /// How long to go on without a connection; `None` for as long as the person likes.
    pub(crate) patience: Option<Duration>,
    /// Tells this run's requests from any other's: the keys must not meet for a day.
    pub(crate) run: u64,
    /// Chooses the name that is tried when the own one is taken.
    pub(crate) dice: u16,
}
