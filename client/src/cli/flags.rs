//! The flags of every command, and how their values are read.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use engine::names::{RoomName, UserName};

use crate::config::{Config, remembered_name};
use crate::endpoint::{Endpoint, Service};
use crate::errors::Outcome;
use crate::naming::Naming;
use crate::{chat, file, info};

const DEFAULT_HOST: &str = "127.0.0.1";

/// Flags of every command.
#[derive(Debug, Clone, Args)]
pub(crate) struct Common {
    /// The host that all services are on, whatever addresses the environment has [default: 127.0.0.1]
    #[arg(long, global = true, env = "PARLANCE_HOST")]
    host: Option<String>,
    /// Where chat is, when it is not on that host's port 9001, and info does not know either
    #[arg(long = "chat", global = true, env = "PARLANCE_CHAT", value_name = "HOST:PORT", value_parser = chat_endpoint)]
    chat_at: Option<Endpoint>,
    /// Where info is, when it is not on that host's port 9002; it knows where the others are
    #[arg(long = "info", global = true, env = "PARLANCE_INFO", value_name = "HOST:PORT", value_parser = info_endpoint)]
    info_at: Option<Endpoint>,
    /// Where the file service is, when it is not on that host's port 9003, and info does not know either
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

impl Common {
    /// Reads the settings file; what was said on the command line is stronger.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub(crate) fn configure(&mut self) -> Outcome {
        self.config = Config::load(self.config_file.as_deref())?;
        Ok(())
    }

    /// Forgets the addresses of services for which this holds.
    pub(super) fn forget_places(&mut self, holds: impl Fn(&str) -> bool) {
        let Common { chat_at, info_at, file_at, .. } = self;
        for (id, place) in [("chat_at", chat_at), ("info_at", info_at), ("file_at", file_at)] {
            place.take_if(|_| holds(id));
        }
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

    /// How to move files, so many at once.
    pub(crate) fn file(&self, jobs: usize) -> file::Options {
        let (endpoint, bars) = (self.endpoint(Service::File), file::Bars::default());
        file::Options { endpoint, timeout: self.timeout, json: self.json, jobs, bars }
    }

    /// Where a service is: its own flag, else its port on the host, else where info says. Who names info
    /// alone means the services that it knows.
    fn endpoint(&self, service: Service) -> Endpoint {
        let info = || self.info_at.clone().unwrap_or_else(|| Endpoint::on(Service::Info, self.host()));
        let guided = || Endpoint::guided(service, self.host(), &info(), self.info_at.is_some());
        match service {
            Service::Info => info(),
            Service::Chat => self.chat_at.clone().unwrap_or_else(guided),
            Service::File => self.file_at.clone().unwrap_or_else(guided),
        }
    }

    /// The host of whatever has no address of its own.
    fn host(&self) -> &str {
        let settled = || self.config.host.as_deref();
        let named = self.host.as_deref().or_else(|| self.info_at.as_ref().map(Endpoint::host));
        named.or_else(settled).unwrap_or(DEFAULT_HOST)
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

pub(super) fn room_name(written: &str) -> Result<RoomName, String> {
    RoomName::parse(written).map_err(|refusal| refusal.words.into_owned())
}

/// As many as the service would take at once.
pub(super) fn jobs(written: &str) -> Result<usize, String> {
    let count = written.parse().ok().filter(|count| (1..=64).contains(count));
    count.ok_or_else(|| "it is 1 to 64".into())
}

/// `5s`, `500ms`, `1m`; a bare number is seconds.
pub(super) fn wait(written: &str) -> Result<Duration, String> {
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
    use clap::Parser;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn one_host_is_enough_and_each_service_may_be_elsewhere() {
        let line = "client --host example.org status --file [::1]:7003";
        let cli = Cli::try_parse_from(line.split(' ')).unwrap();
        let at = |service| cli.common.endpoint(service).to_string();
        assert_eq!(at(Service::Chat), "example.org:9001");
        assert_eq!(at(Service::Info), "example.org:9002");
        assert_eq!(at(Service::File), "[::1]:7003");
    }

    #[test]
    fn who_names_info_alone_means_its_host() {
        let cli = Cli::try_parse_from(["client", "--info", "example.org:7002", "status"]).unwrap();
        assert_eq!(cli.common.endpoint(Service::Chat).host(), "example.org");
        let cli = Cli::try_parse_from(["client", "--info", "a:7002", "--host", "b", "status"]).unwrap();
        assert_eq!(cli.common.endpoint(Service::Chat).host(), "b");
    }

    #[test]
    fn waits_are_read_as_people_write_them() {
        for (written, wanted) in [("5s", 5_000), ("500ms", 500), ("2", 2_000), ("1m", 60_000)] {
            assert_eq!(wait(written), Ok(Duration::from_millis(wanted)), "{written}");
        }
        assert!(wait("0").is_err() && wait("soon").is_err());
        assert_eq!(wait("18446744073709551615"), Ok(YEAR));
    }
}
