//! Which service a process is.

/// The version of every binary.
pub const VERSION: &str = env!("PARLANCE_VERSION");
/// The revision the binary was built from.
pub(crate) const REVISION: &str = env!("PARLANCE_REVISION");
/// What `--version` prints behind the name.
pub const LONG_VERSION: &str = concat!(env!("PARLANCE_VERSION"), " (", env!("PARLANCE_REVISION"), ")");
/// The compiler's version.
pub(crate) const RUSTC: &str = env!("PARLANCE_RUSTC");

/// What tells one service from another.
#[derive(Debug)]
pub struct Service {
    /// The name of the binary, and the prefix of its metrics.
    pub name: &'static str,
    /// One line for `--help`.
    pub about: &'static str,
    /// Where it listens unless told otherwise.
    pub listen: &'static str,
    /// Where its admin HTTP listens unless told otherwise.
    pub admin: &'static str,
    /// How many threads its tasks run on, of so many processors.
    pub workers: fn(usize) -> usize,
}

/// A thread for each processor: for a service that has no threads of its own besides.
pub fn one_each(processors: usize) -> usize {
    processors
}

/// A service for the tests of what all have in common.
#[cfg(test)]
pub(crate) const ECHO: Service = Service {
    name: "echo",
    about: "Says what it hears.",
    listen: "127.0.0.1:0",
    admin: "127.0.0.1:0",
    workers: one_each,
};
