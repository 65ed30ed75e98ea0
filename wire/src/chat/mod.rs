//! Chat: two dialects on one port, text lines for people and JSON lines for programs.

pub mod foreign;
pub mod json;
pub mod text;
