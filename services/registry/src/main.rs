//! The registry: who is here, kept by leases.

fn main() {}
