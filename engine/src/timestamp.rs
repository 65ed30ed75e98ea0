//! Moments that people are shown.

/// A moment of the wall clock: milliseconds since the Unix epoch, UTC. Only for showing and storing;
/// deadlines count on the monotonic clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub u64);
