//! Chat's own flags.

use std::path::PathBuf;
use std::str::FromStr;
use std::thread::available_parallelism;
use std::time::Duration;

use bytesize::ByteSize;
use chassis::accept;
use chassis::trust::Trusted;
use engine::chat::{Allowance, Limits};

use crate::ended::Ended;
use crate::store::{Retention, Sync};

/// How long anybody's last words may wait.
const FAREWELL: Duration = Duration::from_secs(1);

/// Chat's own flags.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Chat")]
pub struct Config {
    /// Folder of the history.
    #[arg(
        long,
        global = true,
        env = "PARLANCE_DATA",
        value_name = "DIR",
        default_value = "parlance-data/chat"
    )]
    pub data: PathBuf,

    /// Chat servers that may share the folder, each with a history of its own in it.
    #[arg(long, env = "PARLANCE_REPLICAS", value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub replicas: u16,

    /// What an acked message survives: a power cut (full), kill -9 (normal), nothing (off, in memory).
    #[arg(long, env = "PARLANCE_SYNC", value_name = "MODE", default_value = "full")]
    pub sync: Sync,

    /// How long messages are kept, such as `30d`.
    #[arg(long, env = "PARLANCE_KEEP", value_name = "TIME", default_value = "30d",
          value_parser = humantime::parse_duration)]
    pub keep: Duration,

    /// How many messages are kept; the oldest go first.
    #[arg(long, env = "PARLANCE_KEEP_MESSAGES", value_name = "N", default_value_t = 10_000_000)]
    pub keep_messages: u64,

    /// Lines of the past that a newcomer in text mode is shown.
    #[arg(long, env = "PARLANCE_HISTORY", value_name = "N", default_value_t = 20)]
    pub history: u32,

    /// Rooms of more members are told joins and leaves in sums, once a second.
    #[arg(long, env = "PARLANCE_ANNOUNCE_UP_TO", value_name = "N", default_value_t = 200)]
    pub announce_up_to: usize,

    /// Messages, and new names, joins, leaves and searches, of a connection from outside the trusted networks: so
    /// many a second, and so many at once.
    #[arg(long, env = "PARLANCE_FLOOD", value_name = "RATE:BURST|off", default_value = "5:10")]
    pub flood: FloodLimit,

    /// Networks whose peers no limit for strangers holds for.
    #[arg(long, env = "PARLANCE_TRUSTED", value_name = "CIDR,..|none", default_value_t)]
    pub trusted: Trusted,

    /// How long a connection may take to say its name.
    #[arg(long, env = "PARLANCE_LOGIN", value_name = "TIME", default_value = "10s",
          value_parser = humantime::parse_duration)]
    pub login: Duration,

    /// How long somebody may be behind the others before they are cut off, or take for a piece of an answer:
    /// what the kernel takes at a time, some 256 KiB. The last second of it, or tenth where that is less, is for hearing why.
    #[arg(long, env = "PARLANCE_SLOW", value_name = "TIME", default_value = "10s",
          value_parser = humantime::parse_duration)]
    pub slow: Duration,

    /// How many bytes somebody may be behind in a room before they are cut off.
    #[arg(long, env = "PARLANCE_BEHIND", value_name = "SIZE", default_value = "1MiB")]
    pub behind: ByteSize,

    /// Bytes kept for all who are behind; above that, whoever holds most is cut off.
    #[arg(long, env = "PARLANCE_BEHIND_ALL", value_name = "SIZE", default_value = "256MiB")]
    pub behind_all: ByteSize,

    /// Connections at once.
    #[arg(long, env = "PARLANCE_CONNECTIONS", value_name = "N", default_value_t = 100_000)]
    pub connections: usize,

    /// Connections at once from one untrusted IPv4 address or IPv6 /64.
    #[arg(long, env = "PARLANCE_CONNECTIONS_PER_ADDRESS", value_name = "N", default_value_t = 16)]
    pub connections_per_address: usize,

    /// Threads that write to the rooms' members; half of the processors unless given.
    #[arg(long, env = "PARLANCE_ROOM_THREADS", value_name = "N",
          value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub room_threads: Option<u16>,
    /// Rooms that a connection may be in at a time.
    #[arg(long, env = "PARLANCE_ROOMS_PER_CONNECTION", value_name = "N", default_value_t = 100,
          value_parser = clap::value_parser!(u32).range(1..))]
    pub rooms_per_connection: u32,

    /// Rooms at a time that somebody is in.
    #[arg(long, env = "PARLANCE_ROOMS", value_name = "N", default_value_t = 100_000,
          value_parser = clap::value_parser!(u32).range(1..))]
    pub rooms: u32,

    /// Take what has arrived as a whole line when the peer then pauses so many milliseconds, for clients
    /// that send no line end.
    #[arg(long, env = "PARLANCE_UNTERMINATED_AFTER", value_name = "MS",
          value_parser = clap::value_parser!(u64).range(1..))]
    pub unterminated_after: Option<u64>,

    /// How chat is known to the registry.
    #[command(flatten)]
    pub presence: presence::Config,
}

impl Config {
    /// `--room-threads`, or half of the processors.
    pub(crate) fn room_threads(&self) -> usize {
        let half = || available_parallelism().map_or(1, |processors| processors.get().div_ceil(2));
        self.room_threads.map_or_else(half, usize::from)
    }

    /// How many may be connected.
    pub(crate) fn limits(&self) -> accept::Limits {
        accept::Limits {
            connections: self.connections,
            per_address: self.connections_per_address,
            trusted: self.trusted.clone(),
        }
    }

    /// How much of the history is kept.
    pub(crate) fn retention(&self) -> Retention {
        Retention { age: self.keep, messages: self.keep_messages }
    }

    /// What the hub bounds.
    pub(crate) fn room_limits(&self) -> Limits {
        let count = |flag| usize::try_from(flag).unwrap_or(usize::MAX);
        let (rooms_each, rooms) = (count(self.rooms_per_connection), count(self.rooms));
        Limits { announce_up_to: self.announce_up_to, rooms_each, rooms }
    }

    /// How long last words may wait for the peer to take them, and for the peer to see the end. For whoever reads
    /// too slowly it is a part of `--slow`.
    pub(crate) fn farewell(&self, ended: Ended) -> Duration {
        if ended == Ended::Slow { FAREWELL.min(self.slow / 10) } else { FAREWELL }
    }

    /// How long a socket may take nothing before its member leaves: with the farewell, `--slow`.
    pub(crate) fn patience(&self) -> Duration {
        self.slow - self.farewell(Ended::Slow)
    }

    /// `--behind` as a length.
    pub(crate) fn behind_bytes(&self) -> usize {
        usize::try_from(self.behind.as_u64()).unwrap_or(usize::MAX)
    }

    /// `--behind-all` as a length.
    pub(crate) fn behind_all_bytes(&self) -> usize {
        usize::try_from(self.behind_all.as_u64()).unwrap_or(usize::MAX)
    }
}

/// Sessions have the processors that the rooms leave them.
pub(crate) fn session_threads(processors: usize) -> usize {
    (processors / 2).max(1)
}

/// `--flood`: an allowance, or none is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FloodLimit(pub Option<Allowance>);

impl FromStr for FloodLimit {
    type Err = String;

    fn from_str(written: &str) -> Result<Self, String> {
        if written == "off" {
            return Ok(FloodLimit(None));
        }
        let allowance = written.parse::<Allowance>();
        allowance.map(|allowance| FloodLimit(Some(allowance))).map_err(|refusal| refusal.words.into_owned())
    }
}
