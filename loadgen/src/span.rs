//! When a run was measured, by the clock on the wall, which machines have in common.

use std::fmt;
use std::time::{Duration, SystemTime};

use humantime::format_rfc3339_millis;
use serde::{Deserialize, Serialize};

/// A time from one instant to another; written as RFC 3339, in UTC, with milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// When it began.
    #[serde(with = "rfc3339")]
    pub from: SystemTime,
    /// When it ended.
    #[serde(with = "rfc3339")]
    pub to: SystemTime,
}

impl Span {
    /// One that begins now.
    pub fn begin() -> Self {
        let from = SystemTime::now();
        Span { from, to: from }
    }

    /// Ends it now; a clock that was set back meanwhile leaves nothing of it.
    pub fn end(&mut self) {
        self.to = SystemTime::now().max(self.from);
    }

    /// How long it lasts.
    pub fn lasts(&self) -> Duration {
        self.to.duration_since(self.from).unwrap_or_default()
    }

    /// How long both of them last.
    pub fn shared(&self, other: &Span) -> Duration {
        let (from, to) = (self.from.max(other.from), self.to.min(other.to));
        to.duration_since(from).unwrap_or_default()
    }

    /// From where the first of them begins to where the last ends.
    pub fn around(&self, other: &Span) -> Span {
        Span { from: self.from.min(other.from), to: self.to.max(other.to) }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", format_rfc3339_millis(self.from), format_rfc3339_millis(self.to))
    }
}

mod rfc3339 {
    use std::time::SystemTime;

    use humantime::{format_rfc3339_millis, parse_rfc3339};
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_rfc3339_millis(*time))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SystemTime, D::Error> {
        parse_rfc3339(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// From so many seconds after the start of 2026 to so many.
    pub(crate) fn span(from: u64, to: u64) -> Span {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600 + seconds);
        Span { from: at(from), to: at(to) }
    }

    #[test]
    fn it_is_written_as_people_and_programs_read_it() {
        let text = serde_json::to_string(&span(5, 35)).unwrap();
        assert_eq!(text, r#"{"from":"2026-01-01T00:00:05.000Z","to":"2026-01-01T00:00:35.000Z"}"#);
        assert_eq!(serde_json::from_str::<Span>(&text).unwrap(), span(5, 35));
        assert!(serde_json::from_str::<Span>(r#"{"from":"yesterday","to":"today"}"#).is_err());
    }

    #[test]
    fn what_two_share_is_what_lies_in_both() {
        let seconds = |of: Duration| of.as_secs();
        assert_eq!(seconds(span(0, 30).shared(&span(10, 50))), 20);
        assert_eq!(seconds(span(0, 30).shared(&span(5, 10))), 5);
        assert_eq!(seconds(span(0, 30).shared(&span(40, 50))), 0);
        assert_eq!(span(0, 30).around(&span(40, 50)), span(0, 50));
    }

    #[test]
    fn it_never_ends_before_it_begins() {
        let mut backwards = span(10, 5);
        backwards.end();
        assert!(backwards.to >= backwards.from);
        assert_eq!(span(10, 5).lasts(), Duration::ZERO);
    }
}
