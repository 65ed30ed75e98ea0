//! All four services in one process: what `cargo run --release` starts where there is no Docker.

mod blame;
mod flags;
mod stack;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};
use flags::Flags;

fn main() -> ExitCode {
    let mut command = chassis::forgiving(Flags::command());
    let read = command.try_get_matches_from_mut(std::env::args_os());
    let flags = match read.and_then(|matches| Flags::from_arg_matches(&matches)) {
        Ok(flags) => flags,
        Err(error) => return chassis::usage(&command, &error),
    };
    if let Err(failure) = chassis::init_logging(&flags.logging) {
        return chassis::report(&failure);
    }
    chassis::block_on(
        chassis::one_each,
        chassis::run_until_stopped(async {
            let services = stack::start(&flags).await?;
            chassis::say(&stack::welcome(&services, &flags));
            Ok(services)
        }),
    )
}
