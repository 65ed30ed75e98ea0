//! The real binary, against servers that the tests play.

mod chat;
mod files;
mod info;
mod menu;
mod scripted;
