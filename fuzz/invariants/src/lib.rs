//! What holds whatever arrives: for each parser one function that takes any bytes and panics when a rule is
//! broken.
//!
//! The fuzzer calls them without end, `cargo test` with the seeds in `fuzz/corpus`. The rules are those of
//! the protocol, written here a second time, so that a parser is not judged by its own words.

pub mod chat;
pub mod file;
pub mod info;
pub mod lines;
pub mod names;
pub mod registry;
mod rules;

/// Takes any bytes and panics when they make the parser break a rule.
pub type Invariant = fn(&[u8]);

/// Every parser: what its fuzz target and its folder of seeds are called, and what must hold for it.
pub const PARSERS: [(&str, Invariant); 11] = [
    ("lines", lines::split),
    ("names", names::written),
    ("chat_text", chat::text),
    ("chat_requests", chat::requests),
    ("chat_events", chat::events),
    ("registry_requests", registry::requests),
    ("registry_replies", registry::replies),
    ("file_requests", file::requests),
    ("file_replies", file::replies),
    ("info_requests", info::requests),
    ("info_replies", info::replies),
];
