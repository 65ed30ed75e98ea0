//! What a chat server survives, struck again and again at moments that nobody chose.
//!
//! `cargo test` strikes a few times. By hand it is as often as wanted, and what was seen is printed:
//!
//!     PARLANCE_ROUNDS=1000 cargo test -p chat --test binary faults::killed -- --nocapture
//!
//! `PARLANCE_SEED` repeats the moments of another run, as far as the machine does. A fault that is not to be
//! had here (it takes root, or a tool) is skipped with a line on standard error, unless it is asked for by
//! `PARLANCE_ROUNDS`: then it fails.

mod backed_up;
mod crowd;
mod disconnected;
mod disk_full;
mod drained;
mod failed_flush;
mod killed;
mod ledger;
mod power_cut;

use strike::{disk, lots, moments, or_skip};
