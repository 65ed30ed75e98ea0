//! The addresses that a run's connections come from: each has only so many ports for one target.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::failure::Failure;

/// How many ports an address has where the system does not say (Linux's default, 32768 to 60999).
const USUAL: u32 = 28_232;
/// The most loopback addresses that are taken unasked.
const MOST: u32 = 250;

/// The addresses that so many connections to a target come from, in turns; none when it does not matter.
///
/// # Errors
/// [`Failure::Ports`] when there are not enough.
pub fn choose(connections: u32, target: SocketAddr, given: &[IpAddr]) -> Result<Vec<IpAddr>, Failure> {
    among(connections, target, given, ports_of_an_address())
}

fn among(connections: u32, target: SocketAddr, given: &[IpAddr], each: u32) -> Result<Vec<IpAddr>, Failure> {
    let wanted = connections.div_ceil(each);
    let none = || Failure::Ports { need: connections, each, addresses: wanted };
    match target.ip() {
        _ if !given.is_empty() => {
            if given.len() as u32 >= wanted {
                Ok(given.to_vec())
            } else {
                Err(none())
            }
        }
        _ if wanted <= 1 => Ok(Vec::new()),
        IpAddr::V4(target) if target.is_loopback() && wanted <= MOST => {
            Ok((1..=wanted).map(|last| Ipv4Addr::new(127, 0, 0, last as u8).into()).collect())
        }
        _ => Err(none()),
    }
}

fn ports_of_an_address() -> u32 {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    ports_in(&range).unwrap_or(USUAL)
}

fn ports_in(range: &str) -> Option<u32> {
    let mut ends = range.split_whitespace().map(str::parse::<u32>);
    let (first, last) = (ends.next()?.ok()?, ends.next()?.ok()?);
    last.checked_sub(first).map(|between| between + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(connections: u32, target: &str, given: &[&str]) -> Result<Vec<String>, Failure> {
        let given: Vec<IpAddr> = given.iter().map(|address| address.parse().unwrap()).collect();
        let chosen = among(connections, target.parse().unwrap(), &given, 28_232)?;
        Ok(chosen.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn one_address_is_enough_for_28_thousand() {
        assert!(chosen(28_232, "127.0.0.1:9001", &[]).unwrap().is_empty());
        assert!(chosen(28_232, "10.0.0.1:9001", &[]).unwrap().is_empty());
    }

    #[test]
    fn past_that_a_loopback_target_is_reached_from_several() {
        let found = chosen(60_000, "127.0.0.1:9001", &[]).unwrap();
        assert_eq!(found, ["127.0.0.1", "127.0.0.2", "127.0.0.3"]);
    }

    #[test]
    fn another_target_needs_addresses_to_be_given() {
        let words = chosen(60_000, "10.0.0.1:9001", &[]).unwrap_err().to_string();
        assert!(words.contains("--bind") && words.contains("3 addresses"), "{words}");
        assert!(chosen(60_000, "10.0.0.1:9001", &["10.0.0.2", "10.0.0.3"]).is_err());
        assert_eq!(chosen(500, "10.0.0.1:9001", &["10.0.0.2"]).unwrap(), ["10.0.0.2"]);
    }

    #[test]
    fn the_range_is_read_from_the_system() {
        assert_eq!(ports_in("32768\t60999\n"), Some(28_232));
        assert_eq!(ports_in("nonsense"), None);
    }
}
