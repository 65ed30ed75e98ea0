//! How what is said gets to everybody: a room is a log, a member is a cursor.
//!
//! Whoever has something to tell a room only appends it to the room's queue. One task a room moves the
//! queue into the log, encoded once for each dialect, and walks the members with writes that never wait,
//! everything from a member's cursor to the head in one write. While it walks, and while it rests from a
//! walk that was worth it, messages pile up and share the next write. A member whose socket is full waits for it by itself and is walked again then.

mod flusher;
mod member;
mod room;
mod socket;
mod threads;

pub(crate) use member::Member;
pub(crate) use room::{Detached, Heard, Line, Room};
pub(crate) use socket::Socket;
pub(crate) use threads::Threads;
