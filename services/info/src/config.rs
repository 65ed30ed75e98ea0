//! The flags of info.

use std::time::Duration;

use chassis::accept;
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

    /// How many threads answer over UDP, each with a socket of its own on the port; one for each core that
    /// is meant for it.
    #[arg(long, env = "PARLANCE_WORKERS", value_name = "N", default_value_t = 1)]
    #[arg(allow_negative_numbers = true, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub workers: u16,

    /// Answers a second to each /24 or /64 that is not trusted; over TCP more are only answered later.
    #[arg(long, env = "PARLANCE_SOURCE_RATE", value_name = "N", default_value_t = Limits::default().per_source)]
    #[arg(allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..))]
    pub source_rate: u32,

    /// Answers a second to all of them together.
    #[arg(long, env = "PARLANCE_GLOBAL_RATE", value_name = "N", default_value_t = Limits::default().global)]
    #[arg(allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..))]
    pub global_rate: u32,

    /// TCP connections at once.
    #[arg(long, env = "PARLANCE_CONNECTIONS", value_name = "N", default_value_t = 100_000)]
    pub connections: usize,

    /// TCP connections at once from one address, or one IPv6 /64, that is not trusted.
    #[arg(long, env = "PARLANCE_PER_ADDRESS", value_name = "N", default_value_t = 16)]
    pub per_address: usize,

    /// Time after which a TCP connection that asks nothing is closed.
    #[arg(
        long, env = "PARLANCE_IDLE", value_name = "TIME", default_value = "75s",
        value_parser = humantime::parse_duration
    )]
    pub idle: Duration,

    /// Time that a TCP connection may take for each 16 KiB of what it was sent.
    #[arg(
        long, env = "PARLANCE_SLOW", value_name = "TIME", default_value = "10s",
        value_parser = humantime::parse_duration
    )]
    pub slow: Duration,

    /// How it is known to the others.
    #[command(flatten)]
    pub presence: presence::Config,
}

impl Config {
    /// What strangers get at most.
    pub(crate) fn limits(&self) -> Limits {
        Limits { per_source: self.source_rate, global: self.global_rate }
    }

    /// How many may be connected.
    pub(crate) fn connections(&self) -> accept::Limits {
        let (connections, per_address, trusted) = (self.connections, self.per_address, self.trusted.clone());
        accept::Limits { connections, per_address, trusted }
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
