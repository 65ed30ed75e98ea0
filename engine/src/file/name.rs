//! File names: relative paths that can't leave the data folder, hide, or fool the eye.

use std::fmt;
use std::sync::Arc;

use unicode_normalization::{UnicodeNormalization, is_nfc};

use crate::{Code, Refusal};

/// A file's name in NFC: a relative path of at most 255 bytes with `/` between its parts.
///
/// No part is empty or begins with a dot (so none is `.` or `..`). There are no control characters, no
/// backslash, no control of writing direction and no look-alike of the slash. Two names that are equal
/// after NFC are one. Everything else may stand in a name, spaces and `%2e` as they are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileName(Arc<str>);

/// Declares [`BadName`] with the label each reason has in the metrics and the words people read.
macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $label:literal, $words:literal;)*) => {
        /// Why a name is refused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum BadName { $($(#[$doc])* $variant,)* }

        impl BadName {
            /// Every reason, for metrics that export each label from the start.
            pub const ALL: &[BadName] = &[$(BadName::$variant,)*];

            /// The reason as a metric label.
            pub fn as_str(self) -> &'static str {
                match self { $(BadName::$variant => $label,)* }
            }

            fn words(self) -> &'static str {
                match self { $(BadName::$variant => $words,)* }
            }
        }
    };
}

reasons! {
    /// There is no name.
    Empty = "empty", "a file needs a name";
    /// More than 255 bytes in NFC.
    TooLong = "too_long", "a name has at most 255 bytes";
    /// It begins with a slash.
    Absolute = "absolute", "a name does not begin with a slash";
    /// Two slashes in a row, or one at the end.
    EmptyPart = "empty_part", "no part of a name is empty";
    /// A part is `.` or `..`.
    Traversal = "traversal", "no part of a name is . or ..";
    /// A part begins with a dot.
    Hidden = "hidden", "no part of a name begins with a dot";
    /// NUL, which would end the name for the operating system.
    Nul = "nul", "a name must not hold NUL";
    /// C0 (TAB too), DEL or C1.
    Control = "control", "a name must not hold control characters";
    /// The slash of other systems.
    Backslash = "backslash", "a name must not hold a backslash";
    /// A character that changes the direction of writing (Unicode's Bidi_Control).
    Direction = "direction", "a name must not hold controls of writing direction";
    /// U+2044, U+2215 or U+FF0F.
    SlashLookAlike = "slash_look_alike", "a name must not hold a look-alike of the slash";
}

impl From<BadName> for Refusal {
    fn from(bad: BadName) -> Refusal {
        Refusal::new(Code::BadName, bad.words())
    }
}

impl FileName {
    /// Longest name in bytes, after NFC.
    pub const MAX_LEN: usize = 255;

    /// Reads a name.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn parse(written: &str) -> Result<Self, BadName> {
        let name: Arc<str> =
            if is_nfc(written) { written.into() } else { written.nfc().collect::<String>().into() };
        if name.is_empty() {
            return Err(BadName::Empty);
        }
        if name.len() > Self::MAX_LEN {
            return Err(BadName::TooLong);
        }
        if let Some(bad) = name.chars().find_map(bad_char) {
            return Err(bad);
        }
        if name.starts_with('/') {
            return Err(BadName::Absolute);
        }
        if let Some(bad) = name.split('/').find_map(bad_part) {
            return Err(bad);
        }
        Ok(FileName(name))
    }

    /// The name in NFC.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folders on the way, outermost first, and the file's own name in the last of them.
    pub fn split(&self) -> (impl Iterator<Item = &str>, &str) {
        let (folders, own) = self.0.rsplit_once('/').unwrap_or(("", &self.0));
        (folders.split('/').filter(|part| !part.is_empty()), own)
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn bad_char(c: char) -> Option<BadName> {
    match c {
        '\0' => Some(BadName::Nul),
        c if c.is_control() => Some(BadName::Control),
        '\\' => Some(BadName::Backslash),
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            Some(BadName::Direction)
        }
        '\u{2044}' | '\u{2215}' | '\u{ff0f}' => Some(BadName::SlashLookAlike),
        _ => None,
    }
}

fn bad_part(part: &str) -> Option<BadName> {
    match part {
        "" => Some(BadName::EmptyPart),
        "." | ".." => Some(BadName::Traversal),
        part if part.starts_with('.') => Some(BadName::Hidden),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Names that break a rule, but for those that are too long.
    const BAD: [(&str, BadName); 45] = [
        ("", BadName::Empty),
        ("/", BadName::Absolute),
        ("/etc/passwd", BadName::Absolute),
        ("//a", BadName::Absolute),
        ("a//b", BadName::EmptyPart),
        ("a/", BadName::EmptyPart),
        ("a/b/", BadName::EmptyPart),
        (".", BadName::Traversal),
        ("..", BadName::Traversal),
        ("../x", BadName::Traversal),
        ("./x", BadName::Traversal),
        ("a/..", BadName::Traversal),
        ("a/.", BadName::Traversal),
        ("a/../b", BadName::Traversal),
        ("a/../../x", BadName::Traversal),
        ("a/./b", BadName::Traversal),
        (".tmp", BadName::Hidden),
        (".ssh/id", BadName::Hidden),
        ("a/.b", BadName::Hidden),
        ("...", BadName::Hidden),
        ("..a", BadName::Hidden),
        ("a\0", BadName::Nul),
        ("\0", BadName::Nul),
        ("a\0.txt", BadName::Nul),
        ("a\nb", BadName::Control),
        ("a\rb", BadName::Control),
        ("a\tb", BadName::Control),
        ("\u{1b}[2J", BadName::Control),
        ("a\u{7f}", BadName::Control),
        ("a\u{85}b", BadName::Control),
        ("a\u{9b}31m", BadName::Control),
        ("\u{1}", BadName::Control),
        ("..\\x", BadName::Backslash),
        ("C:\\x", BadName::Backslash),
        ("\\\\srv\\s", BadName::Backslash),
        ("a\u{61c}", BadName::Direction),
        ("a\u{200e}", BadName::Direction),
        ("a\u{200f}", BadName::Direction),
        ("\u{202a}a", BadName::Direction),
        ("\u{202e}txt.exe", BadName::Direction),
        ("a\u{2066}", BadName::Direction),
        ("a\u{2069}", BadName::Direction),
        ("a\u{2044}b", BadName::SlashLookAlike),
        ("..\u{2215}x", BadName::SlashLookAlike),
        ("..\u{ff0f}x", BadName::SlashLookAlike),
    ];

    #[test]
    fn odd_names_pass_as_they_stand() {
        let longest = "n".repeat(255);
        let nested = format!("{}x", "d/".repeat(127));
        for good in [
            "a",
            "a b",
            " a",
            "a ",
            "-rf",
            "a..b",
            "a.",
            "CON",
            "a:b",
            "%2e%2e",
            "%2e%2e%2fx",
            "*?<>|\"'",
            "🦀.txt",
            "日本/語",
            "d/e/f.tar.gz",
            "~",
            "$HOME",
            "é",
            &longest,
            &nested,
        ] {
            assert_eq!(FileName::parse(good).map(|n| n.to_string()), Ok(good.to_owned()));
        }
    }

    #[test]
    fn every_bad_name_has_its_reason() {
        let long = ["n".repeat(256), "é".repeat(128)];
        let catalogue = || BAD.into_iter().chain(long.iter().map(|long| (&**long, BadName::TooLong)));
        for (bad, reason) in catalogue() {
            assert_eq!(FileName::parse(bad), Err(reason), "{bad:?}");
        }
        for reason in BadName::ALL {
            assert!(catalogue().any(|(_, seen)| seen == *reason), "{reason:?} is in the catalogue");
            assert_eq!(Refusal::from(*reason).code, Code::BadName);
        }
    }

    #[test]
    fn composed_and_decomposed_are_one_name() {
        assert_eq!(FileName::parse("zoe\u{308}"), FileName::parse("zo\u{eb}"));
        assert!(FileName::parse(&"e\u{301}".repeat(127)).is_ok(), "the length counts after NFC");
    }

    #[test]
    fn folders_and_own_name() {
        let nested = FileName::parse("a/b c/d").unwrap();
        let (folders, own) = nested.split();
        assert_eq!((folders.collect::<Vec<_>>(), own), (vec!["a", "b c"], "d"));
        let flat = FileName::parse("d").unwrap();
        assert_eq!(flat.split().0.count(), 0);
        assert_eq!(flat.split().1, "d");
    }

    proptest! {
        #[test]
        fn what_passes_stays_below_the_folder(written in "[./a\\\\é\u{301}\u{202e}\u{ff0f}\u{0}-\u{20} ]{0,20}") {
            if let Ok(name) = FileName::parse(&written) {
                prop_assert_eq!(FileName::parse(name.as_str()), Ok(name.clone()));
                let path = std::path::Path::new(name.as_str());
                prop_assert!(path.components().all(|c| matches!(c, std::path::Component::Normal(_))));
                let (folders, own) = name.split();
                let parts: Vec<&str> = folders.chain([own]).collect();
                prop_assert_eq!(parts.join("/"), name.as_str());
            }
        }
    }
}
