//! The addresses that a run's connections come from: each has only so many ports for one target.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::failure::Failure;

/// How many ports an address has where the system does not say (Linux's default, 32768 to 60999).
const USUAL: u32 = 28_232;
/// The most loopback addresses that are taken unasked.
const MOST: u32 = 250;
/// The share of its ports that an address gives away willingly. Linux looks for a free one among every second
/// of them first, and when those are gone through all of them, one by one: seen from half of the range on, a
/// connection took seconds on a busy machine, and users gave up waiting for their rooms.
const EASY: f64 = 0.4;

/// The addresses that so many connections to a target come from, in turns; none when it does not matter.
///
/// # Errors
/// [`Failure::Ports`] when there are not enough.
pub fn choose(connections: u32, target: SocketAddr, given: &[IpAddr]) -> Result<Vec<IpAddr>, Failure> {
    among(connections, target, given, ports_of_an_address())
}

fn among(connections: u32, target: SocketAddr, given: &[IpAddr], each: u32) -> Result<Vec<IpAddr>, Failure> {
    let easily = (f64::from(each) * EASY) as u32;
    let (wanted, comfortable) = (connections.div_ceil(each), connections.div_ceil(easily.max(1)));
    let none = || Failure::Ports { need: connections, each, addresses: wanted };
    match target.ip() {
        _ if !given.is_empty() => {
            if given.len() as u32 >= wanted {
                Ok(given.to_vec())
            } else {
                Err(none())
            }
        }
        _ if comfortable <= 1 => Ok(Vec::new()),
        IpAddr::V4(target) if target.is_loopback() && wanted <= MOST => {
            let taken = 1..=comfortable.min(MOST);
            Ok(taken.map(|last| Ipv4Addr::new(127, 0, 0, last as u8).into()).collect())
        }
        _ if wanted <= 1 => Ok(Vec::new()),
        _ => Err(none()),
    }
}

/// What to say before so many connections come from so few addresses, when that will be slow.
pub fn warning(connections: u32, chosen: &[IpAddr]) -> Option<String> {
    crowded(connections, chosen, ports_of_an_address())
}

fn crowded(connections: u32, chosen: &[IpAddr], each: u32) -> Option<String> {
    let addresses = chosen.len().max(1) as u32;
    let share = f64::from(connections.div_ceil(addresses)) / f64::from(each);
    (share > EASY).then(|| {
        format!(
            "note: {connections} connections take {:.0}% of the ports of {addresses} address{}; from half of them \
             on a connection takes the longer the more there are; name more of them with --bind, or raise \
             `sysctl net.ipv4.ip_local_port_range`",
            share * 100.0,
            if addresses == 1 { "" } else { "es" },
        )
    })
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
        assert!(chosen(11_000, "127.0.0.1:9001", &[]).unwrap().is_empty());
        assert!(chosen(28_232, "10.0.0.1:9001", &[]).unwrap().is_empty());
    }

    #[test]
    fn a_loopback_target_is_reached_from_several_long_before_that() {
        let found = chosen(15_500, "127.0.0.1:9001", &[]).unwrap();
        assert_eq!(found, ["127.0.0.1", "127.0.0.2"]);
        assert_eq!(chosen(60_000, "127.0.0.1:9001", &[]).unwrap().len(), 6);
        assert_eq!(chosen(7_000_000, "127.0.0.1:9001", &[]).unwrap().len(), 250);
    }

    #[test]
    fn before_the_ports_of_an_address_end_it_is_said() {
        let address = |last| IpAddr::from(Ipv4Addr::new(10, 0, 0, last));
        assert_eq!(crowded(11_000, &[], 28_232), None);
        let words = crowded(14_116, &[], 28_232).unwrap();
        assert!(words.contains("50% of the ports of 1 address;") && words.contains("--bind"), "{words}");
        assert_eq!(crowded(22_000, &[address(1), address(2)], 28_232), None);
        let words = crowded(28_232, &[address(1), address(2)], 28_232).unwrap();
        assert!(words.contains("50% of the ports of 2 addresses;"), "{words}");
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
