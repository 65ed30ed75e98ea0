//! The registry's port: one JSON object a line, both ways.
//!
//! The server's direction is [`decode`] and the `write_*` functions; [`client`] is the other one. Beyond
//! the contract's words there are two requests, `hold` and `release`, for users who are in no room, their
//! events `held` and `released`, the field `held` wherever a name is held, and `generation` with a grant.

mod answer;
pub mod client;
mod event;
mod fields;
#[cfg(test)]
mod golden;
mod listing;
mod request;
mod snapshot;

pub use answer::{write_answer, write_denied};
pub use event::{write_bookmark, write_bye, write_event};
pub use request::{Incoming, OPS, decode};
pub use snapshot::Snapshot;

/// Appends one JSON line.
fn write_line(out: &mut Vec<u8>, line: &impl serde::Serialize) {
    serde_json::to_writer(&mut *out, line).expect("our own lines have string keys, and a buffer takes all");
    out.push(b'\n');
}
