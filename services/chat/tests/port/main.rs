//! The chat port, asked by clients that know nothing but its protocol.
#![allow(clippy::unwrap_used, reason = "a test that can't go on says so")]

mod client;
mod drain;
mod durability;
mod foreign;
mod history;
mod json;
mod limits;
mod lines;
mod login;
mod malformed;
mod metrics;
mod names;
mod resume;
mod retries;
mod rooms;
mod slow;
mod spoof;
mod text;
mod unterminated;
mod world;
