//! The rules of the file service: what a file may be called, how sizes are written, who may begin a
//! transfer, and how slow one may be.

mod admission;
mod entry;
mod name;
mod pace;
mod partial;
mod prefix;
mod range;
mod size;

pub use admission::{Admission, Limits, Reservation, Room};
/// BLAKE3 of a file's bytes, written as 64 hex digits.
pub use blake3::Hash;
pub use entry::{Entry, parse_hash};
pub use name::{BadName, FileName};
pub use pace::{Pace, Patience};
pub use partial::{NoKey, Owner, PartialKey};
pub use prefix::Prefix;
pub use range::cut_range;
pub use size::parse_size;
