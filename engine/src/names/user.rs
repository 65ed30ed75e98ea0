//! User names, and when two of them are the same.

use std::fmt;
use std::sync::Arc;

use caseless::Caseless;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_script::{Script, UnicodeScript};
use unicode_security::confusable_detection::skeleton;
use unicode_security::mixed_script::AugmentedScriptSet;

use crate::{Code, Refusal};

/// A user's name in NFC: 1 to 32 characters, XID_Continue of any script and `_ - .`, the first of them
/// neither `-` nor `.`, and no confusing mixture of scripts.
///
/// Two spellings are one name when they are equal after NFKC and full case folding, or when they look
/// the same: [`UserName::is_same`], and [`super::NameIndex`] for many of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserName(Arc<str>);

impl UserName {
    /// Longest name in characters.
    pub const MAX_CHARS: usize = 32;

    /// Reads a name.
    ///
    /// # Errors
    /// [`Code::BadName`].
    pub fn parse(written: &str) -> Result<Self, Refusal> {
        let name: String = written.nfc().collect();
        let refuse = |words| Err(Refusal::new(Code::BadName, words));
        if name.is_empty() || name.chars().count() > Self::MAX_CHARS {
            return refuse("a name has 1 to 32 characters");
        }
        if name.starts_with(['-', '.']) {
            return refuse("a name does not begin with - or .");
        }
        if name.starts_with(is_combining_mark) {
            return refuse("a name does not begin with a mark that has no letter");
        }
        if !name.chars().all(is_name_char) {
            return refuse("a name is letters, digits, _, - and .");
        }
        if mixes_scripts(&name) {
            return refuse("a name does not mix scripts that look alike");
        }
        Ok(UserName(name.into()))
    }

    /// The name with a number behind it, cut where it would become too long: for whoever has to take
    /// another one.
    pub fn numbered(&self, number: u32) -> UserName {
        let suffix = format!("-{number}");
        let kept: String = self.0.chars().take(Self::MAX_CHARS - suffix.len()).collect();
        UserName((kept + &suffix).nfc().collect::<String>().into())
    }

    /// The name as its owner wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name after NFKC and full case folding (Unicode 3.13, toNFKC_Casefold).
    pub fn folded(&self) -> Box<str> {
        if self.0.is_ascii() {
            return self.0.to_ascii_lowercase().into();
        }
        // Lower case first: the standard library knows letters that are newer than the folding's tables, and
        // to all others it makes no difference.
        let lower = self.0.chars().flat_map(char::to_lowercase);
        let folded: String = lower.nfkd().default_case_fold().nfkd().default_case_fold().nfkc().collect();
        folded.into()
    }

    /// What the name looks like: the confusable skeleton of UTS 39, section 4.
    pub fn skeleton(&self) -> Box<str> {
        skeleton(&self.0).collect::<String>().into()
    }

    /// Whether both spellings are one name.
    pub fn is_same(&self, other: &UserName) -> bool {
        self.folded() == other.folded() || self.skeleton() == other.skeleton()
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_name_char(c: char) -> bool {
    (unicode_ident::is_xid_continue(c) && !is_invisible(c)) || matches!(c, '_' | '-' | '.')
}

/// Fillers, joiners and variation selectors are XID_Continue, and a name made of them would be a blank. UTS 39
/// leaves what Unicode calls default-ignorable out of a skeleton: whoever has none can't be seen.
fn is_invisible(c: char) -> bool {
    !c.is_ascii() && skeleton(c.encode_utf8(&mut [0; 4])).next().is_none()
}

/// UTS 39, section 5.2: a name is at most "highly restrictive": of one script, or Latin beside Japanese,
/// Korean or Chinese. Unlike the standard's level this takes every script, also the rarely used ones.
fn mixes_scripts(name: &str) -> bool {
    let all = AugmentedScriptSet::for_str(name);
    if !all.is_empty() {
        return false;
    }
    let rest: String = name.chars().filter(|&c| !is_latin(c)).collect();
    let rest = AugmentedScriptSet::for_str(&rest);
    !(rest.jpan || rest.kore || rest.hanb)
}

fn is_latin(c: char) -> bool {
    c.script() == Script::Latin
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(written: &str) -> UserName {
        UserName::parse(written).unwrap()
    }

    #[test]
    fn names_of_many_scripts_pass() {
        for good in [
            "alice",
            "_",
            "9",
            "a.b-c_d",
            "zoë",
            "Алиса",
            "爱丽丝",
            "アリスさん",
            "앨리스",
            "alice日本",
            "Αλίκη",
        ] {
            assert_eq!(UserName::parse(good).map(|n| n.to_string()), Ok(good.to_owned()));
        }
        assert!(UserName::parse(&"é".repeat(32)).is_ok());
    }

    #[test]
    fn bad_names_are_refused() {
        let long = "a".repeat(33);
        let bad = [
            "",
            " ",
            "a b",
            " a",
            "-a",
            ".a",
            "a\tb",
            "a\n",
            "a\0",
            "[a]",
            "a:b",
            "#a",
            "*",
            "a@b",
            "🦀",
            "аdmin",
            "\u{202e}abc",
            "a\u{200b}b",
            "x\u{1b}[2J",
            "pаypal",
            "\u{3164}",
            "\u{200d}\u{200d}",
            "a\u{200d}b",
            "\u{fe0f}",
            "\u{e0100}",
            "\u{301}",
            "\u{301}bob",
            &long,
        ];
        for bad in bad {
            assert_eq!(UserName::parse(bad).unwrap_err().code, Code::BadName, "{bad:?}");
        }
    }

    #[test]
    fn composed_and_decomposed_are_one_spelling() {
        assert_eq!(name("zoe\u{308}"), name("zo\u{eb}"));
    }

    #[test]
    fn case_compatibility_and_looks_make_names_the_same() {
        for (a, b) in [
            ("Bob", "bob"),
            ("straße", "STRASSE"),
            ("ｂｏｂ", "bob"),
            ("\u{16ea0}", "\u{16ebb}"),
            ("userl", "user1"),
            ("сосо", "coco"),
        ] {
            assert!(name(a).is_same(&name(b)), "{a} {b}");
        }
        assert!(!name("bob").is_same(&name("rob")));
    }

    proptest! {
        #[test]
        fn parsing_twice_changes_nothing(written in "\\PC{1,40}") {
            if let Ok(once) = UserName::parse(&written) {
                prop_assert_eq!(UserName::parse(once.as_str()), Ok(once.clone()));
                prop_assert!(once.is_same(&once));
                prop_assert!(!once.as_str().contains(['[', ']', ' ', ':']));
            }
        }
    }

    #[test]
    fn a_numbered_name_is_a_name() {
        for (name, numbered) in [("alice", "alice-2".to_owned()), (&"é".repeat(32), "é".repeat(30) + "-2")]
        {
            let made = UserName::parse(name).unwrap().numbered(2);
            assert_eq!(made.as_str(), numbered);
            assert_eq!(UserName::parse(&numbered), Ok(made));
        }
    }
}
