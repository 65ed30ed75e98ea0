//! All four services in one process.

fn main() {}
