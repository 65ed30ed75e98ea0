//! Moments as RFC 3339 in UTC with milliseconds.

use std::time::{Duration, UNIX_EPOCH};

use engine::Timestamp;

/// `2026-11-22T08:30:00.000Z`.
pub fn rfc3339(at: Timestamp) -> String {
    // Years past 9999 have no RFC 3339 form; a clock that says so is shown as the last moment that has.
    const LAST: u64 = 253_402_300_799_999;
    humantime::format_rfc3339_millis(UNIX_EPOCH + Duration::from_millis(at.0.min(LAST))).to_string()
}

/// Reads what [`rfc3339`] writes; `None` for anything that is no moment since 1970.
pub fn parse_rfc3339(written: &str) -> Option<Timestamp> {
    let since = humantime::parse_rfc3339(written).ok()?.duration_since(UNIX_EPOCH).ok()?;
    u64::try_from(since.as_millis()).ok().map(Timestamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_survive_the_trip() {
        let at = Timestamp(1_795_335_000_123);
        assert_eq!(rfc3339(at), "2026-11-22T08:10:00.123Z");
        assert_eq!(parse_rfc3339(&rfc3339(at)), Some(at));
        assert_eq!(parse_rfc3339("yesterday"), None);
        assert!(rfc3339(Timestamp(u64::MAX)).starts_with("9999"));
    }
}
