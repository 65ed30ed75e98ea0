//! A scenario as a file: a JSON object whose fields are flags without their dashes.
//!
//! It becomes a command line and is read as one, so a field means what its flag means, and what is wrong
//! with it is said in the same words.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use serde_json::{Map, Value};

use super::Cli;
use crate::failure::Failure;

/// The field that names the command.
const RUN: &str = "run";
/// The flag that is no field: it is the one that names the file.
const SCENARIO: &str = "scenario";
/// The field of promises, which those on the command line are added to.
const ASSERT: &str = "assert";

/// The command that has no [`DURATION`], for its steps have one each. To clap that is a misspelt flag.
const SEARCH: &str = "find-max";
const DURATION: &str = "duration";

/// Flags that say the same in other ways: one on the command line takes the place of these in the file.
const INSTEAD: [(&str, &[&str]); 3] = [
    ("--rate", &["--rate-per-user", "--stages"]),
    ("--rate-per-user", &["--rate", "--stages"]),
    ("--stages", &["--rate", "--rate-per-user", "--duration"]),
];

/// The file that a command line names, and the rest of the command line. It is looked for by hand, for the
/// rest may hold what only the file's command knows.
pub(super) fn named(args: &[OsString]) -> Option<(PathBuf, Vec<OsString>)> {
    let flag = format!("--{SCENARIO}");
    let place = args.iter().position(|arg| arg.to_str().is_some_and(|arg| is_flag(arg, &flag)))?;
    let mut others = args.to_vec();
    let arg = others.remove(place).into_string().ok()?;
    let path = match arg.split_once('=') {
        Some((_, path)) => OsString::from(path),
        None if place < others.len() => others.remove(place),
        None => return None,
    };
    Some((path.into(), others))
}

/// Whether an argument is a flag, with its value or without.
fn is_flag(arg: &str, flag: &str) -> bool {
    arg.strip_prefix(flag).is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
}

/// The command line that a file and the flags beside it are.
pub(super) fn expand(path: &Path, args: Vec<OsString>) -> Result<Vec<OsString>, Failure> {
    let usage =
        |problem: String| Failure::Usage { flag: "--scenario", value: path.display().to_string(), problem };
    if args.get(1).is_some_and(|arg| Cli::command().find_subcommand(arg).is_some()) {
        return Err(usage("the file says which command it is; leave the command out".into()));
    }
    let text = fs::read_to_string(path).map_err(|error| usage(error.to_string()))?;
    let mut fields: Map<String, Value> =
        serde_json::from_str(&text).map_err(|error| usage(format!("want a JSON object: {error}")))?;
    let given = given(&args);
    fields.retain(|name, _| [ASSERT, SCENARIO].contains(&name.as_str()) || !is_replaced(&flag(name), &given));
    let mut args = args.into_iter();
    let name = args.next();
    let flags = flags(&fields).map_err(usage)?;
    Ok(name.into_iter().chain(flags.into_iter().map(OsString::from)).chain(args).collect())
}

/// The flags of a command line: a list there takes the place of the file's.
fn given(args: &[OsString]) -> BTreeSet<String> {
    let words = args.iter().filter_map(|arg| arg.to_str());
    let flags = words.filter_map(|word| word.strip_prefix("--")?.split('=').next());
    flags.map(|name| format!("--{name}")).collect()
}

/// Whether what is given on the command line takes the place of a flag of the file.
fn is_replaced(flag: &str, given: &BTreeSet<String>) -> bool {
    let others = INSTEAD.iter().filter(|(instead, _)| given.contains(*instead));
    given.contains(flag) || others.flat_map(|(_, others)| *others).any(|other| *other == flag)
}

/// The flag that a field is.
fn flag(field: &str) -> String {
    format!("--{}", field.replace('_', "-"))
}

/// The command and the flags of a file.
fn flags(fields: &Map<String, Value>) -> Result<Vec<String>, String> {
    let mut flags: Vec<String> = Vec::new();
    match fields.get(RUN) {
        None => flags.push("mix".into()),
        Some(Value::String(run)) => flags.push(run.clone()),
        Some(other) => return Err(format!("want the name of a command for {RUN:?}, not {other}")),
    }
    if fields.contains_key(SCENARIO) {
        return Err(format!("a file can't name another one; leave {SCENARIO:?} out"));
    }
    if flags[0] == SEARCH && fields.contains_key(DURATION) {
        return Err(format!("{SEARCH} has no {DURATION:?} but a \"step\": how long each step is measured"));
    }
    for (name, value) in fields.iter().filter(|(name, _)| *name != RUN) {
        let flag = flag(name);
        match value {
            Value::Bool(true) => flags.push(flag),
            Value::Bool(false) => {}
            Value::Array(values) => {
                for value in values {
                    flags.push(format!("{flag}={}", scalar(name, value)?));
                }
            }
            value => flags.push(format!("{flag}={}", scalar(name, value)?)),
        }
    }
    Ok(flags)
}

fn scalar(name: &str, value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Null => Err(format!("want a value for {name:?}, not null; leave it out for the usual one")),
        other => Err(format!("want a string or a number for {name:?}, not {other}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str) -> Result<Vec<String>, String> {
        flags(&serde_json::from_str(json).unwrap())
    }

    #[test]
    fn fields_are_flags() {
        let file = r#"{"run":"chat","clients":20,"quiet":true,"closed":false,"i_own_this_network":false,
                       "assert":["chat.lost==0","chat.delivery.p99<1s"],"duration":"5s"}"#;
        let mut flags = of(file).unwrap();
        flags[1..].sort();
        let wanted = [
            "chat",
            "--assert=chat.delivery.p99<1s",
            "--assert=chat.lost==0",
            "--clients=20",
            "--duration=5s",
            "--quiet",
        ];
        assert_eq!(flags, wanted);
        assert_eq!(of("{}").unwrap(), ["mix"]);
    }

    #[test]
    fn what_is_no_flag_is_named() {
        assert!(of(r#"{"run":1}"#).unwrap_err().contains("\"run\""));
        assert!(of(r#"{"clients":null}"#).unwrap_err().contains("a value for \"clients\", not null"));
        assert!(of(r#"{"scenario":"other.json"}"#).unwrap_err().contains("leave \"scenario\" out"));
        let words = of(r#"{"run":"find-max","slo":"lost==0","duration":"5s"}"#).unwrap_err();
        assert!(words.contains("find-max has no \"duration\" but a \"step\""), "{words}");
        assert!(of(r#"{"clients":{}}"#).unwrap_err().contains("\"clients\""));
    }
}
