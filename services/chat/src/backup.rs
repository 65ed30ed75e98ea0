//! `chat backup FILE`: the history as it is now, in one file, also while it is served.

use std::path::PathBuf;
use std::process::ExitCode;

use bytesize::ByteSize;
use chassis::{Errand, Failure};
use clap::{Arg, ArgMatches, Command, value_parser};

use crate::config::Config;
use crate::store::{self, Copied};

/// The errand of that name.
pub const BACKUP: Errand<Config> = Errand { command, run };

const LONG_ABOUT: &str = "\
Copy the history as it is now into one file, also while it is served.

The copy is that of one moment, is checked before it gets its name, and holds all that was acked before. FILE \
must not be there yet; it is whole or absent, whatever happens. To restore it, stop chat, move it to chat.db \
in an empty folder, and start chat with --data and that folder. Exit 0: done; 1: it failed; 2: a folder or \
FILE that can't be used.";

fn command() -> Command {
    let file = Arg::new("file")
        .value_name("FILE")
        .required(true)
        .value_parser(value_parser!(PathBuf))
        .help("Where to; its folder must be there, and the file must not");
    Command::new("backup")
        .about("Copy the history into FILE, also while it is served")
        .long_about(LONG_ABOUT)
        .arg(file)
}

fn run(config: Config, matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let file: &PathBuf = matches.get_one("file").expect("it is required");
    let Copied { messages, bytes } = store::copy(&config.data, file)?;
    chassis::say(&format!("{}: {messages} messages, {}", file.display(), ByteSize(bytes)));
    Ok(ExitCode::SUCCESS)
}
