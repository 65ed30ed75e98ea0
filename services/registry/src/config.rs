//! The registry's own flags.

use std::time::Duration;

use chassis::Failure;
use engine::registry::Settings;

/// The registry's own flags.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Registry")]
pub struct Config {
    /// Time to live of a lease that asks for none.
    #[arg(
        long, env = "PARLANCE_TTL_DEFAULT", value_name = "TIME", default_value = "10s",
        value_parser = humantime::parse_duration
    )]
    pub ttl_default: Duration,

    /// Longest time to live that is granted.
    #[arg(
        long, env = "PARLANCE_TTL_MAX", value_name = "TIME", default_value = "60s",
        value_parser = humantime::parse_duration
    )]
    pub ttl_max: Duration,

    /// Connections at once.
    #[arg(long, env = "PARLANCE_CONNECTIONS", value_name = "N", default_value_t = 100_000)]
    pub connections: usize,

    /// Time for the first request of a connection.
    #[arg(
        long, env = "PARLANCE_LOGIN", value_name = "TIME", default_value = "10s",
        value_parser = humantime::parse_duration
    )]
    pub login: Duration,

    /// Time after which a connection that watches nothing and asks nothing is closed.
    #[arg(
        long, env = "PARLANCE_IDLE", value_name = "TIME", default_value = "75s",
        value_parser = humantime::parse_duration
    )]
    pub idle: Duration,

    /// Time that a connection may take for each 16 KiB of what it was sent.
    #[arg(
        long, env = "PARLANCE_SLOW", value_name = "TIME", default_value = "10s",
        value_parser = humantime::parse_duration
    )]
    pub slow: Duration,
}

/// How long a session waits for its peer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// For the first request.
    pub(crate) login: Duration,
    /// For another request.
    pub(crate) idle: Duration,
    /// For the peer to read on.
    pub(crate) slow: Duration,
}

/// Leases below this could not be kept alive over an ordinary network.
const TTL_LEAST: Duration = Duration::from_secs(1);
/// The contract's bound.
const TTL_MOST: Duration = Duration::from_secs(60);

impl Config {
    /// Refuses times that can't be or contradict each other.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        let shown = |time: Duration| humantime::format_duration(time).to_string();
        if !(TTL_LEAST..=TTL_MOST).contains(&self.ttl_max) {
            return Err(Failure::config("--ttl-max", shown(self.ttl_max), "want 1s to 60s"));
        }
        if !(TTL_LEAST..=self.ttl_max).contains(&self.ttl_default) {
            let problem = format!("want 1s to --ttl-max, which is {}", shown(self.ttl_max));
            return Err(Failure::config("--ttl-default", shown(self.ttl_default), problem));
        }
        Ok(())
    }

    pub(crate) fn settings(&self) -> Settings {
        // The check has bound both to a minute.
        let ms = |time: Duration| time.as_millis() as u64;
        Settings { ttl_default: ms(self.ttl_default), ttl_max: ms(self.ttl_max) }
    }

    pub(crate) fn patience(&self) -> Patience {
        Patience { login: self.login, idle: self.idle, slow: self.slow }
    }
}
