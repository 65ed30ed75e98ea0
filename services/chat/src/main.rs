//! The chat service: rooms, history, delivery after commit.

fn main() {}
