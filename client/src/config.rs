//! What a person has settled once: the configuration file, and the name used last.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use engine::names::UserName;
use serde::Deserialize;

use crate::errors::{Failure, Outcome};
use crate::folders;

/// The settings of `client.toml`; each has a flag that is stronger.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// Who one is in chat.
    #[serde(deserialize_with = "name")]
    pub(crate) name: Option<UserName>,
    /// The host that all services are on.
    pub(crate) host: Option<String>,
    /// Colours, where the terminal has them.
    pub(crate) colours: bool,
    /// Ring the bell when somebody says one's name.
    pub(crate) bell: bool,
    /// Take the mouse, for its wheel; without it the terminal selects text as everywhere else.
    pub(crate) mouse: bool,
}

impl Default for Config {
    fn default() -> Self {
        Config { name: None, host: None, colours: true, bell: false, mouse: true }
    }
}

impl Config {
    /// Reads the file that was named, which must be there, or the one in the platform's place, which need
    /// not.
    ///
    /// # Errors
    /// What is wrong with the file, and where.
    pub(crate) fn load(named: Option<&Path>) -> Outcome<Self> {
        let own = || folders::config().map(|folder| folder.join("client.toml"));
        let Some(path) = named.map(Path::to_owned).or_else(own) else { return Ok(Config::default()) };
        match std::fs::read_to_string(&path) {
            Ok(text) => parse(&text).map_err(|words| wrong(&path, &words)),
            Err(error) if error.kind() == ErrorKind::NotFound && named.is_none() => Ok(Config::default()),
            Err(error) => Err(Failure::local(path.display(), &error)),
        }
    }
}

fn parse(text: &str) -> Result<Config, String> {
    toml::from_str(text).map_err(|error| {
        let line = error.span().map(|span| text[..span.start].matches('\n').count() + 1);
        let line = line.map(|line| format!(" in line {line}")).unwrap_or_default();
        format!("{}{line}", error.message())
    })
}

fn wrong(path: &Path, words: &str) -> Failure {
    let settings = "name, host, colours, bell and mouse";
    Failure::Usage(format!("{}: {words}; the settings are {settings}", path.display()))
}

fn name<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<UserName>, D::Error> {
    let written = String::deserialize(from)?;
    UserName::parse(&written).map(Some).map_err(|refusal| serde::de::Error::custom(refusal.words))
}

/// The name that was typed last, in an earlier run.
pub(crate) fn remembered_name() -> Option<UserName> {
    let written = std::fs::read_to_string(name_file()?).ok()?;
    UserName::parse(written.trim()).ok()
}

/// Remembers a name for the next run.
///
/// # Errors
/// The system's; who has no home needs no memory.
pub(crate) fn remember_name(name: &UserName) -> io::Result<()> {
    let Some(path) = name_file() else { return Ok(()) };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, format!("{name}\n"))
}

fn name_file() -> Option<PathBuf> {
    folders::state().map(|folder| folder.join("name"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_and_mistakes_are_named() {
        let config = parse("# mine\nname = \"alice\"\nhost = \"chat.example\"\nbell = true\n").unwrap();
        assert_eq!(config.name.unwrap().as_str(), "alice");
        assert_eq!((config.host.as_deref(), config.bell, config.mouse), (Some("chat.example"), true, true));
        assert_eq!(parse(""), Ok(Config::default()));
        for (text, words) in [
            ("\nbel = true", "unknown field `bel`"),
            ("bell = 1", "expected a boolean"),
            ("name = \"a[b]\"", "a name is letters, digits"),
            ("name", "line 1"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
        assert!(parse("\nbel = true").unwrap_err().contains("line 2"));
    }
}
