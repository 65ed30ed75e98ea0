//! What a talk is called and how much is new in it, in as few cells as there are.

use unicode_segmentation::UnicodeSegmentation;

use super::talk::Talk;
use super::wrap::width;
use crate::chat::command::Target;

/// How much is new, and how much of that is for the reader: `5 2!`. Where all of it is, one number says so.
pub(super) fn news(talk: &Talk) -> Option<String> {
    match (talk.unread, talk.mentions) {
        (0, _) => None,
        (unread, 0) => Some(few(unread)),
        (unread, mentions) if mentions >= unread => Some(format!("{}!", few(mentions))),
        (unread, mentions) => Some(format!("{} {}!", few(unread), few(mentions))),
    }
}

/// Room names and the people one talks to, told apart.
pub(super) fn name_of(target: &Target) -> String {
    match target {
        Target::Room(room) => format!("#{room}"),
        Target::Person(name) => format!("@{name}"),
    }
}

/// A number in at most four cells.
fn few(count: u32) -> String {
    if count > 999 { "999+".into() } else { count.to_string() }
}

/// As much of a text as fits, with an ellipsis where something is missing.
pub(super) fn cut(text: &str, wide: u16) -> String {
    if width(text) <= wide {
        return text.to_owned();
    }
    let mut kept = String::new();
    for one in text.graphemes(true) {
        if width(&kept) + width(one) + 1 > wide {
            break;
        }
        kept.push_str(one);
    }
    if wide > 0 { kept + "…" } else { kept }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_says_so() {
        assert_eq!(cut("lobby", 5), "lobby");
        assert_eq!(cut("lobby", 4), "lob…");
        assert_eq!(cut("日本語", 4), "日…");
        assert_eq!(cut("lobby", 0), "");
    }
}
