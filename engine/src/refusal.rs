//! Why a request is refused: a stable code for programs and words for people.

use std::borrow::Cow;
use std::fmt;

/// Declares [`Code`] with the name each code has on the wire.
macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// The stable, lower-case error codes of every port.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[$doc])* $variant,)* }

        impl Code {
            /// Every code, for metrics that export each label from the start.
            pub const ALL: &[Code] = &[$(Code::$variant,)*];

            /// The code as it is written on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$variant => $name,)* }
            }
        }
    };
}

codes! {
    /// A line is longer than the port takes.
    LineTooLong = "line_too_long",
    /// A line is not UTF-8.
    BadUtf8 = "bad_utf8",
    /// A JSON line does not parse as one object.
    BadJson = "bad_json",
    /// A field is missing or of the wrong type.
    BadRequest = "bad_request",
    /// A message holds control characters, or nothing.
    BadText = "bad_text",
    /// A user, file or service name breaks the rules.
    BadName = "bad_name",
    /// A room name breaks the rules.
    BadRoom = "bad_room",
    /// Somebody holds that name, or one that looks the same.
    NameTaken = "name_taken",
    /// Another server's user has had that name for longer: one goes on with a free one.
    NameLost = "name_lost",
    /// Nobody of that name is here.
    NoSuchUser = "no_such_user",
    /// There is no such room.
    NoSuchRoom = "no_such_room",
    /// The request needs a room that one is in.
    NotInRoom = "not_in_room",
    /// A text command that is not known.
    UnknownCommand = "unknown_command",
    /// A JSON `type` that is not known.
    UnknownType = "unknown_type",
    /// A registry `op` that is not known.
    UnknownOp = "unknown_op",
    /// The lease is over, was never granted, or is another instance's.
    UnknownLease = "unknown_lease",
    /// The same `ref` was used for another message.
    RefReused = "ref_reused",
    /// Three names were refused.
    TooManyAttempts = "too_many_attempts",
    /// No name was said in time.
    LoginTimeout = "login_timeout",
    /// Nothing was heard for too long.
    IdleTimeout = "idle_timeout",
    /// The peer reads more slowly than others write.
    TooSlow = "too_slow",
    /// The server, or the address's share of it, is full.
    TooManyConnections = "too_many_connections",
    /// The disk is full.
    NoSpace = "no_space",
    /// The service can't do it now.
    Unavailable = "unavailable",
    /// There is no such file.
    NotFound = "not_found",
    /// The file is larger than the service takes.
    TooLarge = "too_large",
    /// The data folder's quota is used up.
    Quota = "quota",
    /// The bytes that arrived are not the ones that were announced.
    HashMismatch = "hash_mismatch",
    /// Too many transfers at once.
    Busy = "busy",
    /// The offset lies past the end of the file.
    Range = "range",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A broken rule, as an answer: it goes to the peer and changes nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What programs look at.
    pub code: Code,
    /// What people read: lower case, no full stop, no control characters.
    pub words: Cow<'static, str>,
}

impl Refusal {
    /// A refusal with its words.
    pub fn new(code: Code, words: impl Into<Cow<'static, str>>) -> Self {
        Refusal { code, words: words.into() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.words)
    }
}

impl std::error::Error for Refusal {}
