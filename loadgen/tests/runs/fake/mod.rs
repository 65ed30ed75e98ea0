//! Servers that do exactly what they are told, right or wrong, over real sockets.

mod chat;
mod file;
mod info;
mod registry;

pub(crate) use chat::{Fault, chat};
pub(crate) use file::{Blunders, file};
pub(crate) use info::{deaf_info, flooding_info, info, metrics, passing_metrics};
pub(crate) use registry::{Slips, registry};
