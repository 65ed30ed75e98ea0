//! How far another machine's clock is from this one's.

use std::fmt;
use std::time::Duration;

use engine::Timestamp;

/// A distance and its direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Skew {
    Ahead(Duration),
    Behind(Duration),
}

impl Skew {
    /// How far a clock that shows `there` is from one that shows `here` in the same moment.
    pub(crate) fn between(there: Timestamp, here: Timestamp) -> Self {
        let by = Duration::from_millis(there.0.abs_diff(here.0));
        if there.0 > here.0 { Skew::Ahead(by) } else { Skew::Behind(by) }
    }

    /// The distance alone.
    pub(crate) fn by(self) -> Duration {
        let (Skew::Ahead(by) | Skew::Behind(by)) = self;
        by
    }
}

/// `1day 2h ahead of`, with the other clock to follow.
impl fmt::Display for Skew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = if let Skew::Ahead(_) = self { "ahead of" } else { "behind" };
        write!(f, "{} {how}", humantime::format_duration(Duration::from_secs(self.by().as_secs())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skew_is_told_in_seconds() {
        let at = Timestamp;
        assert_eq!(Skew::between(at(90_000_500), at(0)).to_string(), "1day 1h ahead of");
        assert_eq!(Skew::between(at(0), at(61_000)).to_string(), "1m 1s behind");
    }
}
