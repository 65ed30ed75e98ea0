//! Why a process could not go on.

use std::fmt;
use std::process::ExitCode;

/// The end of a process that did not end well.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Something it was told can't be: exit code 2.
    #[error("{flag} {value}: {problem}")]
    Config {
        /// The flag, as it is typed.
        flag: &'static str,
        /// What it was given.
        value: String,
        /// What is wrong with it and what would be right.
        problem: String,
    },
    /// The command line, or the environment, makes no sense: exit code 2.
    #[error("{0}")]
    Usage(String),
    /// Something broke while it ran: exit code 1.
    #[error("{0}")]
    Fatal(String),
}

impl Failure {
    /// A flag whose value can't be used.
    pub fn config(flag: &'static str, value: impl fmt::Display, problem: impl fmt::Display) -> Self {
        Failure::Config { flag, value: value.to_string(), problem: problem.to_string() }
    }

    /// Something that broke.
    pub fn fatal(problem: impl fmt::Display) -> Self {
        Failure::Fatal(problem.to_string())
    }

    /// 2 for what the operator can set right, 1 for the rest.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Failure::Config { .. } | Failure::Usage(_) => ExitCode::from(2),
            Failure::Fatal(_) => ExitCode::FAILURE,
        }
    }
}
