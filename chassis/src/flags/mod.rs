//! The flags that every daemon has.

pub(crate) mod usage;

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args, Command, FromArgMatches, ValueEnum};

use self::usage::explain;
use crate::admin::healthcheck;
use crate::failure::Failure;
use crate::service::{LONG_VERSION, Service};

/// The flags that every daemon has, each also an environment variable `PARLANCE_<FLAG>`.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Process")]
pub struct Flags {
    /// Address to serve on; port 0 picks a free one.
    #[arg(long, env = "PARLANCE_LISTEN", value_name = "ADDR")]
    pub listen: SocketAddr,

    /// Address of the admin HTTP: /metrics, /healthz, /readyz.
    #[arg(long, env = "PARLANCE_ADMIN", value_name = "ADDR")]
    pub admin: SocketAddr,

    /// Seconds that running work may take after SIGTERM.
    #[arg(long, env = "PARLANCE_DRAIN_SECS", value_name = "N", default_value_t = 20)]
    pub drain_secs: u64,

    /// How to log.
    #[command(flatten)]
    pub logging: LogFlags,
}

impl Flags {
    /// How long running work may take after a signal.
    pub fn drain_limit(&self) -> Duration {
        Duration::from_secs(self.drain_secs)
    }
}

/// How to log.
#[derive(Debug, Clone, Args)]
pub struct LogFlags {
    /// What to log: error, warn, info, debug, trace, or a filter such as `chat=debug,info`.
    #[arg(long, env = "PARLANCE_LOG", value_name = "LEVEL", default_value = "info")]
    pub log: String,

    /// How to write the log.
    #[arg(long, env = "PARLANCE_LOG_FORMAT", value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormat,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The command line of a service: its own flags, those of every daemon, and `healthcheck`.
pub(crate) fn command<C: Args>(service: &'static Service) -> Command {
    let command = Command::new(service.name).version(LONG_VERSION);
    // What clap derives of the structs' own comments is for readers of the code.
    let command = Flags::augment_args(C::augment_args(command))
        .about(service.about)
        .long_about(None)
        .mut_arg("listen", |arg| arg.required(false).default_value(service.listen))
        .mut_arg("admin", |arg| arg.required(false).global(true).default_value(service.admin))
        .subcommand(healthcheck::command());
    forgiving(command)
}

/// Makes a command line take what people and Compose files give it: a variable that is set to nothing counts
/// as unset, and `-1` is a wrong number rather than an unknown flag.
pub fn forgiving(command: Command) -> Command {
    command.mut_args(|arg| {
        let is_empty = |name| std::env::var_os(name).is_some_and(|value| value.is_empty());
        let takes_value = arg.get_action().takes_values();
        let arg = if arg.get_env().is_some_and(is_empty) { arg.env(None::<&str>) } else { arg };
        if takes_value { arg.allow_negative_numbers(true) } else { arg }
    })
}

/// Reads flags as they stand on a command line, without the program's name in front.
///
/// # Errors
/// [`Failure::Usage`] for what makes no sense, also in the environment.
pub fn parse<C: Args>(service: &'static Service, args: &[&str]) -> Result<(C, Flags), Failure> {
    let mut command = command::<C>(service).no_binary_name(true);
    let read = command
        .try_get_matches_from_mut(args)
        .and_then(|matches| Ok((C::from_arg_matches(&matches)?, Flags::from_arg_matches(&matches)?)));
    read.map_err(|error| Failure::Usage(explain(&command, &error)))
}
