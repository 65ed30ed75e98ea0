//! The flags of the file service.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use bytesize::ByteSize;
use chassis::trust::Trusted;
use clap::Args;
use engine::file::{Limits, Patience};

/// The flags of the file service, each also an environment variable `PARLANCE_<FLAG>`.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Files")]
// The group would have the name of every other `Config`.
#[group(skip)]
pub struct Config {
    /// Folder that the files are in; it is made when it is not there.
    #[arg(
        long,
        global = true,
        env = "PARLANCE_DATA",
        value_name = "DIR",
        default_value = "./parlance-data/files"
    )]
    pub data: PathBuf,

    /// Largest file.
    #[arg(long, env = "PARLANCE_MAX_FILE", value_name = "SIZE", default_value = "4GiB")]
    pub max_file: ByteSize,

    /// Most bytes the folder may hold, partial uploads included; `off` for no limit.
    #[arg(long, env = "PARLANCE_QUOTA", value_name = "SIZE|off", default_value = "off")]
    pub quota: Quota,

    /// Bytes of the disk that uploads leave free.
    #[arg(long, env = "PARLANCE_KEEP_FREE", value_name = "SIZE", default_value = "512MiB")]
    pub keep_free: ByteSize,

    /// Transfers at once, uploads and downloads together.
    #[arg(long, env = "PARLANCE_TRANSFERS", value_name = "N", default_value = "64")]
    pub transfers: NonZeroUsize,

    /// Files whose hash is kept in memory, at about 140 bytes each; of more, the oldest are looked up on the
    /// disk again.
    #[arg(long, env = "PARLANCE_KNOWN_HASHES", value_name = "N", default_value = "50000")]
    pub known_hashes: NonZeroUsize,

    /// How long an upload that was cut off waits to be resumed, such as `24h`.
    #[arg(long, env = "PARLANCE_PARTIAL_KEEP", value_name = "TIME", default_value = "24h",
          value_parser = humantime::parse_duration)]
    pub partial_keep: Duration,

    /// Take what has arrived as a whole request when the peer then pauses so many milliseconds, for
    /// clients that send no line end.
    #[arg(long, env = "PARLANCE_UNTERMINATED_AFTER", value_name = "MS",
          value_parser = clap::value_parser!(u64).range(1..))]
    pub unterminated_after: Option<u64>,

    /// How long a connection may wait between requests.
    #[arg(long, env = "PARLANCE_IDLE", value_name = "TIME", default_value = "75s",
          value_parser = humantime::parse_duration)]
    pub idle: Duration,

    /// Bytes that a transfer must move in every 30 seconds, or it is ended as too slow.
    #[arg(long, env = "PARLANCE_MIN_PROGRESS", value_name = "SIZE", default_value = "30KiB")]
    pub min_progress: ByteSize,

    /// Connections at once.
    #[arg(long, env = "PARLANCE_CONNECTIONS", value_name = "N", default_value_t = 100_000)]
    pub connections: usize,

    /// Connections at once from one address, or one IPv6 /64, that is not trusted.
    #[arg(long, env = "PARLANCE_PER_ADDRESS", value_name = "N", default_value_t = 16)]
    pub per_address: usize,

    /// Networks that the limit for each address does not hold for.
    #[arg(long, env = "PARLANCE_TRUSTED", value_name = "CIDR,…|none", default_value_t)]
    pub trusted: Trusted,

    /// How to be known to the registry.
    #[command(flatten)]
    pub presence: presence::Config,
}

/// Most bytes the data folder may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota(pub Option<u64>);

impl FromStr for Quota {
    type Err = String;

    fn from_str(written: &str) -> Result<Self, String> {
        match written {
            "off" => Ok(Quota(None)),
            size => Ok(Quota(Some(size.parse::<ByteSize>()?.as_u64()))),
        }
    }
}

impl Config {
    /// What the service takes.
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            max_file: self.max_file.as_u64(),
            quota: self.quota.0,
            keep_free: self.keep_free.as_u64(),
            transfers: self.transfers.get(),
        }
    }

    /// How slow a transfer may be.
    pub(crate) fn patience(&self) -> Patience {
        Patience { bytes: self.min_progress.as_u64(), ..Patience::default() }
    }

    /// How long a pause ends a request, when one does.
    pub(crate) fn pause(&self) -> Option<Duration> {
        self.unterminated_after.map(Duration::from_millis)
    }
}
