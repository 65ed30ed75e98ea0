//! What services call themselves.

use std::fmt;
use std::sync::Arc;

use crate::{Code, Refusal};

/// The name of a service or an instance, or an address: 1 to 255 bytes that show, without white space.
///
/// Labels are the operators' own, so no more is asked of them than that they can stand in a log line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(Arc<str>);

impl Label {
    /// Longest label in bytes.
    pub const MAX_LEN: usize = 255;

    /// Reads a label.
    ///
    /// # Errors
    /// [`Code::BadName`].
    pub fn parse(written: &str) -> Result<Self, Refusal> {
        let shows = |c: char| !c.is_whitespace() && !c.is_control();
        if (1..=Self::MAX_LEN).contains(&written.len()) && written.chars().all(shows) {
            return Ok(Label(written.into()));
        }
        Err(Refusal::new(
            Code::BadName,
            "a service, an instance and an address have 1 to 255 bytes, no white space and no control characters",
        ))
    }

    /// The label as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shows_passes_and_the_rest_is_refused() {
        for good in ["chat", "chat-1", "[::1]:9001", "chat:9001", "küche", &"x".repeat(255)] {
            assert_eq!(Label::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", " ", "a b", "a\tb", "a\n", "\u{1b}[2J", "a\u{9b}", "a\u{a0}b", &"x".repeat(256)] {
            assert_eq!(Label::parse(bad).unwrap_err().code, Code::BadName, "{bad:?}");
        }
    }
}
