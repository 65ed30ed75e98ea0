//! Info over UDP: one datagram asks, one answers.
//!
//! A request is a word of any case, perhaps with arguments and, from a stranger, with the cookie that
//! proves the address: `STATUS`, `USERS AFTER alice 1f3a56789abcdef0`. A reply is a line of text or one
//! JSON object, never more than [`MAX_REPLY`] bytes, and never reads as a request.

mod answers;
mod listing;
mod reply;
mod request;
mod say;

pub use answers::{Answers, Names};
pub use reply::{Garbled, Page, Reply, Room};
pub use request::{MAX_PING, Request, encode};
pub use say::{cookie, status};

/// The longest request, in bytes.
pub const MAX_REQUEST: usize = 512;
/// The longest reply, in bytes: with its headers it fits the smallest IPv6 path (RFC 8200, 1,280 bytes).
pub const MAX_REPLY: usize = 1200;
