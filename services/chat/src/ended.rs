//! Why a connection ended: the text in the log, the label in the metrics, the assertion in the tests.

use engine::Code;
use engine::chat::LeaveReason;
use wire::chat::foreign::Foreign;

/// Why a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// `/quit`, or an orderly end of the stream.
    Quit,
    /// A reset, or silence on the line.
    Lost,
    /// Read more slowly than others wrote.
    Slow,
    /// The server goes away.
    Shutdown,
    /// A line was longer than the port takes.
    LineTooLong,
    /// No name was said in time.
    LoginTimeout,
    /// Three names were refused.
    TooManyAttempts,
    /// The first bytes were another protocol's.
    Foreign(Foreign),
}

impl Ended {
    /// Every reason.
    pub const ALL: [Ended; 10] = [
        Ended::Quit,
        Ended::Lost,
        Ended::Slow,
        Ended::Shutdown,
        Ended::LineTooLong,
        Ended::LoginTimeout,
        Ended::TooManyAttempts,
        Ended::Foreign(Foreign::Tls),
        Ended::Foreign(Foreign::Http),
        Ended::Foreign(Foreign::Ssh),
    ];

    /// As it stands in the log and the metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Ended::Quit => "quit",
            Ended::Lost => "lost",
            Ended::Slow => "slow",
            Ended::Shutdown => "shutdown",
            Ended::LineTooLong => "line_too_long",
            Ended::LoginTimeout => "login_timeout",
            Ended::TooManyAttempts => "too_many_attempts",
            Ended::Foreign(protocol) => protocol.as_str(),
        }
    }

    /// What the peer is told before the close, where it is an error.
    pub fn last_words(self) -> Option<(Code, &'static str)> {
        match self {
            Ended::Quit | Ended::Lost | Ended::Shutdown | Ended::Foreign(_) => None,
            Ended::Slow => {
                Some((Code::TooSlow, "you read more slowly than the others write; come back with since"))
            }
            Ended::LineTooLong => Some((Code::LineTooLong, "a line has at most 4096 bytes with its end")),
            Ended::LoginTimeout => Some((Code::LoginTimeout, "no name was said in time")),
            Ended::TooManyAttempts => Some((Code::TooManyAttempts, "that was the third; connect again")),
        }
    }

    /// As the others in the room are told.
    pub fn leave_reason(self) -> LeaveReason {
        match self {
            Ended::Quit => LeaveReason::Quit,
            Ended::Slow => LeaveReason::Slow,
            Ended::Shutdown => LeaveReason::Shutdown,
            Ended::Lost
            | Ended::LineTooLong
            | Ended::LoginTimeout
            | Ended::TooManyAttempts
            | Ended::Foreign(_) => LeaveReason::Lost,
        }
    }
}
