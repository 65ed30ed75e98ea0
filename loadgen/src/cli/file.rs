//! A scenario as a file: a JSON object whose fields are flags without their dashes.
//!
//! It becomes a command line and is read as one, so a field means what its flag means, and what is wrong
//! with it is said in the same words.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use serde_json::{Map, Value};

use crate::failure::Failure;

/// The field that names the command.
const RUN: &str = "run";

/// The command line that a file and the flags beside it are.
pub(super) fn expand(path: &Path, args: Vec<OsString>) -> Result<Vec<OsString>, Failure> {
    let usage =
        |problem: String| Failure::Usage { flag: "--scenario", value: path.display().to_string(), problem };
    let text = fs::read_to_string(path).map_err(|error| usage(error.to_string()))?;
    let fields: Map<String, Value> =
        serde_json::from_str(&text).map_err(|error| usage(format!("want a JSON object: {error}")))?;
    let mut args = args.into_iter();
    let name = args.next();
    let flags = flags(&fields).map_err(usage)?;
    Ok(name.into_iter().chain(flags.into_iter().map(OsString::from)).chain(args).collect())
}

/// The command and the flags of a file.
fn flags(fields: &Map<String, Value>) -> Result<Vec<String>, String> {
    let mut flags: Vec<String> = Vec::new();
    match fields.get(RUN) {
        None => flags.push("mix".into()),
        Some(Value::String(run)) => flags.push(run.clone()),
        Some(other) => return Err(format!("want the name of a command for {RUN:?}, not {other}")),
    }
    for (name, value) in fields.iter().filter(|(name, _)| *name != RUN) {
        let flag = format!("--{}", name.replace('_', "-"));
        match value {
            Value::Bool(true) => flags.push(flag),
            Value::Bool(false) | Value::Null => {}
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
        let file = r#"{"run":"chat","clients":20,"quiet":true,"closed":false,"i_own_this_network":null,
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
        assert!(of(r#"{"clients":{}}"#).unwrap_err().contains("\"clients\""));
    }
}
