//! The chat service as a process.

use std::process::ExitCode;

fn main() -> ExitCode {
    chassis::main_with(&chat::SERVICE, &[chat::BACKUP], chat::start)
}
