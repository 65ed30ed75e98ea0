//! Names: who somebody is and where they talk.

mod index;
mod room;
mod user;

pub use index::NameIndex;
pub use room::RoomName;
pub use user::UserName;
