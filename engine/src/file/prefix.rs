//! What the names of a list begin with.

use std::fmt;

use unicode_normalization::UnicodeNormalization;

use super::{BadName, FileName};

/// The beginning of names, in NFC as they are: a beginning of the string, not of its parts. Without
/// characters it covers every name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Prefix(String);

impl Prefix {
    /// Reads a prefix. Anything that begins no name is good too: it covers nothing.
    ///
    /// # Errors
    /// [`BadName::Control`].
    pub fn parse(written: &str) -> Result<Self, BadName> {
        if written.chars().any(char::is_control) {
            return Err(BadName::Control);
        }
        Ok(Prefix(written.nfc().collect()))
    }

    /// The prefix in NFC.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a name begins with it.
    pub fn covers(&self, name: &FileName) -> bool {
        name.as_str().starts_with(&self.0)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_of_the_string() {
        let covers = |prefix, name| Prefix::parse(prefix).unwrap().covers(&FileName::parse(name).unwrap());
        assert!(covers("", "a") && covers("a/b", "a/bc") && covers("e\u{301}", "\u{e9}a"));
        assert!(!covers("b", "a/b") && !covers("../", "a") && !covers("A", "a"));
        assert_eq!(Prefix::parse("a\tb"), Err(BadName::Control));
    }
}
