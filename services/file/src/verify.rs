//! `file verify`: are the bytes still those that were stored?

use std::process::ExitCode;

use chassis::{Errand, Failure, say};
use clap::{ArgMatches, Command};

use crate::Config;
use crate::store::{Finding, verify};

/// Reads every file again: exit 0 when each is what it was, 1 when one is not. A service may go on meanwhile.
pub const VERIFY: Errand<Config> = Errand { command, run };

fn command() -> Command {
    Command::new("verify")
        .about("Hash every file again and name those whose bytes are not what was stored; exit 0 or 1")
}

fn run(config: Config, _: &ArgMatches) -> Result<ExitCode, Failure> {
    let [mut same, mut untagged, mut bad] = [0u64; 3];
    let told = |name: &str, finding: Finding| match finding {
        Finding::Same => same += 1,
        Finding::Untagged => untagged += 1,
        Finding::Differs { stored, found } => {
            bad += 1;
            say(&format!("differs {name}: stored as {stored}, now {found}"));
        }
        Finding::Unreadable(error) => {
            bad += 1;
            say(&format!("unreadable {name}: {error}"));
        }
    };
    let walked = verify(&config.data, told);
    walked.map_err(|error| Failure::config("--data", config.data.display(), error))?;
    say(&format!(
        "{same} files are as they were stored, {bad} are not, {untagged} have no hash to compare yet"
    ));
    Ok(if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
