//! The info service: one datagram in, one out.

use std::process::ExitCode;

fn main() -> ExitCode {
    chassis::main(&info::SERVICE, info::start)
}
