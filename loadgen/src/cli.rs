//! The command line.

use std::ops::RangeInclusive;
use std::time::Duration;

use clap::Parser;

use crate::payload;
use crate::report::text::count;
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
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = whole::<u32>("users", 1..=1_000_000))]
    pub clients: u32,
    /// Rooms that the users are dealt out over; by default one for each 50 users.
    #[arg(long, value_name = "N", value_parser = whole::<u32>("rooms", 1..=65_536))]
    pub rooms: Option<u32>,
    /// Messages a second, of all users together; 0 for silent users.
    #[arg(long, value_name = "MSGS_PER_S", default_value_t = 100.0, value_parser = rate)]
    pub rate: f64,
    /// UDP queries a second, all together; 0 to leave info alone.
    #[arg(long, value_name = "Q_PER_S", default_value_t = 100.0, value_parser = rate)]
    pub info_rate: f64,
    /// How long traffic is measured.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = some_time)]
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
          value_parser = whole::<u16>("bytes", payload::MIN_LEN as u64..=payload::MAX_LEN as u64))]
    pub payload: u16,
    /// How due times follow each other.
    #[arg(long, value_enum, default_value_t = Arrival::Constant)]
    pub arrival: Arrival,
    /// Where the random numbers begin: the same seed is the same plan.
    #[arg(long, value_name = "N", default_value_t = 42, value_parser = seed)]
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

/// Reads a whole number of something within bounds.
fn whole<N: TryFrom<u64> + Clone + Send + Sync + 'static>(
    what: &'static str,
    bounds: RangeInclusive<u64>,
) -> impl Fn(&str) -> Result<N, String> + Clone {
    move |written| {
        let number = written.parse().ok().filter(|number| bounds.contains(number));
        number.and_then(|number| N::try_from(number).ok()).ok_or_else(|| {
            format!("want a number of {what}, {} to {}", count(*bounds.start()), count(*bounds.end()))
        })
    }
}

fn seed(written: &str) -> Result<u64, String> {
    written.parse().map_err(|_| "want a whole number from 0 up, such as 42".into())
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

/// A time in which nothing can happen would be a run that says nothing.
fn some_time(written: &str) -> Result<Duration, String> {
    match duration(written)? {
        Duration::ZERO => Err("want more than no time, such as 30s".into()),
        time => Ok(time),
    }
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
            ("--duration", "0s"),
            ("--payload", "55"),
            ("--payload", "4096"),
            ("--arrival", "never"),
            ("--seed", "x"),
        ] {
            let error = parse(&[&format!("{flag}={value}")]).unwrap_err();
            assert!(error.contains(flag) && error.contains(value), "{flag} {value}: {error}");
        }
    }

    #[test]
    fn a_refused_value_is_told_what_would_be_right() {
        for (arg, right) in [
            ("--clients=x", "want a number of users, 1 to 1,000,000"),
            ("--clients=0", "want a number of users, 1 to 1,000,000"),
            ("--rooms=65537", "want a number of rooms, 1 to 65,536"),
            ("--payload=big", "want a number of bytes, 56 to "),
            ("--seed=-1", "want a whole number"),
            ("--duration=0s", "want more than no time, such as 30s"),
        ] {
            let error = parse(&[arg]).unwrap_err();
            assert!(error.contains(right), "{arg}: {error}");
        }
        assert!(parse(&["--warmup=0s", "--ramp=0s", "--drain=0s"]).is_ok());
    }
}
