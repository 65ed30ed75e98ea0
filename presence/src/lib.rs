//! How a service is known: the registry's client, used by chat, info and file.
//!
//! One task a service keeps one connection to the registry, and everything about it to itself: it
//! registers, keeps its lease alive, tells who is here, and comes back by itself after whatever breaks,
//! with its old lease while that lives and wholly when it does not. The service never waits for the
//! registry longer than a moment and never fails because of it.

mod backoff;
mod config;
mod core;
mod handle;
mod metrics;
mod task;
mod view;

pub use config::{Config, RegistryAddr};
pub use handle::{Claim, Presence};
pub use view::{Instance, View};
