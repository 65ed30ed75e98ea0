//! Whether a message is for the reader.

use engine::names::UserName;

/// Whether the text has the name in it as a word of its own, in any case.
pub(super) fn names(text: &str, name: &UserName) -> bool {
    let (text, name) = (text.to_lowercase(), name.as_str().to_lowercase());
    text.match_indices(&name).any(|(at, found)| {
        let before = text[..at].chars().next_back();
        let after = text[at + found.len()..].chars().next();
        !before.is_some_and(belongs_to_a_name) && !after.is_some_and(belongs_to_a_name)
    })
}

/// A full stop may be part of a name, and ends many a sentence.
fn belongs_to_a_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_word_of_its_own() {
        let al = UserName::parse("Al").unwrap();
        for (text, named) in [
            ("al: look", true),
            ("thanks, AL.", true),
            ("@al", true),
            ("also al", true),
            ("also", false),
            ("hal", false),
            ("al-one", false),
            ("", false),
        ] {
            assert_eq!(names(text, &al), named, "{text}");
        }
        assert!(names("привет, Ёж!", &UserName::parse("ёж").unwrap()));
    }
}
