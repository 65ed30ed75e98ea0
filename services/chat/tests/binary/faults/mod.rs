//! What a chat server survives.

mod killed;
