//! Room names.

use std::fmt;
use std::sync::Arc;

use crate::{Code, Refusal};

/// A room's name: `[a-z0-9][a-z0-9_-]{0,31}`, kept without the `#` it may be written with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomName(Arc<str>);

impl RoomName {
    /// Longest name in bytes.
    pub const MAX_LEN: usize = 32;

    /// Reads a name as people write it, `lobby` or `#lobby`.
    ///
    /// # Errors
    /// [`Code::BadRoom`].
    pub fn parse(written: &str) -> Result<Self, Refusal> {
        let name = written.strip_prefix('#').unwrap_or(written);
        let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
        let mut bytes = name.bytes();
        let good = bytes.next().is_some_and(plain)
            && bytes.all(|c| plain(c) || c == b'_' || c == b'-')
            && name.len() <= Self::MAX_LEN;
        if good { Ok(RoomName(name.into())) } else { Err(Self::refusal()) }
    }

    /// The room everybody starts in.
    pub fn lobby() -> Self {
        RoomName("lobby".into())
    }

    /// The name without `#`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn refusal() -> Refusal {
        Refusal::new(
            Code::BadRoom,
            "a room is 1 to 32 of a-z, 0-9, _ and -, beginning with a letter or a digit",
        )
    }
}

impl fmt::Display for RoomName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_are_one_room() {
        assert_eq!(RoomName::parse("#lobby").unwrap(), RoomName::lobby());
        assert_eq!(RoomName::parse("0_a-").unwrap().as_str(), "0_a-");
        assert!(RoomName::parse(&"r".repeat(32)).is_ok());
    }

    #[test]
    fn anything_else_is_refused() {
        let long = "r".repeat(33);
        for bad in ["", "#", "##a", "-a", "_a", "Lobby", "a b", "ä", "a/b", "a\n", &long] {
            assert_eq!(RoomName::parse(bad).unwrap_err().code, Code::BadRoom, "{bad:?}");
        }
    }
}
