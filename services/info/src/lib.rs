//! The info service: one datagram in, one out.
