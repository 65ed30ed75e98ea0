//! What a process says beside its log. That nobody reads it changes nothing of what it does.

use std::io::{Write, stderr, stdout};

/// Says a line on standard output.
pub fn say(line: &str) {
    let _ = writeln!(stdout(), "{line}");
}

/// Says a line on standard error.
pub(crate) fn complain(line: &str) {
    let _ = writeln!(stderr(), "{line}");
}
