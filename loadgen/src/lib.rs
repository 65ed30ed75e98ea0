//! The load tester: an open loop, latency from the due time, every delivery accounted for.

pub mod cli;
pub mod clock;
pub mod failure;
pub mod ledger;
pub mod limits;
pub mod pacer;
pub mod payload;
pub mod plan;
pub mod progress;
pub mod recorder;
pub mod report;
pub mod roster;
pub mod run;
pub mod scenario;
pub mod schedule;
pub mod sent;
pub mod shard;
pub mod strain;
pub mod target;
pub mod traffic;
