//! What follows: the pure state machines of every service.
//!
//! A machine is a plain struct with `&mut self` methods: one thing happened, here is the time, and the
//! answer is what has to be done about it. Nothing in this crate waits, reads a clock, opens a file or a
//! socket, or fails because a user broke a rule (that is an answer, [`Refusal`]); it panics only for a bug
//! of its own. Whoever drives a machine asks it when to call again.

pub mod chat;
pub mod file;
pub mod info;
pub mod names;
mod refusal;
pub mod registry;
pub mod text;
mod timestamp;

pub use refusal::{Code, Refusal};
pub use timestamp::Timestamp;
