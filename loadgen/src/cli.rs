//! The command line.

use std::time::Duration;

use clap::Parser;

use crate::payload;
use crate::schedule::Arrival;

const EXIT_CODES: &str = "Exit codes: 0 held, 1 could not run, 2 usage, 4 the ledger is broken, \
5 the run is invalid because the generator was the limit, 130 interrupted (and still reports).";

/// Loads chat and info with an open loop, measures from the due time, and accounts for every delivery.
///
/// Users join rooms over the ramp; then messages and queries fall due on a schedule that no slow answer
/// delays. The warm-up is accounted for but not measured. At the end it waits until every delivery has come.
#[derive(Debug, Clone, Parser)]
#[command(name = "loadgen", version, after_help = EXIT_CODES, allow_negative_numbers = true)]
pub struct Options {
    /// Chat users.
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub clients: u32,
    /// Rooms that the users are dealt out over; by default one for each 50 users.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub rooms: Option<u32>,
    /// Messages a second, of all users together; 0 for silent users.
    #[arg(long, value_name = "MSGS_PER_S", default_value_t = 100.0, value_parser = rate)]
    pub rate: f64,
    /// UDP queries a second, all together; 0 to leave info alone.
    #[arg(long, value_name = "Q_PER_S", default_value_t = 100.0, value_parser = rate)]
    pub info_rate: f64,
    /// How long traffic is measured.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub duration: Duration,
    /// How long the users take to join, evenly; by default 5s, or a second for each 500 users.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub ramp: Option<Duration>,
    /// How long traffic runs before it is measured.
    #[arg(long, value_name = "TIME", default_value = "3s", value_parser = duration)]
    pub warmup: Duration,
    /// How long to wait at the end for what has not come; what takes longer than this is late.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration)]
    pub drain: Duration,
    /// Bytes in a message, at least 56: those say which message it is and hold its checksum.
    #[arg(long, value_name = "BYTES", default_value_t = 128,
          value_parser = clap::value_parser!(u16).range(payload::MIN_LEN as i64..=payload::MAX_LEN as i64))]
    pub payload: u16,
    /// How due times follow each other.
    #[arg(long, value_enum, default_value_t = Arrival::Constant)]
    pub arrival: Arrival,
    /// Where the random numbers begin: the same seed is the same plan.
    #[arg(long, value_name = "N", default_value_t = 42)]
    pub seed: u64,
    /// The host of all services.
    #[arg(long, env = "PARLANCE_HOST", default_value = "127.0.0.1")]
    pub host: String,
    /// The chat service; by default port 9001 of the host.
    #[arg(long, value_name = "HOST:PORT", env = "PARLANCE_CHAT")]
    pub chat: Option<String>,
    /// The info service; by default port 9002 of the host.
    #[arg(long, value_name = "HOST:PORT", env = "PARLANCE_INFO")]
    pub info: Option<String>,
    /// Allows targets beyond loopback, private and link-local addresses.
    #[arg(long)]
    pub i_own_this_network: bool,
    /// Exits 0 also when the generator was the limit; the report says INVALID all the same.
    #[arg(long)]
    pub allow_client_limited: bool,
    /// Prints the report as JSON.
    #[arg(long)]
    pub json: bool,
    /// Prints no line a second.
    #[arg(long, short)]
    pub quiet: bool,
    /// Prints the plan and connects to nothing.
    #[arg(long)]
    pub dry_run: bool,
}

fn rate(written: &str) -> Result<f64, String> {
    let rate: f64 = written.parse().map_err(|_| "a rate is a number a second, such as 100 or 0.5")?;
    if (0.0..=10_000_000.0).contains(&rate) {
        Ok(rate)
    } else {
        Err("a rate is 0 to 10,000,000 a second".into())
    }
}

fn duration(written: &str) -> Result<Duration, String> {
    humantime::parse_duration(written).map_err(|_| "a time is written like 30s, 500ms or 2min".into())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(args: &[&str]) -> Result<Options, String> {
        let args = std::iter::once(&"loadgen").chain(args);
        Options::try_parse_from(args).map_err(|error| error.to_string())
    }

    #[test]
    fn the_command_is_well_formed() {
        Options::command().debug_assert();
    }

    #[test]
    fn nothing_but_the_number_of_clients_is_needed() {
        let options = parse(&["--clients", "500"]).unwrap();
        assert_eq!((options.clients, options.rooms, options.payload), (500, None, 128));
        assert_eq!(options.duration, Duration::from_secs(30));
    }

    #[test]
    fn bad_values_are_refused_by_the_name_of_their_flag() {
        for (flag, value) in [
            ("--clients", "0"),
            ("--clients", "many"),
            ("--rooms", "0"),
            ("--rate", "-1"),
            ("--rate", "NaN"),
            ("--rate", "inf"),
            ("--info-rate", "1e99"),
            ("--duration", "30"),
            ("--payload", "55"),
            ("--payload", "4096"),
            ("--arrival", "never"),
            ("--seed", "x"),
        ] {
            let error = parse(&[&format!("{flag}={value}")]).unwrap_err();
            assert!(error.contains(flag) && error.contains(value), "{flag} {value}: {error}");
        }
    }
}
