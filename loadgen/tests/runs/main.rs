//! Whole runs over real sockets, against servers that do as they are told.

#![cfg(test)]

mod binary;
mod fake;
mod moved;
mod namespace;
mod outputs;
mod search;
mod services;
mod signals;
mod starved;
mod terminal;
mod trust;
mod unsent;
