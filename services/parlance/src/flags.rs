//! The few things one has to say to a whole stack.

use std::net::IpAddr;
use std::path::PathBuf;

use chassis::{LONG_VERSION, LogFlags};
use clap::ValueEnum;
use clap::builder::{PathBufValueParser, TypedValueParser};

/// Parlance: chat, presence, status and a file drop, all in one process.
///
/// Every other flag of a service can be set through its environment variable, such as PARLANCE_SYNC, but for
/// PARLANCE_INSTANCE: here they are chat-1, info-1 and file-1.
#[derive(Debug, clap::Parser)]
#[command(name = "parlance", version = LONG_VERSION)]
pub(crate) struct Flags {
    /// Folder of the history and the files.
    // Text, for it is handed on as a flag: any other name would become that of another folder there.
    #[arg(
        long, env = "PARLANCE_DATA", value_name = "DIR", default_value = "./parlance-data",
        value_parser = PathBufValueParser::new().try_map(text)
    )]
    pub(crate) data: String,

    /// Address that chat, info and file listen on; the registry and the admin ports stay on this machine.
    #[arg(long, env = "PARLANCE_BIND", value_name = "ADDR", default_value = "127.0.0.1")]
    pub(crate) bind: IpAddr,

    /// Which ports to take: 9000 to 9003 and 9010 to 9013, or whichever are free.
    #[arg(long, env = "PARLANCE_PORTS", value_name = "WHICH", default_value = "default")]
    pub(crate) ports: Ports,

    /// Seconds that running work may take after SIGTERM or Ctrl-C.
    #[arg(long, env = "PARLANCE_DRAIN_SECS", value_name = "N", default_value_t = 20)]
    pub(crate) drain_secs: u64,

    /// How to log.
    #[command(flatten)]
    pub(crate) logging: LogFlags,
}

/// Which ports to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Ports {
    /// The well-known ones.
    Default,
    /// Any that are free.
    Free,
}

/// The path, where it is text.
fn text(path: PathBuf) -> Result<String, &'static str> {
    path.into_os_string().into_string().map_err(|_| "want a folder whose name is UTF-8")
}
