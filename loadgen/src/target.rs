//! Where to send load, and where not to.

use std::net::{IpAddr, SocketAddr};

use tokio::net::lookup_host;

use crate::cli::Options;
use crate::failure::Failure;

/// The addresses of a run, resolved once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Targets {
    /// The chat service.
    pub chat: SocketAddr,
    /// The info service, when it is asked at all.
    pub info: Option<SocketAddr>,
}

impl Targets {
    /// The targets that a command line means.
    ///
    /// # Errors
    /// [`Failure::Usage`] for a name that leads nowhere, and for a public address without consent.
    pub async fn resolve(options: &Options) -> Result<Self, Failure> {
        let chat = resolve("--chat", options.chat.as_deref(), 9001, options).await?;
        let info = if options.info_rate > 0.0 {
            Some(resolve("--info", options.info.as_deref(), 9002, options).await?)
        } else {
            None
        };
        Ok(Targets { chat, info })
    }
}

async fn resolve(
    flag: &'static str,
    target: Option<&str>,
    port: u16,
    options: &Options,
) -> Result<SocketAddr, Failure> {
    let (flag, value) = match target {
        Some(target) => (flag, target.to_owned()),
        None => ("--host", on_port(&options.host, port)),
    };
    let usage = |problem: &str| Failure::Usage { flag, value: value.clone(), problem: problem.into() };
    if !has_port(&value) {
        return Err(usage("want HOST:PORT"));
    }
    let found = lookup_host(&value).await.map_err(|error| usage(&error.to_string()))?;
    // IPv4 first: `localhost` is both, and our services listen on 0.0.0.0.
    let address = found.min_by_key(SocketAddr::is_ipv6).ok_or_else(|| usage("the name has no address"))?;
    if options.i_own_this_network || is_near(address.ip()) {
        Ok(address)
    } else {
        Err(usage("that is a public address; add --i-own-this-network if you may put load on it"))
    }
}

/// A host and a port; an IPv6 address needs brackets for that.
fn on_port(host: &str, port: u16) -> String {
    if host.contains(':') && !host.starts_with('[') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

/// Whether something reads as `host:port`; of an IPv6 address, only one in brackets does.
fn has_port(target: &str) -> bool {
    let Some((host, port)) = target.rsplit_once(':') else { return false };
    let is_one_host = !host.contains(':') || host.starts_with('[') && host.ends_with(']');
    !host.is_empty() && is_one_host && port.parse::<u16>().is_ok()
}

/// Whether an address is loopback, private or link-local.
fn is_near(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => is_near(v4.into()),
            None => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
        },
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn targets(args: &str) -> Result<Targets, Failure> {
        let options = Options::parse_from(std::iter::once("loadgen").chain(args.split_whitespace()));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(Targets::resolve(&options))
    }

    #[test]
    fn the_host_serves_all_that_is_not_named() {
        let found = targets("--host 127.0.0.2 --info 127.0.0.3:7").unwrap();
        assert_eq!(found.chat, "127.0.0.2:9001".parse().unwrap());
        assert_eq!(found.info, Some("127.0.0.3:7".parse().unwrap()));
        assert_eq!(targets("--host ::1").unwrap().chat, "[::1]:9001".parse().unwrap());
        assert_eq!(targets("--info-rate 0").unwrap().info, None);
    }

    #[test]
    fn public_addresses_need_consent() {
        for public in ["203.0.113.7:9001", "[2001:db8::1]:9001", "[::ffff:203.0.113.7]:9001"] {
            let failure = targets(&format!("--chat {public}")).unwrap_err();
            assert_eq!(failure.exit_code(), 2);
            assert!(failure.to_string().contains("--i-own-this-network"), "{failure}");
            assert!(targets(&format!("--chat {public} --i-own-this-network")).is_ok());
        }
        for near in
            ["10.1.2.3:1", "192.168.0.1:1", "172.16.0.1:1", "169.254.1.1:1", "[fd00::1]:1", "[fe80::1]:1"]
        {
            assert!(targets(&format!("--chat {near}")).is_ok(), "{near}");
        }
    }

    #[test]
    fn what_leads_nowhere_is_named() {
        for (flag, value) in [
            ("--chat", "127.0.0.1"),
            ("--chat", "nonsense"),
            ("--chat", "::1"),
            ("--chat", ":9001"),
            ("--info", "localhost:info"),
        ] {
            let failure = targets(&format!("{flag} {value}")).unwrap_err();
            assert_eq!(failure.to_string(), format!("{flag} {value}: want HOST:PORT"));
            assert_eq!(failure.exit_code(), 2);
        }
    }
}
