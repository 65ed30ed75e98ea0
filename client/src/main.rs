//! The client: a menu for people, subcommands for scripts.

fn main() {}
