//! A process namespace whose session and whose first group began outside of it, where both are called 0.

use std::process::Command;

use strike::disk::run;
use strike::or_skip;

/// What begins one, before a command.
pub(crate) const UNSHARE: &str = "unshare --map-root-user --pid --fork";

/// Whether there can be one.
pub(crate) fn is_to_be_had() -> bool {
    let tried = run(Command::new("sh").args(["-c", &format!("{UNSHARE} true")]));
    or_skip("process namespace", tried).is_some()
}
