//! The chat service as a process.

use std::process::ExitCode;

fn main() -> ExitCode {
    chassis::main(&chat::SERVICE, chat::start)
}
