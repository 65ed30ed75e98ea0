//! What uploads survive, struck again and again at moments that nobody chose.
//!
//! `cargo test` strikes a few times. By hand it is as often as wanted, and what was seen is printed:
//!
//!     PARLANCE_ROUNDS=1000 cargo test -p file --test binary faults::power_cut -- --nocapture
//!
//! What a fault takes that is not to be had here (root, or a tool) is told on standard error.

mod disk_full;
mod killed;
mod ledger;
mod power_cut;
mod uploaders;
