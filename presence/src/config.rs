//! The flags of every service that is known to the registry.

use std::fmt;
use std::str::FromStr;

use engine::registry::Label;

/// Where the registry is and as whom to be known there.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Presence")]
#[group(skip)]
pub struct Config {
    /// Registry to be known at, HOST:PORT; `none` runs without one.
    #[arg(long, env = "PARLANCE_REGISTRY", value_name = "ADDR|none", default_value = "127.0.0.1:9000")]
    pub registry: RegistryAddr,

    /// Name of this instance, unlike any other's [default: the service's name and -1].
    #[arg(long, env = "PARLANCE_INSTANCE", value_name = "NAME", value_parser = label)]
    pub instance: Option<Label>,

    /// Address that others are told for this service [default: the listen address].
    #[arg(long, env = "PARLANCE_ADVERTISE", value_name = "ADDR", value_parser = label)]
    pub advertise: Option<Label>,
}

/// Where the registry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistryAddr {
    /// The service runs without one.
    None,
    /// `host:port`; the name is looked up at every connect, for it may move.
    At(String),
}

impl FromStr for RegistryAddr {
    type Err = String;

    fn from_str(written: &str) -> Result<Self, String> {
        if written == "none" {
            return Ok(RegistryAddr::None);
        }
        let port = written.rsplit_once(':').filter(|(host, _)| !host.is_empty()).map(|(_, port)| port);
        match port.and_then(|port| port.parse::<u16>().ok()) {
            Some(1..) => Ok(RegistryAddr::At(written.to_owned())),
            _ => Err("want HOST:PORT such as 127.0.0.1:9000, or none".to_owned()),
        }
    }
}

impl fmt::Display for RegistryAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RegistryAddr::None => f.write_str("none"),
            RegistryAddr::At(addr) => f.write_str(addr),
        }
    }
}

fn label(written: &str) -> Result<Label, String> {
    Label::parse(written).map_err(|refusal| refusal.words.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_host_and_a_port() {
        for good in ["none", "127.0.0.1:9000", "registry:9000", "[::1]:9000"] {
            assert_eq!(good.parse::<RegistryAddr>().unwrap().to_string(), good);
        }
        for bad in ["", "registry", ":9000", "registry:", "registry:0", "registry:65536", "registry:-1"] {
            assert!(bad.parse::<RegistryAddr>().is_err(), "{bad:?}");
        }
    }
}
