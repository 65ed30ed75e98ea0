//! The registry as a binary of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    chassis::main(&registry::SERVICE, registry::start)
}
