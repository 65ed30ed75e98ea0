//! How it is said: bytes to engine words and back, without I/O.
//!
//! One module a port. Each decodes what a client sends into the engine's words, encodes the engine's
//! answers, and keeps golden transcripts beside the code.

pub mod chat;
pub mod file;
pub mod info;
pub mod lines;
pub mod registry;
pub mod time;
