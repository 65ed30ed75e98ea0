//! The service on port 0, asked over UDP and TCP.
#![allow(clippy::unwrap_used, reason = "a test that can't go on says so")]

mod bad_line;
mod everybody;
mod forged;
mod metrics;
mod service;
mod tcp;
mod udp;
