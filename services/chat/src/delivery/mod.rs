//! How what is said gets to everybody: a room is a log, a member is a cursor.
//!
//! Whoever has something to tell a room only appends it to the room's queue. One task a room moves the
//! queue into the log, encoded once for each dialect, and walks the members with writes that never wait,
//! everything from a member's cursor to the head in one write. While it walks, and while it rests from a
//! walk that was worth it, messages pile up and share the next write. A member whose socket is full waits for
//! it by itself and is walked again then.
//!
//! Nothing here grows without bound. What members say waits for its room in a [`RoomSpace`] that the room has; what
//! comes after a member's cursor stays in the log as long as that is `--behind`, and what is for it alone in
//! its own buffer; all of that together within `--behind-all`, see [`Bounds`]. Whoever is cut off is judged by
//! their own socket, which takes nothing at that moment, and never by how late we are.

mod bounds;
mod flusher;
mod member;
mod room;
mod socket;
mod threads;

pub(crate) use bounds::Bounds;
pub(crate) use member::{Delay, Member};
pub(crate) use room::{Detached, Heard, Line, Room, RoomSpace};
pub(crate) use socket::{Metered, Socket, bound_unsent};
#[cfg(test)]
pub(crate) use threads::Late;
pub(crate) use threads::Threads;
