//! The registry, three chat nodes and two watchers on a simulated network, one run for each seed.
//!
//! The real session of the registry and the real task of presence run on turmoil's network, which cuts,
//! delays and kills as the seed says. `SEEDS=10000` runs more of them, `SEED=17` one, with its trace.
#![allow(clippy::unwrap_used, reason = "a test's helpers fail the test")]

mod book;
mod chaos;
mod claimants;
mod crowd;
mod faults;
mod nodes;
mod regained;
mod scenarios;
mod tap;
mod watching;
