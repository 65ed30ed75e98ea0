//! What may reach a terminal, and in which colours.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::io::{self, IsTerminal, Write as _};

use crate::errors::{Failure, Outcome};
use crate::fold::folded;

/// Text from the network with everything made visible that could drive a terminal: C0, DEL, C1, and the
/// controls that reorder what is read (Unicode's bidirectional overrides and isolates, UAX 9).
pub(crate) fn safe(text: &str) -> Cow<'_, str> {
    escaped(text, |out, c| write!(out, "\\u{{{:x}}}", c as u32))
}

/// A JSON line with the same characters as `\u` escapes, which they may only need within strings.
pub(crate) fn safe_json(line: &str) -> Cow<'_, str> {
    escaped(line, |out, c| write!(out, "\\u{:04x}", c as u32))
}

fn escaped(text: &str, escape: impl Fn(&mut String, char) -> fmt::Result) -> Cow<'_, str> {
    if !text.chars().any(drives) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match drives(c) {
            true => escape(&mut out, c).expect("a string takes everything"),
            false => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// Whether a character could drive a terminal, and is no text.
pub(crate) fn drives(c: char) -> bool {
    (c.is_control() && c != '\t')
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

/// Whether to use colours on standard output: a terminal, and nobody said no (<https://no-color.org>).
pub(crate) fn colours() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Whether a person sits at a terminal that can show more than lines.
pub(crate) fn takes_a_screen() -> bool {
    let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    io::stdin().is_terminal() && io::stdout().is_terminal() && (cfg!(windows) || !dumb)
}

/// The text in the terminal's faint form.
pub(crate) fn dim(text: &str) -> String {
    format!("\x1b[2m{text}\x1b[0m")
}

/// Prints a line to standard output, at once: whoever reads a pipe wants each line when it is there.
pub(crate) fn print(line: &str) -> Outcome {
    write_out(format!("{line}\n").as_bytes())
}

/// Prints words for a person, such that a narrow terminal breaks none of them.
pub(crate) fn print_words(line: &str) -> Outcome {
    print(&folded(line, &io::stdout()))
}

/// Prints the beginning of a line, as a prompt does.
pub(crate) fn prompt(text: &str) -> Outcome {
    write_out(text.as_bytes())
}

/// Writes bytes to standard output, at once.
pub(crate) fn write_out(bytes: &[u8]) -> Outcome {
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).map_err(output_failed)
}

/// Prints one object to standard output as a line.
pub(crate) fn print_json(value: &serde_json::Value) -> Outcome {
    print(&safe_json(&value.to_string()))
}

/// Tells the person something that is no part of the output. Where standard error is gone, nobody is
/// there to be told, and the work goes on.
pub(crate) fn note(line: &str) {
    let _ = writeln!(io::stderr(), "{}", folded(line, &io::stderr()));
}

/// Says on standard error what went wrong.
pub(crate) fn report(failure: &Failure, json: bool) {
    let words = failure.to_string();
    match (failure, json) {
        (Failure::NobodyReads, _) => {}
        (_, true) => {
            let object = serde_json::json!({"type": "error", "code": failure.code(), "message": words});
            let _ = writeln!(io::stderr(), "{}", safe_json(&object.to_string()));
        }
        (_, false) => note(&safe(&format!("client: {words}"))),
    }
}

/// What a failed write to standard output means.
pub(crate) fn output_failed(error: io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::NobodyReads,
        _ => Failure::local("can't write the output", &error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_drives_the_terminal() {
        assert_eq!(safe("a\tb ünï 日本 🦀"), "a\tb ünï 日本 🦀");
        assert_eq!(safe("\u{1b}[2J\u{9b}1m\u{7f}\r\n"), "\\u{1b}[2J\\u{9b}1m\\u{7f}\\u{d}\\u{a}");
        assert_eq!(safe("a\u{202e}b"), "a\\u{202e}b");
    }

    #[test]
    fn json_stays_json() {
        let line = serde_json::json!({"text": "a\u{9b}b\u{7f}\u{1b}\u{2028}"}).to_string();
        let shown = safe_json(&line);
        assert!(!shown.chars().any(drives));
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&shown).unwrap(),
            serde_json::from_str::<serde_json::Value>(&line).unwrap()
        );
    }

    #[test]
    fn faint_ends_where_the_text_does() {
        assert_eq!(dim("x"), "\x1b[2mx\x1b[0m");
    }
}
