//! The flags, in the groups that several commands have.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::values::{address, duration, rate, seed, share, size, some_time, turnover, whole};
use crate::assertion::Assertion;
use crate::payload;
use crate::profile::Stage;
use crate::reconcile::MetricsOf;
use crate::schedule::Arrival;

/// Who chats, and how.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "People")]
pub struct People {
    /// Chat users.
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = whole::<u32>("users", 1..=1_000_000))]
    pub clients: u32,
    /// Rooms that the users are dealt out over; by default one for each 50 users.
    #[arg(long, value_name = "N", value_parser = whole::<u32>("rooms", 1..=65_536))]
    pub rooms: Option<u32>,
    /// Bytes in a message, at least 56: those say which message it is and hold its checksum.
    #[arg(long, value_name = "BYTES", default_value_t = 128,
          value_parser = whole::<u16>("bytes", payload::MIN_LEN as u64..=payload::MAX_LEN as u64))]
    pub payload: u16,
    /// How many of the users only listen.
    #[arg(long, value_name = "SHARE", default_value = "0%", value_parser = share)]
    pub idle: f64,
    /// How many of the users, beside the idle ones, listen and read a mere 4 KiB a second.
    #[arg(long, value_name = "SHARE", default_value = "0%", value_parser = share)]
    pub slow_readers: f64,
    /// How many of the users, taken from the idle ones in turns, leave and come back each minute.
    #[arg(long, value_name = "SHARE/min", default_value = "0%/min", value_parser = turnover)]
    pub churn: f64,
    /// Users whose connection breaks come back, ask for what they missed and say again what was not acked.
    #[arg(long)]
    pub reconnect: bool,
    /// Waits for each user's ack before it says the next message, and takes times from the send: what most
    /// testers do, here for the contrast. It understates the tail.
    #[arg(long)]
    pub closed: bool,
}

/// How many messages.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Rates")]
pub struct Speech {
    /// Messages a second, of all users together; 0 for silent users.
    #[arg(long, value_name = "MSGS_PER_S", default_value_t = 100.0, value_parser = rate)]
    pub rate: f64,
    /// Messages a second of each user who speaks, instead of --rate.
    #[arg(long, value_name = "MSGS_PER_S", value_parser = rate, conflicts_with_all = ["rate", "stages"])]
    pub rate_per_user: Option<f64>,
    /// The rate over time, instead of --rate and --duration: it goes from nothing in a straight line to each
    /// stage's rate, such as 10s:100,30s:500,10s:0.
    #[arg(long, value_name = "TIME:RATE,...", value_delimiter = ',', conflicts_with_all = ["rate", "duration"])]
    pub stages: Vec<Stage>,
}

/// What goes through the file service.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Files")]
pub struct Files {
    /// Bytes in each file that is uploaded, fetched again and compared.
    #[arg(long, value_name = "SIZE", default_value = "64KiB", value_parser = size)]
    pub size: u64,
    /// How many uploads break in the middle and are resumed.
    #[arg(long, value_name = "SHARE", default_value = "10%", value_parser = share)]
    pub resumed: f64,
}

/// Who watches the registry.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Registry")]
pub struct Watchers {
    /// Connections that watch the registry; each must see everybody who enters.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = whole::<u32>("watchers", 1..=10_000))]
    pub watchers: u32,
}

/// When.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Time")]
pub struct Timing {
    /// How long traffic is measured.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = some_time)]
    pub duration: Duration,
    /// How long the users take to join, evenly; by default 5s, or a second for each 500 users.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub ramp: Option<Duration>,
    /// How long traffic runs before it is measured; by default 3s, and with --stages nothing, for there it
    /// is taken from the first of them.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub warmup: Option<Duration>,
    /// How long to wait at the end for what has not come; what takes longer than this is late.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration)]
    pub drain: Duration,
    /// How due times follow each other.
    #[arg(long, value_enum, default_value_t = Arrival::Constant)]
    pub arrival: Arrival,
    /// Where the random numbers begin: the same seed is the same plan.
    #[arg(long, value_name = "N", default_value_t = 42, value_parser = seed)]
    pub seed: u64,
}

/// Where to.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Targets")]
pub struct Place {
    /// The host of all services.
    #[arg(long, env = "PARLANCE_HOST", default_value = "127.0.0.1")]
    pub host: String,
    /// The chat service; by default port 9001 of the host.
    #[arg(long, value_name = "HOST:PORT", env = "PARLANCE_CHAT")]
    pub chat: Option<String>,
    /// The info service; by default port 9002 of the host.
    #[arg(long, value_name = "HOST:PORT", env = "PARLANCE_INFO")]
    pub info: Option<String>,
    /// The file service; by default port 9003 of the host.
    #[arg(long, value_name = "HOST:PORT", env = "PARLANCE_FILE")]
    pub file: Option<String>,
    /// The registry; by default port 9000 of the host.
    #[arg(long, value_name = "HOST:PORT", env = "PARLANCE_REGISTRY")]
    pub registry: Option<String>,
    /// Where the services say what they have counted, to be compared with what was seen, such as
    /// chat=127.0.0.1:9011; by default the port 10 above each service's own, and `none` asks nobody.
    #[arg(long, value_name = "SERVICE=HOST:PORT,...", value_delimiter = ',')]
    pub metrics_of: Vec<MetricsOf>,
    /// Addresses of this machine to connect from, in turns: each has about 28,000 ports for one target. To a
    /// loopback target they are taken from 127.0.0.0/8 by themselves.
    #[arg(long, value_name = "IP,...", value_delimiter = ',', value_parser = address)]
    pub bind: Vec<IpAddr>,
    /// Allows targets beyond loopback, private and link-local addresses.
    #[arg(long)]
    pub i_own_this_network: bool,
}

/// What is judged and what is shown.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Verdict and report")]
pub struct Showing {
    /// What must hold, such as chat.delivery.p99<50ms or info.unanswered==0; may be given several times.
    #[arg(long = "assert", value_name = "METRIC<VALUE")]
    pub assertions: Vec<Assertion>,
    /// Exits 0 also when the generator was the limit; the report says INVALID all the same.
    #[arg(long)]
    pub allow_client_limited: bool,
    /// Prints the report as JSON, or writes it to a file.
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "-")]
    pub json: Option<PathBuf>,
    /// Writes a row a second.
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Writes the report as one page with its charts inside.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Writes the histograms of each second as an HdrHistogram log.
    #[arg(long, value_name = "FILE")]
    pub hlog: Option<PathBuf>,
    /// Writes the percentile distribution of each series as HdrHistogram's tools plot it.
    #[arg(long, value_name = "DIR")]
    pub hgrm: Option<PathBuf>,
    /// Tells Prometheus about the run while it lasts.
    #[arg(long, value_name = "ADDR")]
    pub metrics: Option<std::net::SocketAddr>,
    /// How long to wait after the run for a last scrape.
    #[arg(long, value_name = "TIME", default_value = "15s", value_parser = duration, requires = "metrics")]
    pub linger: Duration,
    /// Prints every series and every figure at the end, and not only what fits a screen.
    #[arg(long)]
    pub full: bool,
    /// Shows nothing while it runs.
    #[arg(long, short)]
    pub quiet: bool,
    /// Prints the plan and connects to nothing.
    #[arg(long)]
    pub dry_run: bool,
}
