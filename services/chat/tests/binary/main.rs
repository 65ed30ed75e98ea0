//! The real binary: its flags, its refusals, its signals, and what is left of it after `kill -9`.
#![allow(clippy::unwrap_used, reason = "a test that can't go on says so")]

mod backup;
mod descriptors;
mod faults;
mod flags;
mod folder;
mod foreign;
mod memory;
mod process;
mod replicas;
mod signals;
