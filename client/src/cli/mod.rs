//! What can be typed behind `client`.

mod flags;
mod transfers;

use std::ffi::OsString;
use std::time::Duration;

use clap::parser::ValueSource;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use engine::chat::Replay;
use engine::names::RoomName;

use self::flags::{room_name, wait};

pub(crate) use self::flags::Common;
pub(crate) use self::transfers::{Get, JOBS, Put};

use crate::terminal::{drives, note, safe};

const LONG_VERSION: &str = concat!(env!("PARLANCE_VERSION"), " (", env!("PARLANCE_REVISION"), ")");

const AFTER_HELP: &str = "\
Examples:
  client                                    the menu
  client chat                               chat in the lobby
  make 2>&1 | client chat builds            say what a program prints in builds
  client say lobby 'lunch is ready'
  client tail lobby --no-follow -n 100      the newest hundred messages
  client tail lobby --json --since 1041     an object for every later message
  client status --watch
  client users --json
  client put report.pdf
  client put -r photos
  tar c src | client put - --as src.tar
  client get 'notes/*.txt' --to Downloads/
  client --host 192.168.1.5 status

Exit codes:
  0    done
  1    the service refused
  2    the command line makes no sense, or a local file can't be read or written
  3    nothing listens there, or there is no answer
  4    the connection was lost in the middle
  5    what arrived is not what was sent: the hashes differ
  6    all went, but files of a folder that have no name there
  7    a file of that name is there already, and --no-clobber keeps it
  130  interrupted, or the terminal is gone

Files:
  ~/.config/parlance/client.toml    settings: name, host, colours, bell, mouse
  ~/.local/state/parlance/name      the name that was typed last";

/// Chat, ask, send and fetch files on a network of your own. Without a command: a menu.
#[derive(Debug, Parser)]
#[command(name = "client", version = LONG_VERSION, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

impl Cli {
    /// Reads the command line, or says what is wrong with it and ends.
    pub(crate) fn read() -> Self {
        Cli::of(std::env::args_os()).unwrap_or_else(|error| {
            // A shell puts the names of files there, and the answer repeats them.
            if std::env::args_os().any(|word| word.to_string_lossy().contains(drives)) {
                error.render().to_string().lines().for_each(|line| note(&safe(line)));
                std::process::exit(error.exit_code());
            }
            error.exit()
        })
    }

    /// A host that is typed means all services, also those that the environment has elsewhere.
    fn of(words: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let mut command = Cli::command();
        let matches = command.try_get_matches_from_mut(words)?;
        let mut cli = Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?;
        let comes_from = |id: &str, source| matches.value_source(id) == Some(source);
        if comes_from("host", ValueSource::CommandLine) {
            cli.common.forget_places(|id| comes_from(id, ValueSource::EnvVariable));
        }
        Ok(cli)
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Chat: on a whole screen at a terminal, else in lines, as in a pipe
    Chat(Chat),
    /// Say one line in a room, and wait until it is kept
    Say {
        /// The room
        #[arg(value_parser = room_name)]
        room: RoomName,
        /// The line; several words need no quotes
        #[arg(required = true, num_args = 1..)]
        text: Vec<String>,
    },
    /// Show what is said in a room, line by line, until Ctrl-C or only to the newest
    Tail(Tail),
    /// Ask info: STATUS, TIME, USERS, ROOMS, SERVICES or PING TEXT
    Info {
        /// The request
        #[arg(required = true, num_args = 1.., value_name = "REQUEST")]
        request: Vec<String>,
    },
    /// Show how all services are, as a small table
    Status {
        /// Show it again and again [default: every 2s]
        #[arg(short, long, value_name = "TIME", num_args = 0..=1, default_missing_value = "2s", value_parser = wait)]
        watch: Option<Duration>,
    },
    /// Show what time it is there
    Time,
    /// List who is in chat
    Users,
    /// List the rooms, and how many are in each
    Rooms,
    /// List the services, and how each is
    Services,
    /// Send files, and folders with -r
    Put(Put),
    /// Fetch files, and folders with -r; never over a file that is there
    Get(Get),
    /// List files
    Ls {
        /// Only names that begin with this, or are like it: `notes/*.txt`
        #[arg(default_value = "")]
        prefix: String,
        /// Sizes and times, too
        #[arg(short, long)]
        long: bool,
    },
    /// Delete files
    Rm {
        /// Their names, or patterns in quotes: 'notes/*.txt'
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
    },
    /// Show size, hash and time of files
    Stat {
        /// Their names, or patterns in quotes: 'notes/*.txt'
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
    },
    /// Try all services once, step by step
    Demo,
    /// Print what makes your shell complete this program's words
    #[command(after_help = "\
Example:
  client completions bash \\
    >~/.local/share/bash-completion/completions/client")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    #[command(after_help = "Example:\n  client man | man -l -")]
    Man {
        /// The command whose page is wanted, instead of the whole program's
        command: Option<String>,
    },
}

/// Where and how to chat.
#[derive(Debug, Args)]
pub(crate) struct Chat {
    /// The room
    #[arg(default_value = "lobby", value_parser = room_name)]
    pub(crate) room: RoomName,
    /// Lines instead of a screen, also at a terminal
    #[arg(long)]
    pub(crate) plain: bool,
    /// Ring the bell when somebody says your name or talks to you alone
    #[arg(long)]
    pub(crate) bell: bool,
    /// Leave the mouse to the terminal
    #[arg(long)]
    pub(crate) no_mouse: bool,
}

/// What to listen to.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  client tail lobby                         the newest ten, then what is new
  client tail lobby -n 0 --json             only what is new, an object a line
  client tail lobby --since 1041 --json     all after the last id that you know
  client tail lobby --since 0 --no-follow   all that is kept, and then it ends")]
pub(crate) struct Tail {
    /// The room
    #[arg(value_parser = room_name)]
    pub(crate) room: RoomName,
    /// Every message after this id first, then what is said from now on
    #[arg(long, value_name = "ID", conflicts_with = "last")]
    pub(crate) since: Option<u64>,
    /// The newest so many messages first
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 10)]
    pub(crate) last: u32,
    /// End with the newest message instead of waiting for more
    #[arg(long)]
    pub(crate) no_follow: bool,
}

impl Tail {
    /// What of the past is wanted.
    pub(crate) fn replay(&self) -> Replay {
        match (self.since, self.last) {
            (Some(since), _) => Replay::Since(since),
            (None, 0) => Replay::Nothing,
            (None, last) => Replay::Last(last),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    /// Paragraphs are broken by clap; what is laid out in columns would be torn.
    #[test]
    fn what_stands_in_columns_fits_a_terminal() {
        let program = Cli::command();
        for command in program.get_subcommands().chain([&program]) {
            let below = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let torn = below.lines().find(|line| line.starts_with("  ") && line.chars().count() > 80);
            assert_eq!(torn, None, "{}", command.get_name());
        }
    }

    #[test]
    fn mistakes_name_what_is_wrong() {
        for (line, named) in [
            ("client --user a[b] chat", "--user"),
            ("client chat LOBBY", "ROOM"),
            ("client --chat host: chat", "--chat"),
            ("client --timeout soon chat", "--timeout"),
            ("client put a --jobs 0", "--jobs"),
            ("client get a --jobs 65", "--jobs"),
            ("client shout", "shout"),
        ] {
            let error = Cli::try_parse_from(line.split(' ')).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{line}");
            assert!(error.to_string().contains(named), "{error}");
        }
    }
}
