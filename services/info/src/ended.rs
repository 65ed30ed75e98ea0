//! How a connection ends.

/// Why a connection ended: what the log says and the metric's label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The peer closed it.
    Quit,
    /// It broke.
    Lost,
    /// Nothing was asked for too long.
    Idle,
    /// The peer did not read what it had asked for.
    Slow,
    /// A line was too long.
    LineTooLong,
    /// The service goes away.
    Drain,
}

impl Ended {
    /// Every reason.
    pub(crate) const ALL: [Ended; 6] =
        [Ended::Quit, Ended::Lost, Ended::Idle, Ended::Slow, Ended::LineTooLong, Ended::Drain];

    /// The reason in lower case.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Ended::Quit => "quit",
            Ended::Lost => "lost",
            Ended::Idle => "idle",
            Ended::Slow => "slow",
            Ended::LineTooLong => "line_too_long",
            Ended::Drain => "drain",
        }
    }
}
