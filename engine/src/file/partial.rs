//! What an upload that was cut off is kept under.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use blake3::Hash;

/// Whose an upload is. Nobody has an account here, so it is the network that it comes from: an IPv4 address, or
/// the /64 that one IPv6 customer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Owner(IpAddr);

impl Owner {
    /// The owner of what comes from this address.
    pub fn of(peer: IpAddr) -> Self {
        Owner(match peer.to_canonical() {
            IpAddr::V4(v4) => v4.into(),
            IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
        })
    }
}

/// What an upload that was cut off is kept under: what its bytes will be, and whose they are. A stranger can
/// neither put wrong bytes into somebody's upload nor take it over, though both send the same file.
///
/// Written `<hash>-<address>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PartialKey {
    /// BLAKE3 of the whole file.
    pub hash: Hash,
    /// Who began it.
    pub owner: Owner,
}

impl fmt::Display for PartialKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.hash, self.owner.0)
    }
}

/// Something that is no [`PartialKey`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoKey;

impl FromStr for PartialKey {
    type Err = NoKey;

    fn from_str(written: &str) -> Result<Self, NoKey> {
        let (hash, owner) = written.split_once('-').ok_or(NoKey)?;
        let hash = Hash::from_hex(hash).map_err(|_| NoKey)?;
        let owner = Owner::of(owner.parse().map_err(|_| NoKey)?);
        let key = PartialKey { hash, owner };
        // One key is one file: not `::ffff:10.0.0.1` beside `10.0.0.1`.
        if key.to_string() == written { Ok(key) } else { Err(NoKey) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(addr: &str) -> Owner {
        Owner::of(addr.parse().unwrap())
    }

    #[test]
    fn a_network_is_one_owner() {
        assert_ne!(owner("10.0.0.1"), owner("10.0.0.2"));
        assert_eq!(owner("::ffff:10.0.0.1"), owner("10.0.0.1"));
        assert_eq!(owner("2001:db8::1"), owner("2001:db8::2:2"));
        assert_ne!(owner("2001:db8::1"), owner("2001:db8:0:1::1"));
    }

    #[test]
    fn a_key_reads_as_it_is_written() {
        let hash = blake3::hash(b"abc");
        for addr in ["10.0.0.1", "2001:db8::1", "::1", "::ffff:10.0.0.1"] {
            let key = PartialKey { hash, owner: owner(addr) };
            assert_eq!(key.to_string().parse(), Ok(key), "{key}");
        }
        let key = PartialKey { hash, owner: owner("2001:db8::1") };
        assert_eq!(key.to_string(), format!("{hash}-2001:db8::"));
    }

    #[test]
    fn what_is_no_key_is_none() {
        let hash = blake3::hash(b"abc");
        let others = [
            String::new(),
            hash.to_string(),
            format!("{hash}-"),
            format!("{hash}-somebody"),
            format!("{hash}-::ffff:10.0.0.1"),
            format!("{hash}-2001:db8::1"),
            format!("{}-10.0.0.1", hash.to_string().to_uppercase()),
            "00-10.0.0.1".to_owned(),
        ];
        for other in others {
            assert_eq!(other.parse::<PartialKey>(), Err(NoKey), "{other}");
        }
    }
}
