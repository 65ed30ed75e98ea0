//! Moments, as this machine's clock has them and as people read them.

use engine::Timestamp;
use jiff::Zoned;
use jiff::tz::TimeZone;

/// The time on this machine's clock.
pub(crate) fn now() -> Timestamp {
    Timestamp(u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or(0))
}

/// A moment in somebody's own time, if any calendar has it.
pub(crate) fn local(at: Timestamp, zone: &TimeZone) -> Option<Zoned> {
    let at = jiff::Timestamp::from_millisecond(i64::try_from(at.0).ok()?).ok()?;
    Some(at.to_zoned(zone.clone()))
}

/// A moment in the person's own time, to the minute, in sixteen columns: `2026-11-22 08:30`.
pub(crate) fn to_the_minute(at: Timestamp) -> String {
    let local = local(at, &TimeZone::system());
    local.map_or("----------------".into(), |at| at.strftime("%Y-%m-%d %H:%M").to_string())
}
