//! How a process lives: flags, tracing, metrics, admin HTTP, accept loop, drain.
//!
//! Knows no message of any service. A service is a library function `start(config, flags)` that binds its
//! port and calls [`Running::launch`] with what it does; [`main`] makes a binary of it, tests and the
//! all-in-one binary call it as it is.

pub mod accept;
mod admin;
mod drain;
mod failure;
mod flags;
mod logging;
pub mod metrics;
pub mod net;
mod process;
mod ready;
mod running;
mod service;
pub mod trust;
mod words;

pub use admin::{Page, Pages};
pub use drain::Drain;
pub use failure::Failure;
pub use flags::{Flags, LogFlags, LogFormat, forgiving, parse};
pub use logging::init as init_logging;
pub use metrics::Metrics;
pub use process::{Errand, block_on, main, main_with, report, run_until_stopped, usage};
pub use ready::Readiness;
pub use running::{Life, Running};
pub use service::{LONG_VERSION, Service, VERSION, one_each};
pub use words::say;
