//! The file port: a text line, then raw bytes. Both directions, for the service and its clients.
//!
//! ```text
//! C: UPLOAD 5 notes/a b.txt        C: DOWNLOAD notes/a b.txt
//! C: hello                         S: FILE 5 ea8f…200f notes/a b.txt
//! S: OK 5 ea8f…200f notes/a b.txt  S: hello
//! ```
//!
//! A name comes last in its line, so it may hold spaces. The form of the original design, with colons and
//! without sizes, is in [`plain`].

pub mod plain;
mod reply;
mod request;
mod words;

pub use reply::{BadReply, Reply, decode_entry, encode_entry};
pub use request::{Body, Rejected, Request};
