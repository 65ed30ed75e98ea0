//! How a process lives: flags, tracing, metrics, admin HTTP, accept loop, drain.
