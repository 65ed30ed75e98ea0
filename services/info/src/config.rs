//! The flags of info.

use chassis::trust::Trusted;
use clap::{Args, ValueEnum};
use engine::info::{Limits, UsersMode};

/// The flags of info alone, each also an environment variable `PARLANCE_<FLAG>`.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Info")]
#[group(skip)]
pub struct Config {
    /// Networks that are answered at once; all others prove their address first. `none` trusts nobody.
    #[arg(long, env = "PARLANCE_TRUSTED", value_name = "CIDR,…|none", default_value_t)]
    pub trusted: Trusted,

    /// How much USERS tells.
    #[arg(long, env = "PARLANCE_USERS", value_name = "MODE", default_value = "names")]
    pub users: Users,

    /// How many sockets share the port, each with a task of its own.
    #[arg(long, env = "PARLANCE_WORKERS", value_name = "N", default_value_t = 1)]
    #[arg(allow_negative_numbers = true, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub workers: u16,

    /// Answers a second to each /24 or /64 that is not trusted.
    #[arg(long, env = "PARLANCE_SOURCE_RATE", value_name = "N", default_value_t = Limits::default().per_source)]
    #[arg(allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..))]
    pub source_rate: u32,

    /// Answers a second to all of them together.
    #[arg(long, env = "PARLANCE_GLOBAL_RATE", value_name = "N", default_value_t = Limits::default().global)]
    #[arg(allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..))]
    pub global_rate: u32,

    /// How it is known to the others.
    #[command(flatten)]
    pub presence: presence::Config,
}

impl Config {
    /// What strangers get at most.
    pub(crate) fn limits(&self) -> Limits {
        Limits { per_source: self.source_rate, global: self.global_rate }
    }
}

/// How much `USERS` tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Users {
    /// Nothing: USERS is no command.
    Off,
    /// How many there are.
    Count,
    /// Who they are.
    Names,
}

impl From<Users> for UsersMode {
    fn from(users: Users) -> Self {
        match users {
            Users::Off => UsersMode::Off,
            Users::Count => UsersMode::Count,
            Users::Names => UsersMode::Names,
        }
    }
}
