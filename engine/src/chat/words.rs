//! What people say to the chat service and what it says to them, in no dialect yet.

use std::sync::Arc;

use crate::names::{RoomName, UserName};
use crate::{Code, Refusal, Timestamp};

/// A sender's own idempotency key: 1 to 64 characters, none of them a control character.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ref(Arc<str>);

impl Ref {
    /// Longest key in characters.
    pub const MAX_CHARS: usize = 64;

    /// Reads a key.
    ///
    /// # Errors
    /// [`Code::BadRequest`].
    pub fn parse(written: &str) -> Result<Self, Refusal> {
        let good = !written.is_empty()
            && written.chars().count() <= Self::MAX_CHARS
            && !written.chars().any(char::is_control);
        if good {
            Ok(Ref(written.into()))
        } else {
            Err(Refusal::new(Code::BadRequest, "ref has 1 to 64 characters and no control characters"))
        }
    }

    /// The key as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How much of a room's past somebody wants on entering.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Replay {
    /// Nothing.
    #[default]
    Nothing,
    /// Every message after this id.
    Since(u64),
    /// The newest so many.
    Last(u32),
}

/// Which page of a room's past somebody wants to read; every page is in id order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Page {
    /// The newest messages.
    #[default]
    Newest,
    /// The newest that are older than this id: the way back.
    Before(u64),
    /// The oldest that are newer than this id: the way forth.
    After(u64),
}

/// A room somebody wants to be in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The room.
    pub room: RoomName,
    /// What to repeat of it.
    pub replay: Replay,
}

/// The first word of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// The wanted name.
    pub user: UserName,
    /// Where to go first; may be empty.
    pub rooms: Vec<Entry>,
    /// Whether the sender wants its own messages back.
    pub echo: bool,
    /// What program this is, for the log.
    pub client: Option<String>,
}

/// What a member asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// To say a line in a room.
    Say {
        /// The room; a text session's is implied.
        room: RoomName,
        /// The line.
        text: String,
    },
    /// To enter a room.
    Join(Entry),
    /// To leave a room.
    Leave {
        /// The room.
        room: RoomName,
    },
    /// To say a line to one person.
    Direct {
        /// The other.
        to: UserName,
        /// The line.
        text: String,
    },
    /// To read what was said.
    History {
        /// The room.
        room: RoomName,
        /// Where in it.
        page: Page,
        /// At most so many.
        limit: u32,
    },
    /// To find what was said.
    Search {
        /// Words that all must be there.
        query: String,
        /// One room, or all that one is in.
        room: Option<RoomName>,
        /// At most so many.
        limit: u32,
    },
    /// To see who is here.
    Who {
        /// One room, or everybody.
        room: Option<RoomName>,
    },
    /// To see which rooms there are.
    Rooms,
    /// To be called otherwise.
    Nick {
        /// The wanted name.
        user: UserName,
    },
    /// To know that the other side lives.
    Ping,
}

/// A request and the key under which its answer is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tagged {
    /// The sender's key.
    pub reference: Option<Ref>,
    /// What is asked.
    pub request: Request,
}

/// A message that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Where it was said.
    pub room: RoomName,
    /// Its place in the room: rises by message, with no gap among what is kept.
    pub id: u64,
    /// Who said it.
    pub from: UserName,
    /// What was said.
    pub text: String,
    /// When it was committed.
    pub at: Timestamp,
}

/// Why somebody is not in a room any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaveReason {
    /// `/quit`, or an orderly end of the stream.
    Quit,
    /// Went to another room or left this one.
    Left,
    /// A reset or a time-out.
    Lost,
    /// Read too slowly.
    Slow,
    /// The server is going away.
    Shutdown,
}

impl LeaveReason {
    /// Every reason.
    pub const ALL: [LeaveReason; 5] =
        [LeaveReason::Quit, LeaveReason::Left, LeaveReason::Lost, LeaveReason::Slow, LeaveReason::Shutdown];

    /// The reason as it is written on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            LeaveReason::Quit => "quit",
            LeaveReason::Left => "left",
            LeaveReason::Lost => "lost",
            LeaveReason::Slow => "slow",
            LeaveReason::Shutdown => "shutdown",
        }
    }
}

/// What a member is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The name is one's own from now on.
    Welcome {
        /// The name as the server spells it.
        user: UserName,
        /// Which server this is.
        server: String,
        /// Its version.
        version: String,
        /// This connection's id, for the log.
        session: String,
    },
    /// One is in a room.
    Entered {
        /// The room.
        room: RoomName,
        /// The others.
        members: Vec<UserName>,
        /// The newest id.
        last_id: u64,
        /// Whether something that was asked for is not kept.
        gap: bool,
    },
    /// Somebody said something.
    Message {
        /// What.
        message: Message,
        /// Whether it is a repetition of the past.
        replay: bool,
    },
    /// One's own message is kept, or one's direct message is on its way (then without room and id).
    Ack {
        /// The room and the id it got there.
        place: Option<(RoomName, u64)>,
        /// When.
        at: Timestamp,
    },
    /// Somebody came.
    Joined {
        /// Where.
        room: RoomName,
        /// Who.
        user: UserName,
        /// When.
        at: Timestamp,
    },
    /// Somebody went.
    Left {
        /// Where.
        room: RoomName,
        /// Who.
        user: UserName,
        /// When.
        at: Timestamp,
        /// Why.
        reason: LeaveReason,
    },
    /// Many came and went in a large room.
    Members {
        /// Where.
        room: RoomName,
        /// How many came in this second.
        joined: u32,
        /// How many went.
        left: u32,
        /// How many are there now.
        count: u32,
    },
    /// One has left a room.
    LeftRoom {
        /// The room.
        room: RoomName,
    },
    /// Somebody said something to oneself alone.
    Direct {
        /// Who.
        from: UserName,
        /// What.
        text: String,
        /// When.
        at: Timestamp,
    },
    /// What was said, oldest first.
    History {
        /// Where.
        room: RoomName,
        /// What.
        messages: Vec<Message>,
    },
    /// What was found, newest first.
    Search {
        /// The messages.
        messages: Vec<Message>,
    },
    /// Who is here.
    Who {
        /// The room, or everywhere.
        room: Option<RoomName>,
        /// Their names, sorted.
        users: Vec<UserName>,
    },
    /// Which rooms there are, and how many are in each.
    Rooms {
        /// Sorted by name.
        rooms: Vec<(RoomName, u32)>,
    },
    /// Somebody, perhaps oneself, is called otherwise now.
    Renamed {
        /// The name until now.
        user: UserName,
        /// The name from now on.
        to: UserName,
        /// When.
        at: Timestamp,
    },
    /// The other side lives.
    Pong,
    /// The server is going away.
    Bye {
        /// After how many milliseconds to come back.
        retry_after_ms: u64,
    },
    /// A rule was broken.
    Refused(Refusal),
}

/// An event and the key of the request it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The key that the asker gave.
    pub reference: Option<Ref>,
    /// What is told.
    pub event: Event,
}
