//! The real binary, against servers that the tests play.
#![allow(clippy::unwrap_used, reason = "a test that can't go on says so")]

mod chat;
mod files;
mod hostile;
mod info;
mod menu;
mod screen;
mod scripted;
mod terminal;
mod transfers;
