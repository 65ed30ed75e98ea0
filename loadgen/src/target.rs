//! Where to send load, and where not to.

use std::net::{IpAddr, SocketAddr};

use tokio::net::lookup_host;

use crate::cli::{Load, Options, Place};
use crate::failure::Failure;
use crate::reconcile::MetricsOf;

/// A service of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// Rooms and messages.
    Chat,
    /// Answers over UDP.
    Info,
    /// Files.
    File,
    /// Who is where.
    Registry,
}

impl Service {
    /// All of them.
    pub const ALL: [Service; 4] = [Service::Chat, Service::Info, Service::File, Service::Registry];

    /// Its name.
    pub fn name(self) -> &'static str {
        ["chat", "info", "file", "registry"][self as usize]
    }

    /// The flag that says where it is.
    fn flag(self) -> &'static str {
        ["--chat", "--info", "--file", "--registry"][self as usize]
    }

    /// Its usual port; the one for its metrics is ten above.
    fn port(self) -> u16 {
        [9001, 9002, 9003, 9000][self as usize]
    }

    fn place(self, place: &Place) -> Option<&str> {
        [&place.chat, &place.info, &place.file, &place.registry][self as usize].as_deref()
    }

    /// How much of it a run wants, when it wants any.
    fn is_wanted(self, options: &Options) -> bool {
        let loads = [&options.messages, &options.queries, &options.transfers, &options.entries];
        Load::is_some(loads[self as usize]) || self == Service::Chat && options.people.is_some()
    }
}

/// Where a service tells what it has counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counter {
    /// Which service.
    pub service: Service,
    /// Its admin port, when the run began.
    pub at: SocketAddr,
    /// Whether somebody said so, or it is only where it usually is.
    pub named: bool,
    /// What led there: its own name when it has one, else its service's.
    name: Name,
    /// The address that this name had.
    led_to: SocketAddr,
}

impl Counter {
    /// Where it is now, when its name does not lead any more to where it did when the run began. As long as that
    /// is one of several addresses, the others are other servers, which have counted what we have not caused.
    pub async fn moved_to(&self) -> Option<SocketAddr> {
        let found = self.name.resolve_from(Some(self.led_to)).await.ok()?;
        let now = if self.named { found } else { usual_counter(found)? };
        (now != self.at).then_some(now)
    }
}

/// Where the service at an address usually counts.
fn usual_counter(service: SocketAddr) -> Option<SocketAddr> {
    service.port().checked_add(10).map(|port| SocketAddr::new(service.ip(), port))
}

/// A place as a flag names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    flag: &'static str,
    value: String,
    /// Whether it may be a public address.
    consent: bool,
}

/// The addresses of a run as they are when it begins; only of what it wants.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Targets {
    /// The services, by name and by address.
    services: [Option<(Name, SocketAddr)>; 4],
    /// Their counters.
    pub counters: Vec<Counter>,
}

impl Targets {
    /// The targets that a command line means.
    ///
    /// # Errors
    /// [`Failure::Usage`] for a name that leads nowhere, and for a public address without consent.
    pub async fn resolve(options: &Options) -> Result<Self, Failure> {
        let mut targets = Targets::default();
        let place = &options.place;
        for service in Service::ALL.into_iter().filter(|service| service.is_wanted(options)) {
            let (flag, value) = match service.place(place) {
                Some(target) => (service.flag(), target.to_owned()),
                None => ("--host", on_port(&place.host, service.port())),
            };
            let name = Name { flag, value, consent: place.i_own_this_network };
            let at = name.resolve().await?;
            targets.counters.extend(counter(service, &name, at, place).await?);
            targets.services[service as usize] = Some((name, at));
        }
        Ok(targets)
    }

    /// Where a service is, when the run wants it.
    pub fn of(&self, service: Service) -> Option<SocketAddr> {
        self.services[service as usize].as_ref().map(|(_, at)| *at)
    }

    /// What a service is called, when the run wants it.
    pub fn name_of(&self, service: Service) -> Option<&Name> {
        self.services[service as usize].as_ref().map(|(name, _)| name)
    }
}

/// Where a service counts that a name has led to.
async fn counter(
    service: Service,
    name: &Name,
    at: SocketAddr,
    place: &Place,
) -> Result<Option<Counter>, Failure> {
    if place.metrics_of.contains(&MetricsOf::Nobody) {
        return Ok(None);
    }
    let named = place.metrics_of.iter().find_map(|metrics| match metrics {
        MetricsOf::Service(of, target) if *of == service => Some(target.clone()),
        _ => None,
    });
    Ok(match named {
        Some(target) => {
            let name = Name { flag: "--metrics-of", value: target, consent: place.i_own_this_network };
            let at = name.resolve().await?;
            Some(Counter { service, at, named: true, name, led_to: at })
        }
        None => {
            let name = name.clone();
            usual_counter(at).map(|usual| Counter { service, at: usual, named: false, name, led_to: at })
        }
    })
}

impl Name {
    /// The address that it leads to now.
    ///
    /// # Errors
    /// [`Failure::Usage`] when it leads nowhere, or to a public address without consent.
    pub async fn resolve(&self) -> Result<SocketAddr, Failure> {
        self.resolve_from(None).await
    }

    /// Where it leads now; still to the same address as long as that is one of its own, for behind a name of
    /// several addresses the others are other servers.
    ///
    /// # Errors
    /// As [`Name::resolve`].
    pub async fn resolve_from(&self, last: Option<SocketAddr>) -> Result<SocketAddr, Failure> {
        let Name { flag, value, consent } = self;
        let usage = |problem: &str| Failure::Usage { flag, value: value.clone(), problem: problem.into() };
        if !has_port(value) {
            return Err(usage("want HOST:PORT"));
        }
        let found = lookup_host(value).await.map_err(|error| usage(&error.to_string()))?;
        let address = preferred(found, last).ok_or_else(|| usage("the name has no address"))?;
        if *consent || is_near(address.ip()) {
            Ok(address)
        } else {
            Err(usage("that is a public address; add --i-own-this-network if you may put load on it"))
        }
    }
}

/// The address to take: the last one, else IPv4 first, for `localhost` is both and our services listen on 0.0.0.0.
fn preferred(found: impl Iterator<Item = SocketAddr>, last: Option<SocketAddr>) -> Option<SocketAddr> {
    found.min_by_key(|at| (Some(*at) != last, at.is_ipv6()))
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
    use super::*;
    use crate::cli::tests::options;

    fn targets(args: &str) -> Result<Targets, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(Targets::resolve(&options(args)))
    }

    fn at(address: &str) -> Option<SocketAddr> {
        Some(address.parse().unwrap())
    }

    #[test]
    fn the_host_serves_all_that_is_not_named() {
        let found = targets("--host 127.0.0.2 --info 127.0.0.3:7").unwrap();
        assert_eq!(found.of(Service::Chat), at("127.0.0.2:9001"));
        assert_eq!(found.of(Service::Info), at("127.0.0.3:7"));
        assert_eq!(found.of(Service::File), None, "nothing is wanted of it");
        assert_eq!(targets("--host ::1").unwrap().of(Service::Chat), at("[::1]:9001"));
        assert_eq!(targets("--info-rate 0").unwrap().of(Service::Info), None);
        assert_eq!(targets("registry").unwrap().of(Service::Registry), at("127.0.0.1:9000"));
        assert_eq!(targets("registry").unwrap().of(Service::Chat), None);
    }

    #[test]
    fn a_service_counts_ten_ports_above_its_own_unless_told_otherwise() {
        let counters = targets("--metrics-of info=127.0.0.1:7").unwrap().counters;
        let told: Vec<_> = counters.iter().map(|counter| (counter.at.to_string(), counter.named)).collect();
        assert_eq!(told, [("127.0.0.1:9011".to_owned(), false), ("127.0.0.1:7".to_owned(), true)]);
        assert_eq!(targets("--metrics-of none").unwrap().counters, []);
    }

    #[test]
    fn a_name_of_several_addresses_leads_on_to_the_last() {
        let [six, first, second]: [SocketAddr; 3] =
            ["[::1]:1", "127.0.0.1:1", "127.0.0.2:1"].map(|at| at.parse().unwrap());
        let all = || [six, first, second].into_iter();
        assert_eq!(preferred(all(), None), Some(first));
        assert_eq!(preferred(all(), Some(second)), Some(second));
        assert_eq!(
            preferred([six, second].into_iter(), Some(first)),
            Some(second),
            "it is none of them any more"
        );
        assert_eq!(preferred(std::iter::empty(), Some(first)), None);
    }

    #[tokio::test]
    async fn a_counter_has_moved_when_its_name_leads_elsewhere() {
        for flags in ["--chat 127.0.0.2:1", "--metrics-of chat=127.0.0.2:11"] {
            let mut counter = Targets::resolve(&options(flags)).await.unwrap().counters.remove(0);
            assert_eq!(counter.moved_to().await, None, "{flags}");
            counter.at = "127.0.0.1:11".parse().unwrap();
            assert_eq!(counter.moved_to().await, at("127.0.0.2:11"), "{flags}");
        }
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
