//! What is wrong with a command line, in one line.

use clap::Command;
use clap::error::{ContextKind, ContextValue, Error, ErrorKind};

/// The flag, the value and what would be right, where clap tells them; else clap's own first line.
pub(crate) fn explain(command: &Command, error: &Error) -> String {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let is_value = matches!(error.kind(), ErrorKind::ValueValidation | ErrorKind::InvalidValue);
    match (is_value, context(ContextKind::InvalidArg), context(ContextKind::InvalidValue)) {
        (true, Some(arg), Some(value)) => {
            let flag = arg.split_whitespace().next().unwrap_or(arg);
            format!("{flag} {value}: {}", wish(command, flag, error))
        }
        _ => first_line(error),
    }
}

/// What the flag wants: one of its words, or something like its default.
fn wish(command: &Command, flag: &str, error: &Error) -> String {
    if let Some(ContextValue::Strings(words)) = error.get(ContextKind::ValidValue)
        && !words.is_empty()
    {
        return format!("want one of {}", words.join(", "));
    }
    let arg = command.get_arguments().find(|arg| arg.get_long() == flag.strip_prefix("--"));
    let default = arg.and_then(|arg| arg.get_default_values().first()).and_then(|value| value.to_str());
    let name =
        arg.and_then(|arg| arg.get_value_names()?.first().map(ToString::to_string)).unwrap_or_default();
    let reason = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    if reason.contains("want ") {
        return reason;
    }
    match default {
        Some(default) => format!("{reason}; want {name}, such as {default}"),
        None => format!("{reason}; want {name}"),
    }
}

fn first_line(error: &Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

#[cfg(test)]
mod tests {
    use clap::{Arg, Command};

    use super::*;

    fn complaint(args: &[&str]) -> String {
        let number = Arg::new("history").long("history").value_name("N").default_value("20");
        let number = number.value_parser(clap::value_parser!(u32)).allow_negative_numbers(true);
        let word = Arg::new("sync").long("sync").value_parser(["full", "off"]);
        let mut command = Command::new("chat").no_binary_name(true).arg(number).arg(word);
        let error = command.try_get_matches_from_mut(args).unwrap_err();
        explain(&command, &error)
    }

    #[test]
    fn the_flag_the_value_and_what_would_be_right() {
        let cases = [
            (["--history", "x"], "--history x: invalid digit found in string; want N, such as 20"),
            (["--history", "-1"], "--history -1: -1 is not in 0..=4294967295; want N, such as 20"),
            (["--sync", "maybe"], "--sync maybe: want one of full, off"),
            (["--no-such", "x"], "unexpected argument '--no-such' found"),
        ];
        for (args, wanted) in cases {
            assert_eq!(complaint(&args), wanted);
        }
    }
}
