//! Who is here, kept by leases: the pure machine behind the registry.
//!
//! A service registers and gets a lease; under it its users join rooms. A lease that is not kept alive
//! lapses, and all its presence goes with it. Each change is one [`Event`] with the next revision;
//! [`Roster`] is what the events add up to, here and in every watcher, so that a watcher which replays
//! them has exactly the listing of that revision.
//!
//! Time is milliseconds of a monotonic clock of the caller's, from any beginning. Wall-clock time is only
//! told on (`since`), never reckoned with.

mod event;
mod label;
mod lease;
mod machine;
mod ring;
mod roster;
#[cfg(test)]
mod tests;
mod watcher;
mod words;

pub use event::{Change, Event};
pub use label::Label;
pub use lease::Lapse;
pub use machine::{Registry, Settings};
pub use ring::{EVENT_BYTES_KEPT, EVENTS_KEPT};
pub use roster::{Gap, Roster, SERVICES_KEPT, Service, User, Users};
pub use watcher::{Feed, Resync, Watcher};
pub use words::{Answer, Denied, Moment, Register, Registration, Request, ServiceReport};
