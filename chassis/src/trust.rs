//! Which networks are trusted: one idea for all limits.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

/// Loopback, private and link-local ranges (RFC 1122, 1918, 3927, 4193, 4291).
const PRIVATE: &str =
    "127.0.0.0/8,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,169.254.0.0/16,::1/128,fc00::/7,fe80::/10";

/// A list of networks whose peers are exempt from the limits meant for strangers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trusted(Vec<IpNet>);

impl Trusted {
    /// Trusts nobody.
    pub fn none() -> Self {
        Trusted(Vec::new())
    }

    /// Whether the address is in one of the networks. An IPv4 address written as IPv6 is the IPv4 one.
    pub fn contains(&self, addr: IpAddr) -> bool {
        let addr = addr.to_canonical();
        self.0.iter().any(|network| network.contains(&addr))
    }
}

impl Default for Trusted {
    fn default() -> Self {
        PRIVATE.parse().expect("the list above is well formed")
    }
}

impl FromStr for Trusted {
    type Err = String;

    fn from_str(written: &str) -> Result<Self, String> {
        if written == "none" {
            return Ok(Trusted::none());
        }
        written.split(',').map(network).collect::<Result<_, _>>().map(Trusted)
    }
}

fn network(written: &str) -> Result<IpNet, String> {
    let written = written.trim();
    let host = || written.parse::<IpAddr>().map(IpNet::from).ok();
    written.parse().ok().or_else(host).ok_or_else(|| {
        format!("{written:?} is no network; want CIDR such as 192.168.0.0/16,::1/128, or none")
    })
}

impl fmt::Display for Trusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        let networks: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&networks.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_networks_are_trusted_unless_nobody_is() {
        let trusted = Trusted::default();
        for near in
            ["127.0.0.1", "10.1.2.3", "172.18.0.4", "192.168.1.1", "::1", "fe80::1", "::ffff:10.0.0.1"]
        {
            assert!(trusted.contains(near.parse().unwrap()), "{near}");
            assert!(!Trusted::none().contains(near.parse().unwrap()), "{near}");
        }
        for far in ["8.8.8.8", "172.32.0.1", "2001:db8::1", "::ffff:8.8.8.8"] {
            assert!(!trusted.contains(far.parse().unwrap()), "{far}");
        }
    }

    #[test]
    fn a_list_is_read_as_it_is_written() {
        for list in ["none", "10.0.0.0/8", "192.0.2.7/32,2001:db8::/32"] {
            assert_eq!(list.parse::<Trusted>().unwrap().to_string(), list);
        }
        assert_eq!("192.0.2.7".parse::<Trusted>().unwrap().to_string(), "192.0.2.7/32");
        for bad in ["", "10.0.0.0/33", "lan", "10.0.0.0/8,,"] {
            assert!(bad.parse::<Trusted>().is_err(), "{bad:?}");
        }
    }
}
