//! Whole runs over real sockets, against servers that do as they are told.

#![cfg(test)]

mod binary;
mod fake;
mod outputs;
mod search;
mod services;
mod starved;
mod terminal;
mod trust;
mod unsent;
