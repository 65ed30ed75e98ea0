//! What can be typed behind `client`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use engine::chat::Replay;
use engine::names::{RoomName, UserName};

use crate::config::{Config, remembered_name};
use crate::endpoint::{Endpoint, Service};
use crate::errors::Outcome;
use crate::naming::Naming;
use crate::{chat, file, info};

const DEFAULT_HOST: &str = "127.0.0.1";

const AFTER_HELP: &str = "\
Examples:
  client                                    the menu
  client chat                               chat in the lobby
  make 2>&1 | client chat builds            say every line of a program's output in the room builds
  client say lobby 'lunch is ready'
  client tail lobby --json --since 1041     every message after that one, as an object each
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
  130  interrupted

Files:
  ~/.config/parlance/client.toml            settings: name, host, colours, bell, mouse
  ~/.local/state/parlance/name              the name that was typed last";

/// Chat, ask, send and fetch files on a network of your own. Without a command: a menu.
#[derive(Debug, Parser)]
#[command(name = "client", version, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// Flags of every command.
#[derive(Debug, Clone, Args)]
pub(crate) struct Common {
    /// The host that all services are on [default: 127.0.0.1]
    #[arg(long, global = true, env = "PARLANCE_HOST")]
    host: Option<String>,
    /// Where chat is, when it is not on that host's port 9001
    #[arg(long = "chat", global = true, env = "PARLANCE_CHAT", value_name = "HOST:PORT", value_parser = chat_endpoint)]
    chat_at: Option<Endpoint>,
    /// Where info is, when it is not on that host's port 9002
    #[arg(long = "info", global = true, env = "PARLANCE_INFO", value_name = "HOST:PORT", value_parser = info_endpoint)]
    info_at: Option<Endpoint>,
    /// Where the file service is, when it is not on that host's port 9003
    #[arg(long = "file", global = true, env = "PARLANCE_FILE", value_name = "HOST:PORT", value_parser = file_endpoint)]
    file_at: Option<Endpoint>,
    /// Who you are in chat [default: the name you typed last, or your login name]
    #[arg(long, global = true, env = "PARLANCE_USER", value_name = "NAME", value_parser = user_name)]
    user: Option<UserName>,
    /// How long a service may take to answer
    #[arg(long, global = true, value_name = "TIME", default_value = "5s", value_parser = wait)]
    pub(crate) timeout: Duration,
    /// Output for programs: one JSON object a line
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// The settings file [default: parlance/client.toml in your configuration folder]
    #[arg(long = "config", global = true, env = "PARLANCE_CONFIG", value_name = "FILE")]
    config_file: Option<PathBuf>,
    #[arg(skip)]
    config: Config,
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
    /// Show what is said in a room, line by line, until Ctrl-C
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
    #[command(
        after_help = "Example:\n  client completions bash >~/.local/share/bash-completion/completions/client"
    )]
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

/// What to send.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  client put report.pdf a.txt
  client put -r photos                      as photos/…
  client put -r photos --as 2026/summer     as 2026/summer/…
  tar c src | client put - --as src.tar

A large file that is cut off goes on where it was; what is stored is compared by its hash.")]
pub(crate) struct Put {
    /// The files; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// What to call it there [default: the file's own name]
    #[arg(long = "as", value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Send folders with all that is in them
    #[arg(short, long)]
    pub(crate) recursive: bool,
}

/// What to fetch.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  client get report.pdf --to Downloads/
  client get 'notes/*.txt'                  quoted, so that the shell leaves the star alone
  client get -r photos                      into ./photos
  client get src.tar --to - | tar x

A file is first written beside its place and moved there when its hash is right. One that is there
already is replaced only with --force.")]
pub(crate) struct Get {
    /// Their names there, or patterns: 'notes/*.txt'
    #[arg(required = true, value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// Where to put it: a file, a folder, or `-` for standard output [default: the last part of NAME]
    #[arg(long, value_name = "PATH")]
    pub(crate) to: Option<PathBuf>,
    /// Replace files that are there
    #[arg(long)]
    pub(crate) force: bool,
    /// Fetch folders with all that is in them
    #[arg(short, long)]
    pub(crate) recursive: bool,
}

impl Common {
    /// Reads the settings file; what was said on the command line is stronger.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub(crate) fn configure(&mut self) -> Outcome {
        self.config = Config::load(self.config_file.as_deref())?;
        Ok(())
    }

    /// How the screen of the chat is liked.
    pub(crate) fn taste(&self) -> chat::Taste {
        let Config { bell, mouse, colours, .. } = self.config;
        chat::Taste { bell, mouse, colours }
    }

    /// How to chat in a room.
    pub(crate) fn chat(&self, naming: Naming, room: RoomName) -> chat::Options {
        let endpoint = self.endpoint(Service::Chat);
        chat::Options { endpoint, naming, room, timeout: self.timeout, json: self.json }
    }

    /// How to ask info.
    pub(crate) fn info(&self) -> info::Options {
        info::Options { endpoint: self.endpoint(Service::Info), timeout: self.timeout, json: self.json }
    }

    /// How to move files.
    pub(crate) fn file(&self) -> file::Options {
        file::Options { endpoint: self.endpoint(Service::File), timeout: self.timeout, json: self.json }
    }

    /// Where a service is: its own flag, else its port on the host.
    fn endpoint(&self, service: Service) -> Endpoint {
        let own = match service {
            Service::Chat => &self.chat_at,
            Service::Info => &self.info_at,
            Service::File => &self.file_at,
        };
        let host = || self.host.as_deref().or(self.config.host.as_deref()).unwrap_or(DEFAULT_HOST);
        own.clone().unwrap_or_else(|| Endpoint::on(service, host()))
    }

    /// Who somebody is who says nothing else.
    pub(crate) fn naming(&self) -> Naming {
        let chosen = self.user.clone().or_else(|| self.config.name.clone()).map(Naming::chosen);
        let remembered = || remembered_name().map(Naming::remembered);
        chosen.or_else(remembered).unwrap_or_else(Naming::of_this_login)
    }
}

fn chat_endpoint(written: &str) -> Result<Endpoint, String> {
    Endpoint::parse(Service::Chat, written)
}

fn info_endpoint(written: &str) -> Result<Endpoint, String> {
    Endpoint::parse(Service::Info, written)
}

fn file_endpoint(written: &str) -> Result<Endpoint, String> {
    Endpoint::parse(Service::File, written)
}

fn user_name(written: &str) -> Result<UserName, String> {
    UserName::parse(written).map_err(|refusal| refusal.words.into_owned())
}

fn room_name(written: &str) -> Result<RoomName, String> {
    RoomName::parse(written).map_err(|refusal| refusal.words.into_owned())
}

/// `5s`, `500ms`, `1m`; a bare number is seconds.
fn wait(written: &str) -> Result<Duration, String> {
    let wait = match written.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => humantime::parse_duration(written).map_err(|error| error.to_string())?,
    };
    // Clocks count on; a year is as good as for ever and far from the end of every clock.
    if wait.is_zero() { Err("it must be longer than nothing".into()) } else { Ok(wait.min(YEAR)) }
}

const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parsed(line: &str) -> Cli {
        Cli::try_parse_from(line.split(' ')).unwrap()
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn one_host_is_enough_and_each_service_may_be_elsewhere() {
        let cli = parsed("client --host example.org status --file [::1]:7003");
        let at = |service| cli.common.endpoint(service).to_string();
        assert_eq!(at(Service::Chat), "example.org:9001");
        assert_eq!(at(Service::Info), "example.org:9002");
        assert_eq!(at(Service::File), "[::1]:7003");
    }

    #[test]
    fn waits_are_read_as_people_write_them() {
        for (written, wanted) in [("5s", 5_000), ("500ms", 500), ("2", 2_000), ("1m", 60_000)] {
            assert_eq!(wait(written), Ok(Duration::from_millis(wanted)), "{written}");
        }
        assert!(wait("0").is_err() && wait("soon").is_err());
        assert_eq!(wait("18446744073709551615"), Ok(YEAR));
    }

    #[test]
    fn mistakes_name_what_is_wrong() {
        for (line, named) in [
            ("client --user a[b] chat", "--user"),
            ("client chat LOBBY", "ROOM"),
            ("client --chat host: chat", "--chat"),
            ("client --timeout soon chat", "--timeout"),
            ("client shout", "shout"),
        ] {
            let error = Cli::try_parse_from(line.split(' ')).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{line}");
            assert!(error.to_string().contains(named), "{error}");
        }
    }
}
