//! All four services in one process: what `cargo run --release` starts where there is no Docker.

mod flags;
mod stack;

use std::process::ExitCode;

use clap::Parser;
use flags::Flags;

fn main() -> ExitCode {
    let flags = Flags::parse();
    if let Err(failure) = chassis::init_logging(&flags.logging) {
        eprintln!("error: {failure}");
        return failure.exit_code();
    }
    chassis::block_on(chassis::run_until_stopped(async {
        let services = stack::start(&flags).await?;
        print!("{}", stack::welcome(&services, &flags.data, flags.ports));
        Ok(services)
    }))
}
