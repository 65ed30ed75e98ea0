//! Chat: who is in which room, and what each of them is told.

mod backlog;
mod catch_up;
mod flood;
mod hub;
mod log;
mod query;
mod words;

pub use backlog::Backlog;
pub use catch_up::{Ask, CatchUp};
pub use flood::{Allowance, Flood};
pub use hub::{Arrival, Hub, Limits, MemberId, Notice, Skip, Style, no_such_user};
pub use log::{Batch, Dialect, Gathered, Log, Reader};
pub use query::{SEARCH_WORDS, check_query, search_words};
pub use words::*;
