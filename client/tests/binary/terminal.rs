//! The client in a terminal.

use std::path::Path;

use tmux::Terminal;

/// Runs the client in a terminal of this size; when it ends, its exit code and the terminal's modes are printed.
/// `None` where there is no tmux.
pub(crate) fn open(args: &[&str], wide: u32, high: u32) -> Option<Terminal> {
    open_with(&[], args, wide, high)
}

/// The same, with these variables in the client's environment.
pub(crate) fn open_with(variables: &[&str], args: &[&str], wide: u32, high: u32) -> Option<Terminal> {
    let client = words(&[&["env"], variables, &[env!("CARGO_BIN_EXE_client")], args].concat());
    let modes = "stty -a | tr ' ' '\\n' | grep -xE -e '-?(icanon|echo)' | tr '\\n' ' '";
    Terminal::open(&format!("{client}; echo \"exit $?\"; {modes}"), wide, high)
}

/// Runs the client in a terminal whose shell pays no heed to a hang-up, so that nobody tells the client of one; what
/// goes wrong is told, and the exit code, at `told`.
pub(crate) fn open_unheeding(told: &Path, args: &[&str]) -> Option<Terminal> {
    let client = words(&[&[env!("CARGO_BIN_EXE_client")], args].concat());
    let script = format!("trap '' HUP; exec 2>'{}'; {client}; echo \"exit $?\" >&2", told.display());
    Terminal::open(&script, 80, 12)
}

/// A command as the shell takes it.
fn words(command: &[&str]) -> String {
    let words: Vec<String> = command.iter().map(|word| format!("'{word}'")).collect();
    words.join(" ")
}
