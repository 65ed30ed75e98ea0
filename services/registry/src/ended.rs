//! Why a session is over.

use std::io;

/// The one reason for which a session ended: the log's text and the metric's label.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Ended {
    #[error("the peer closed the connection")]
    Closed,
    #[error("the connection broke: {0}")]
    Lost(#[from] io::Error),
    #[error("the peer sent a line that was too long")]
    LineTooLong,
    #[error("the peer asked nothing in time")]
    LoginTimeout,
    #[error("the peer was idle")]
    IdleTimeout,
    #[error("the peer did not read what it was sent")]
    Slow,
    #[error("the registry is going away")]
    Shutdown,
}

impl Ended {
    /// Every label, for metrics that export each from the start.
    pub(crate) const LABELS: [&str; 7] =
        ["closed", "lost", "line_too_long", "login_timeout", "idle_timeout", "slow", "shutdown"];

    pub(crate) fn label(&self) -> &'static str {
        match self {
            Ended::Closed => "closed",
            Ended::Lost(_) => "lost",
            Ended::LineTooLong => "line_too_long",
            Ended::LoginTimeout => "login_timeout",
            Ended::IdleTimeout => "idle_timeout",
            Ended::Slow => "slow",
            Ended::Shutdown => "shutdown",
        }
    }
}
