//! The load tester: an open loop, latency from the due time, every delivery accounted for.

pub mod clock;
pub mod ledger;
pub mod pacer;
pub mod payload;
pub mod recorder;
pub mod roster;
pub mod schedule;
