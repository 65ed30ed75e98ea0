//! JSON mode, for programs: one object a line, both ways.
//!
//! The server decodes requests and encodes events; clients do it the other way round. Unknown fields are
//! ignored, a field that is `null` counts as absent, and a field is looked at only where its `type` has it.

mod event;
mod fields;
mod request;

pub use event::{decode as decode_event, encode as encode_event};
pub use request::{
    Opening, Spoiled, decode as decode_request, decode_hello, encode as encode_request, encode_hello,
};

#[cfg(test)]
mod tests;
