//! Chat: who is in which room, and what each of them is told.

mod words;

pub use words::*;
