//! Cookies: proof that somebody receives what is sent to their address.
//!
//! The idea of DNS cookies (RFC 7873): the proof is a keyed hash, so the service remembers nobody.

use std::net::IpAddr;
use std::time::Duration;

/// A cookie holds in the slot it was issued in and in the next one: 5 to 10 minutes.
const SLOT: Duration = Duration::from_secs(300);

/// Eight bytes that nobody can guess who does not receive at the address they are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cookie(pub u64);

/// Issues cookies and knows its own again.
#[derive(Clone)]
pub struct Cookies {
    key: [u8; 32],
}

impl Cookies {
    /// Cookies under a secret key. Another key makes every cookie worthless, at no more cost to its owner
    /// than one more question.
    pub fn new(key: [u8; 32]) -> Self {
        Cookies { key }
    }

    /// The cookie of an address; `now` counts from any fixed moment.
    pub fn issue(&self, address: IpAddr, now: Duration) -> Cookie {
        self.of_slot(address, slot(now))
    }

    /// Whether the cookie was issued for this address, 5 to 10 minutes ago at most.
    pub fn holds(&self, cookie: Cookie, address: IpAddr, now: Duration) -> bool {
        let current = slot(now);
        let before = current.checked_sub(1);
        cookie == self.of_slot(address, current)
            || before.is_some_and(|slot| cookie == self.of_slot(address, slot))
    }

    /// The port is no part of it: behind one address translator it changes between two questions.
    fn of_slot(&self, address: IpAddr, slot: u64) -> Cookie {
        let mut said = [0; 24];
        said[..16].copy_from_slice(&as_v6(address));
        said[16..].copy_from_slice(&slot.to_le_bytes());
        let hash = blake3::keyed_hash(&self.key, &said);
        let (first, _) = hash.as_bytes().split_first_chunk().expect("a hash is longer than eight bytes");
        Cookie(u64::from_le_bytes(*first))
    }
}

/// An IPv4 address and the same one mapped into IPv6 are one (RFC 4291, section 2.5.5.2).
fn as_v6(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}

fn slot(now: Duration) -> u64 {
    now.as_secs() / SLOT.as_secs()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 7));

    fn at(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn a_cookie_lives_five_to_ten_minutes() {
        let cookies = Cookies::new([7; 32]);
        let early = cookies.issue(HOME, at(300));
        assert!(cookies.holds(early, HOME, at(300)));
        assert!(cookies.holds(early, HOME, at(899)), "ten minutes for one of the slot's beginning");
        assert!(!cookies.holds(early, HOME, at(900)));
        let late = cookies.issue(HOME, at(599));
        assert!(cookies.holds(late, HOME, at(899)), "five for one of its end");
        assert!(!cookies.holds(late, HOME, at(900)));
    }

    #[test]
    fn one_of_the_future_is_worthless() {
        let cookies = Cookies::new([7; 32]);
        let future = cookies.issue(HOME, at(900));
        assert!(!cookies.holds(future, HOME, at(0)));
        assert!(!cookies.holds(future, HOME, at(899)));
    }

    #[test]
    fn another_key_knows_no_cookie_of_the_first() {
        let cookie = Cookies::new([7; 32]).issue(HOME, at(0));
        assert!(!Cookies::new([8; 32]).holds(cookie, HOME, at(0)));
    }

    #[test]
    fn a_mapped_address_is_the_same() {
        let cookies = Cookies::new([7; 32]);
        let mapped: IpAddr = "::ffff:198.51.100.7".parse().unwrap();
        assert!(cookies.holds(cookies.issue(HOME, at(0)), mapped, at(0)));
    }

    proptest! {
        #[test]
        fn nobody_elses_and_no_altered_one_holds(mine: u128, other: u128, bit in 0..64u32, now in 0..1_000_000u64) {
            let cookies = Cookies::new([9; 32]);
            let (mine, other) = (IpAddr::V6(mine.into()), IpAddr::V6(other.into()));
            let cookie = cookies.issue(mine, at(now));
            prop_assert!(cookies.holds(cookie, mine, at(now)));
            prop_assert!(!cookies.holds(Cookie(cookie.0 ^ (1 << bit)), mine, at(now)));
            prop_assert!(mine == other || !cookies.holds(cookie, other, at(now)));
        }
    }
}
