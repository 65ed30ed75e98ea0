//! What may stand in a line that other people's terminals will show.

use crate::{Code, Refusal};

/// True for the characters that can drive a terminal: C0 but TAB, DEL and C1.
///
/// [`char::is_control`] is Unicode's `Cc`, which is exactly C0, DEL and C1.
pub fn is_control(c: char) -> bool {
    c != '\t' && c.is_control()
}

/// Checks the text of a message: no control characters, and something to read.
///
/// # Errors
/// [`Code::BadText`].
pub fn check_message(text: &str) -> Result<(), Refusal> {
    if text.chars().any(is_control) {
        return Err(Refusal::new(Code::BadText, "a message must not hold control characters"));
    }
    if text.trim().is_empty() {
        return Err(Refusal::new(Code::BadText, "a message must hold something to read"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tabs_pass_and_what_drives_a_terminal_does_not() {
        assert!(check_message("a\tb, ünï, 日本, 🦀").is_ok());
        for bad in ["\u{1b}[2J", "a\rb", "nul\0", "del\u{7f}", "csi\u{9b}31m", "", " \t "] {
            assert_eq!(check_message(bad).unwrap_err().code, Code::BadText, "{bad:?}");
        }
    }
}
