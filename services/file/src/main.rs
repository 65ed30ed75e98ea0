//! The file service: upload, download, whole or absent.

use std::process::ExitCode;

fn main() -> ExitCode {
    chassis::main_with(&file::SERVICE, &[file::VERIFY], file::start)
}
