//! The load tester: an open loop, latency from the due time, every delivery accounted for.

fn main() {}
